// Package pebbletest runs Pebble, Let's Encrypt's ACME server for tests, beside a
// test. It is built from a module of its own, whose version is pinned there.
package pebbletest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a running Pebble.
type Server struct {
	// Directory is its ACME directory.
	Directory string
	// CAFile has the root, in PEM, that its own HTTPS is trusted by.
	CAFile string

	management string
	own        []byte
	client     *http.Client
}

// program is where Pebble is, in the Go tool's cache; built if it is not there.
var program = sync.OnceValues(func() (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("pebble: no source directory")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "pebble")
	cmd.Dir = filepath.Join(filepath.Dir(here), "pebble")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("pebble: %w\n%s", err, errs.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
})

// Start runs Pebble until the test ends. It resolves names at dns, host:port by
// TCP, and its certificates last for life.
func Start(t testing.TB, dns string, life time.Duration) *Server {
	t.Helper()
	at, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &Server{CAFile: filepath.Join(dir, "ca.pem")}
	key := filepath.Join(dir, "key.pem")
	s.own = own(t, s.CAFile, key)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.own)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	s.client = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	for try := 1; ; try++ {
		acme, management := freePort(t), freePort(t)
		config, err := json.Marshal(map[string]any{"pebble": map[string]any{
			"listenAddress": acme, "managementListenAddress": management, "certificate": s.CAFile, "privateKey": key,
			"httpPort": 5002, "tlsPort": 5001, "keyAlgorithm": "ecdsa", "retryAfter": map[string]any{"authz": 1, "order": 1},
			"profiles": map[string]any{"default": map[string]any{"description": "default", "validityPeriod": int(life / time.Second)}},
		}})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Directory, s.management = "https://"+acme+"/dir", "https://"+management
		if s.run(t, at, dir, dns) {
			return s
		}
		if try == 3 { // somebody else took a port each time
			t.Fatal("pebble did not start three times")
		}
	}
}

// run starts the process, and says whether it answers.
func (s *Server) run(t testing.TB, at, dir, dns string) bool {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(at, "-config", "config.json", "-dnsserver", dns) //nolint:noctx // ended below
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0") // every order is proved anew
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed
		close(gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // or it ended by itself
		<-gone
		if t.Failed() {
			t.Logf("pebble:\n%s", log.Bytes())
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for {
		if _, err := s.get(t, s.Directory); err == nil {
			if _, err = s.get(t, s.management+"/roots/0"); err == nil {
				return true
			}
		}
		select {
		case <-gone:
			return false
		case <-limit:
			t.Fatal("pebble does not answer")
		case <-tick.C:
		}
	}
}

// Own is the root of CAFile, in PEM.
func (s *Server) Own() []byte { return s.own }

// Root is that of the certificates which it issues, in PEM.
func (s *Server) Root(t testing.TB) []byte {
	t.Helper()
	b, err := s.get(t, s.management+"/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s *Server) get(t testing.TB, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// own writes a certificate for this machine, its own root, and the key.
func own(t testing.TB, certFile, keyFile string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, content := range map[string][]byte{certFile: cert, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
