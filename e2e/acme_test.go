package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/godwit/godwit/certificate/pebbletest"
	"github.com/godwit/godwit/transfer"
)

// A certificate is ordered from a real ACME server, which finds the proof in the
// manager's own DNS server; clients that look for the name, and found the node by
// it, trust the node by the authority's root alone; it is renewed under a running
// copy, which notices nothing.
func TestCertificatesAreOrderedAndRenewedUnderARunningCopy(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const name = "c.godwit.test"
	pebble := pebbletest.Start(t, pebbletest.Config{DNS: relay(t, func() string { return dnsAddress(s) }), Life: 24 * time.Second})
	small(t, s, 1, 5, "--dns-listen", "127.0.0.1:0", "--dns-zone", "godwit.test", "--dns-ttl", "1s",
		"--acme-cluster", "c="+name+",all."+name, "--acme-directory", pebble.Directory, "--acme-ca", pebble.CAFile, "--acme-email", "operator@example.org", "--acme-agree")
	at := dnsAddress(s)
	nodes, err := s.API.Nodes(t.Context())
	if err != nil || len(nodes) == 0 {
		t.Fatal(nodes, err)
	}
	node := nodes[0]
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pebble.Root(t))
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, at)
	}}
	serial := func(ctx context.Context) (string, error) {
		d := &tls.Dialer{
			NetDialer: &net.Dialer{Resolver: resolver},
			Config:    &tls.Config{RootCAs: roots, NextProtos: []string{transfer.ALPN}, MinVersion: tls.VersionTLS13},
		}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(name, strconv.Itoa(node.Port)))
		if err != nil {
			return "", err
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String(), nil //nolint:forcetypeassert // a tls.Dialer's
	}
	eventually(t, 60*time.Second, "a node that is trusted by its name", func(ctx context.Context) (bool, error) {
		_, err := serial(ctx)
		return err == nil, err
	})

	c := startRunning(t, s, node.ID, "renewal", "c:/big.bin")
	first, err := serial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "the renewed certificate", func(ctx context.Context) (bool, error) {
		now, err := serial(ctx)
		return err == nil && now != first, err
	})
	c.unmoved(t)
	after, err := s.API.Nodes(t.Context())
	if err != nil || len(after) != 1 || after[0].ID != node.ID {
		t.Errorf("the node was replaced: %v, %v", after, err)
	}
	// A life of seconds ends soon, which is another condition; its advice names this one.
	if found := must(t, s, "condition", "list"); bytes.Contains([]byte(found), []byte(" certificate_failing ")) {
		t.Errorf("conditions:\n%s", found)
	}
}
