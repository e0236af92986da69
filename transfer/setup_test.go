package transfer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var verbose = flag.Bool("transfer.log", false, "show the log of servers and clients")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate makes a self-signed one.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(mrand.Int64()), Subject: pkix.Name{CommonName: "node"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// node is a server on loopback with a directory for its one tenant.
type node struct {
	*Server
	root string
	spec Spec
	stop func() // ends it well
	die  func() // as kill -9 looks from outside: connections break without a word
}

// grants is an Authorizer that knows one token.
type grants struct {
	token string
	grant Grant
	allow func(Credential, Request) error
}

func (g grants) Authorize(_ context.Context, c Credential, r Request) (Grant, error) {
	if g.allow != nil {
		if err := g.allow(c, r); err != nil {
			return Grant{}, err
		}
	} else if c.Token != g.token {
		return Grant{}, newError(CodeUnauthorized, "the token is not valid", nil)
	}
	return g.grant, nil
}

// startNode serves root; change adjusts configuration and grant first.
func startNode(t testing.TB, root string, change func(*ServerConfig, *grants)) *node {
	t.Helper()
	return startTuned(t, root, change, func(*Server) {})
}

// startTuned is startNode with tune for what no configuration says, before anybody
// can connect.
func startTuned(t testing.TB, root string, change func(*ServerConfig, *grants), tune func(*Server)) *node {
	t.Helper()
	cert := certificate(t)
	g := grants{token: "open sesame", grant: Grant{
		Tenant: "tenant", OpenRoot: func() (*os.Root, error) { return os.OpenRoot(root) },
	}}
	config := ServerConfig{
		Certificate: func() (*tls.Certificate, error) { return &cert, nil },
		NodeID:      fmt.Sprintf("node-%d", mrand.Uint32()), Log: testLog(t), EventInterval: 20 * time.Millisecond,
	}
	if change != nil {
		change(&config, &g)
	}
	config.Authorizer = g
	s, err := NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	tune(s)
	tcp, udp, err := Listen("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	mortal := &mortal{Listener: tcp}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, mortal, udp) }()
	n := &node{Server: s, root: root, spec: Spec{
		Version: SpecVersion, NodeID: config.NodeID, Host: "127.0.0.1", Port: tcp.Addr().(*net.TCPAddr).Port,
		CertSHA256: CertificateFingerprint(cert.Certificate[0]), Token: "open sesame",
	}}
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	n.die = func() {
		mortal.kill()
		n.stop()
	}
	t.Cleanup(n.stop)
	return n
}

func testLog(t testing.TB) *slog.Logger {
	if *verbose {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// client talks to the given nodes in turn.
func client(t testing.TB, nodes ...*node) *Client {
	return &Client{
		Specs: func(_ context.Context, a Attempt) (Spec, error) {
			return nodes[min(a.Number, len(nodes))-1].spec, nil
		},
		Log: testLog(t),
	}
}

// run runs a job that has to end within a while.
func run(t testing.TB, c *Client, job Job) (Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	return c.Run(ctx, job)
}

func mustRun(t testing.TB, c *Client, job Job) Result {
	t.Helper()
	r, err := run(t, c, job)
	if err != nil {
		t.Fatalf("%s: %v (%+v)", job.Direction, err, r)
	}
	if len(r.Failed) > 0 {
		t.Fatalf("%s: %d failed files, such as %v", job.Direction, len(r.Failed), r.Failed[:min(3, len(r.Failed))])
	}
	return r
}

// write makes a file of n bytes that no other file equals.
func write(t testing.TB, name string, n int) []byte {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	seed := [32]byte{}
	_, _ = rand.Read(seed[:])
	_, _ = mrand.NewChaCha8(seed).Read(b)
	if err := os.WriteFile(name, b, 0o640); err != nil {
		t.Fatal(err)
	}
	return b
}

// same compares two trees: names, kinds, contents, modes and times.
func same(t testing.TB, want, got string) {
	t.Helper()
	seen := map[string]bool{}
	err := filepath.WalkDir(want, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(want, p)
		seen[rel] = true
		q := filepath.Join(got, rel)
		a, err := os.Lstat(p)
		if err != nil {
			return err
		}
		b, err := os.Lstat(q)
		if err != nil {
			t.Errorf("missing: %s", rel)
			return nil //nolint:nilerr // told already; the rest is compared as well
		}
		if a.Mode() != b.Mode() {
			t.Errorf("%s: mode %v, want %v", rel, b.Mode(), a.Mode())
		}
		if rel != "." && a.Mode().Type() != fs.ModeSymlink && !a.ModTime().Equal(b.ModTime()) {
			t.Errorf("%s: time %v, want %v", rel, b.ModTime(), a.ModTime())
		}
		switch a.Mode().Type() {
		case 0:
			x, _ := os.ReadFile(p)
			y, _ := os.ReadFile(q)
			if !bytes.Equal(x, y) {
				t.Errorf("%s: contents differ (%d and %d bytes)", rel, len(x), len(y))
			}
		case fs.ModeSymlink:
			x, _ := os.Readlink(p)
			if y, _ := os.Readlink(q); x != y {
				t.Errorf("%s: leads to %q, want %q", rel, y, x)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = filepath.WalkDir(got, func(p string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(got, p); err == nil && !seen[rel] {
			t.Errorf("too much: %s", rel)
		}
		return nil
	})
}

// mortal is a listener whose connections can be killed.
type mortal struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	dead  bool
}

func (m *mortal) Accept() (net.Conn, error) {
	c, err := m.Listener.Accept()
	if err == nil {
		m.mu.Lock()
		m.conns = append(m.conns, c)
		if m.dead {
			c.Close()
		}
		m.mu.Unlock()
	}
	return c, err
}

func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	for _, c := range m.conns {
		_ = c.(*net.TCPConn).SetLinger(0) // a reset, as from a process that is gone
		c.Close()
	}
}

func asError(err error, e **Error) bool { return errors.As(err, e) }
