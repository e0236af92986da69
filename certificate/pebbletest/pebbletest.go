// Package pebbletest runs Pebble, Let's Encrypt's ACME server for tests, beside a
// test. It is built from a module of its own, whose version is pinned there.
package pebbletest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	"github.com/godwit/godwit/certificate/certtest"
	"github.com/godwit/godwit/internal/loopback"
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

// Config of a Server.
type Config struct {
	// DNS is where it resolves names: host:port, by TCP.
	DNS string
	// Life of the certificates that it issues.
	Life time.Duration
	// HTTPPort is where it looks for proofs by HTTP, instead of port 80; 5002 if zero.
	HTTPPort int
}

// Start runs Pebble until the test ends.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &Server{CAFile: filepath.Join(dir, "ca.pem")}
	chain, key, ca := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem"), certtest.New(t)
	ca.Issue(t, certtest.Leaf{Addresses: []net.IP{net.IPv4(127, 0, 0, 1)}}).Write(t, chain, key)
	s.own = ca.PEM()
	if err := os.WriteFile(s.CAFile, s.own, 0o600); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}}
	s.client = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	for try := 1; ; try++ {
		var at [2]string
		for i := range at {
			if at[i], err = loopback.Free(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		acme, management := at[0], at[1]
		config, err := json.Marshal(map[string]any{"pebble": map[string]any{
			"listenAddress": acme, "managementListenAddress": management, "certificate": chain, "privateKey": key,
			"httpPort": cmp.Or(c.HTTPPort, 5002), "tlsPort": 5001, "keyAlgorithm": "ecdsa", "retryAfter": map[string]any{"authz": 1, "order": 1},
			"profiles": map[string]any{"default": map[string]any{"description": "default", "validityPeriod": int(c.Life / time.Second)}},
		}})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Directory, s.management = "https://"+acme+"/dir", "https://"+management
		if s.run(t, bin, dir, c.DNS) {
			return s
		}
		if try == 3 { // somebody else took a port each time
			t.Fatal("pebble did not start three times")
		}
	}
}

// run starts the process, and says whether it answers.
func (s *Server) run(t testing.TB, bin, dir, dns string) bool {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(bin, "-config", "config.json", "-dnsserver", dns) //nolint:noctx // ended below
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
