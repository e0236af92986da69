package transfer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/filter"
)

// serve runs a server on a free port for whoever knows the token. A program of
// yours has the certificate of its host and an Authorizer of its own.
func serve(root, token string) (spec transfer.Spec, stop func()) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	server, err := transfer.NewServer(transfer.ServerConfig{
		Certificate: func() (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
		},
		Authorizer: transfer.AuthorizerFunc(func(_ context.Context, c transfer.Credential, _ transfer.Request) (transfer.Grant, error) {
			if c.Token != token {
				return transfer.Grant{}, &transfer.Error{Code: transfer.CodeUnauthorized, Message: "unknown token"}
			}
			return transfer.Grant{
				Tenant: "example", Delete: true,
				OpenRoot: func() (*os.Root, error) { return os.OpenRoot(root) },
			}, nil
		}),
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	tcp, udp, err := transfer.Listen("127.0.0.1", 0)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, tcp, udp) }()
	spec = transfer.Spec{
		Version: transfer.SpecVersion, Host: "127.0.0.1", Port: tcp.Addr().(*net.TCPAddr).Port,
		CertSHA256: transfer.CertificateFingerprint(der), Token: token,
	}
	return spec, func() {
		cancel()
		if err := <-done; err != nil {
			log.Fatal(err)
		}
	}
}

// dirs makes a directory for the server and one for the client.
func dirs() (far, near string, remove func()) {
	base, err := os.MkdirTemp("", "godwit-example")
	if err != nil {
		log.Fatal(err)
	}
	far, near = filepath.Join(base, "far"), filepath.Join(base, "near")
	for _, d := range []string{far, near} {
		if err := os.Mkdir(d, 0o755); err != nil {
			log.Fatal(err)
		}
	}
	return far, near, func() { _ = os.RemoveAll(base) }
}

func put(name, content string) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		log.Fatal(err)
	}
}

// always is a source of specs for one server. A client of a cluster asks its
// manager instead, and tells it which node failed, so that the job survives the
// death of any node.
func always(spec transfer.Spec) func(context.Context, transfer.Attempt) (transfer.Spec, error) {
	return func(context.Context, transfer.Attempt) (transfer.Spec, error) { return spec, nil }
}

func ExampleClient_Run() {
	far, near, remove := dirs()
	defer remove()
	spec, stop := serve(far, "sesame")
	defer stop()
	put(filepath.Join(near, "photos/one.jpg"), "…")
	put(filepath.Join(near, "photos/two.jpg"), "…")

	client := &transfer.Client{Specs: always(spec)}
	result, err := client.Run(context.Background(), transfer.Job{
		Direction:   transfer.Push,
		Sources:     []string{filepath.Join(near, "photos")},
		Destination: "inbox/",
		Options:     transfer.Options{Rate: 500e6, Policy: transfer.Fair},
	})
	if err != nil {
		fmt.Println(transfer.CodeOf(err), err)
		return
	}
	fmt.Printf("%d files, %d failed\n", result.Files, len(result.Failed))
	_, err = os.Stat(filepath.Join(far, "inbox/photos/two.jpg"))
	fmt.Println("there:", err == nil)
	// Output:
	// 2 files, 0 failed
	// there: true
}

// A running job tells how far it is, and takes another rate at once.
func ExampleClient_Start() {
	far, near, remove := dirs()
	defer remove()
	spec, stop := serve(far, "sesame")
	defer stop()
	put(filepath.Join(near, "film.mxf"), strings.Repeat("frame", 100_000))

	client := &transfer.Client{Specs: always(spec), OnEvent: func(e transfer.Event) {
		switch e.Kind {
		case transfer.EventFile:
			fmt.Printf("%s: %s, %d bytes, BLAKE3 %x…\n", e.Path, e.Outcome, e.Size, e.Hash[:4])
		case transfer.EventProgress: // a few times a second: e.Progress.Rate, .RTT, .Loss, .ETA()
		}
	}}
	running, err := client.Start(context.Background(), transfer.Job{
		Direction: transfer.Push, Sources: []string{filepath.Join(near, "film.mxf")}, Destination: "film.mxf",
		Options: transfer.Options{Rate: 1e6},
	})
	if err != nil {
		log.Fatal(err)
	}
	running.SetRate(0) // as fast as the path allows
	running.SetPolicy(transfer.High)
	result, err := running.Wait()
	fmt.Println(result.Files, err)
	// Output:
	// film.mxf: committed, 500000 bytes, BLAKE3 2654090d…
	// 1 <nil>
}

// A dry run of a mirror says what would be copied and deleted.
func ExampleJob_mirror() {
	far, near, remove := dirs()
	defer remove()
	spec, stop := serve(far, "sesame")
	defer stop()
	put(filepath.Join(far, "backup/gone.txt"), "deleted at the source since")
	put(filepath.Join(near, "docs/new.txt"), "new")
	put(filepath.Join(near, "docs/cache/x"), "not worth it")

	client := &transfer.Client{Specs: always(spec), OnEvent: func(e transfer.Event) {
		switch e.Kind {
		case transfer.EventFile:
			fmt.Println(e.Outcome, e.Path)
		case transfer.EventDeleted:
			fmt.Println("would delete", e.Path)
		}
	}}
	result, err := client.Run(context.Background(), transfer.Job{
		Direction: transfer.Push, Sources: []string{filepath.Join(near, "docs") + "/"}, Destination: "backup",
		Options: transfer.Options{
			DryRun: true, Delete: true,
			Filter: filter.Spec{Rules: []filter.Rule{{Pattern: "cache/"}}},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Files, "to copy,", result.Deleted, "to delete")
	// Output:
	// planned new.txt
	// would delete backup/gone.txt
	// 1 to copy, 1 to delete
}

// What a program produces becomes a file while it is produced, and what is stored
// can be read in order without a file here.
func ExampleJob_streams() {
	far, _, remove := dirs()
	defer remove()
	spec, stop := serve(far, "sesame")
	defer stop()
	client := &transfer.Client{Specs: always(spec)}

	_, err := client.Run(context.Background(), transfer.Job{
		Direction: transfer.Push, Input: strings.NewReader("made on the way"), Destination: "log.txt",
	})
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	_, err = client.Run(context.Background(), transfer.Job{
		Direction: transfer.Pull, Sources: []string{"log.txt"}, Output: &out,
	})
	fmt.Println(out.String(), err)
	// Output: made on the way <nil>
}

func ExampleClient_List() {
	far, _, remove := dirs()
	defer remove()
	spec, stop := serve(far, "sesame")
	defer stop()
	put(filepath.Join(far, "inbox/a.txt"), "abc")
	put(filepath.Join(far, "inbox/b/c.txt"), "")

	client := &transfer.Client{}
	entries, more, err := client.List(context.Background(), spec, "inbox", transfer.ListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		fmt.Println(e.Type, e.Path)
	}
	fmt.Println("more:", more)
	// Output:
	// file a.txt
	// dir b
	// more: false
}
