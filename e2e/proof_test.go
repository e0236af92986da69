package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/certificate/pebbletest"
	"github.com/godwit/godwit/transfer"
)

// A name in a zone that nobody may change, but that leads to the nodes, is proved
// by the node itself, which answers a real ACME server while the order is under
// way and listens to nobody afterwards.
func TestNodeProvesTheNameThatLeadsToIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const name = "c.godwit.test"
	// The port is somebody else's until there is a node, so that nobody takes it meanwhile.
	squatter, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { squatter.Close() })
	door, port := squatter.Addr().String(), squatter.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener's
	pebble := pebbletest.Start(t, pebbletest.Config{DNS: relay(t, func() string { return dnsAddress(s) }), Life: time.Hour, HTTPPort: port})
	small(t, s, 1, 100, "--dns-listen", "127.0.0.1:0", "--dns-zone", "godwit.test", "--dns-ttl", "1s", "--log-level", "debug",
		"--acme-http-cluster", "c="+name, "--acme-http-port", strconv.Itoa(port), "--acme-directory", pebble.Directory, "--acme-ca", pebble.CAFile, "--acme-agree")
	nodes, err := s.API.Nodes(t.Context())
	if err != nil || len(nodes) == 0 {
		t.Fatal(nodes, err)
	}
	squatter.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pebble.Root(t))
	eventually(t, 60*time.Second, "a node that is trusted by its name", func(ctx context.Context) (bool, error) {
		d := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{transfer.ALPN}, MinVersion: tls.VersionTLS13}}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(nodes[0].Port)))
		if err != nil {
			return false, err
		}
		return true, conn.Close()
	})
	eventually(t, 20*time.Second, "the end of the proof", func(ctx context.Context) (bool, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", door)
		if err == nil {
			return false, conn.Close()
		}
		return true, nil
	})
	if out := must(t, s, "certificate", "get", "c"); !strings.Contains(out, "ordered by the manager") || !strings.Contains(out, "Pebble Intermediate") {
		t.Errorf("it is not said where the certificate is from:\n%s", out)
	}
	if found := must(t, s, "condition", "list"); strings.Contains(found, " certificate_failing ") {
		t.Errorf("conditions:\n%s", found)
	}
}
