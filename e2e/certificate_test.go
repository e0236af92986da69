package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/godwit/godwit/certificate/certtest"
	"github.com/godwit/godwit/transfer"
)

// Clients that look for a node by a name of the cluster's certificate are shown
// it and trust it by their system's authorities; one that is renewed is shown at
// once, and what runs goes on. Pins hold as before. Not parallel, for the
// environment is everybody's.
func TestNodesShowACertificateThatTheWorldTrusts(t *testing.T) {
	s := newStage(t)
	if err := os.MkdirAll(s.Path("tls"), 0o755); err != nil {
		t.Fatal(err)
	}
	chain, key, roots := s.Path("tls", "chain.pem"), s.Path("tls", "key.pem"), s.Path("tls", "roots.pem")
	ca := certtest.New(t)
	if err := os.WriteFile(roots, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	localhost := certtest.Leaf{Names: []string{"localhost"}}
	first := ca.Issue(t, localhost)
	first.Write(t, chain, key)
	small(t, s, 1, 20, "--node-certificate", "c="+chain+","+key)
	nodes, err := s.API.Nodes(t.Context())
	if err != nil || len(nodes) == 0 {
		t.Fatal(nodes, err)
	}
	node := nodes[0]
	at := net.JoinHostPort("localhost", strconv.Itoa(node.Port))
	shown := func(ctx context.Context) (int64, error) {
		d := &tls.Dialer{Config: &tls.Config{ServerName: "localhost", InsecureSkipVerify: true, NextProtos: []string{transfer.ALPN}, MinVersion: tls.VersionTLS13}} //nolint:gosec // to look at it
		conn, err := d.DialContext(ctx, "tcp", at)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil //nolint:forcetypeassert // a tls.Dialer's
	}
	eventually(t, 20*time.Second, "the certificate", func(ctx context.Context) (bool, error) {
		serial, err := shown(ctx)
		return serial == certtest.Serial(t, first.Chain), err
	})
	_, errs, code := godwit(t, s, "cp", bigFile(t, s), "godwit://"+at+"/refused.bin")
	if code == 0 || !bytes.Contains([]byte(errs), []byte("is not to be trusted")) {
		t.Errorf("an authority that this machine does not know: exit %d\n%s", code, errs)
	}

	t.Setenv("SSL_CERT_FILE", roots)
	c := startRunning(t, s, node.ID, "named", "godwit://"+at+"/big.bin")
	second := ca.Issue(t, localhost)
	second.Write(t, chain, key)
	eventually(t, 20*time.Second, "the renewed certificate", func(ctx context.Context) (bool, error) {
		serial, err := shown(ctx)
		return serial == certtest.Serial(t, second.Chain), err
	})
	c.unmoved(t)
	// By the manager, with the node's own certificate pinned.
	must(t, s, "cp", roots, "c:/pinned.pem")
	// A key of the world's trust is nowhere on a node's disk.
	if err := filepath.WalkDir(s.Path("data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // files come and go
		}
		text, err := os.ReadFile(path)
		for _, k := range [][]byte{first.Key, second.Key} {
			if err == nil && bytes.Contains(text, bytes.TrimSpace(k)[28:80]) {
				t.Errorf("%s has the certificate's key", path)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
