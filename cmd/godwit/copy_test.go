package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/godwit/godwit/transfer"
)

// serveRoot runs a real transfer server on root, for one access key.
func serveRoot(root, key, secret string) (spec transfer.Spec, stop func(), err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return spec, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return spec, nil, err
	}
	verifier := transfer.AccessKeyVerifier(secret)
	server, err := transfer.NewServer(transfer.ServerConfig{
		NodeName: "n1", Log: slog.New(slog.DiscardHandler),
		Certificate: func() (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
		},
		Authorizer: transfer.AuthorizerFunc(func(_ context.Context, c transfer.Credential, _ transfer.Request) (transfer.Grant, error) {
			if c.AccessKey != key || !transfer.CheckAccessKeyProof(verifier, c) {
				return transfer.Grant{}, &transfer.Error{Code: transfer.CodeUnauthorized, Message: "wrong key"}
			}
			return transfer.Grant{
				Tenant: "t", Delete: true, Preserve: transfer.Attributes(),
				OpenRoot: func() (*os.Root, error) { return os.OpenRoot(root) },
			}, nil
		}),
	})
	if err != nil {
		return spec, nil, err
	}
	tcp, udp, err := transfer.Listen("127.0.0.1", 0)
	if err != nil {
		return spec, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(ctx, tcp, udp) })
	spec = transfer.Spec{
		Version: transfer.SpecVersion, Host: "127.0.0.1", Port: tcp.Addr().(*net.TCPAddr).Port,
		CertSHA256: transfer.CertificateFingerprint(der), AccessKey: key, Secret: secret,
	}
	return spec, func() { cancel(); wg.Wait() }, nil
}

// TestCopies runs scripts against a node: NODE and PIN address it, its root is the
// script's directory root.
func TestCopies(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/copy",
		Condition: func(c string) (bool, error) {
			if c == "race" {
				return raceDetector, nil
			}
			return false, fmt.Errorf("unknown condition %q", c)
		},
		Setup: func(e *testscript.Env) error {
			root := filepath.Join(e.WorkDir, "root")
			if err := os.MkdirAll(root, 0o755); err != nil {
				return err
			}
			spec, stop, err := serveRoot(root, "K", "s3cret")
			if err != nil {
				return err
			}
			e.Defer(stop)
			e.Setenv(memoryEnv, "off")
			e.Setenv("GODWIT_CONFIG", filepath.Join(e.WorkDir, "profiles.json"))
			e.Setenv("GODWIT_MANAGER", "https://127.0.0.1:1") // never asked
			e.Setenv("GODWIT_ACCESS_KEY", "K")
			e.Setenv("GODWIT_SECRET", "s3cret")
			e.Setenv("NODE", fmt.Sprintf("godwit://127.0.0.1:%d", spec.Port))
			e.Setenv("PIN", "#sha256="+spec.CertSHA256)
			return nil
		},
	})
}
