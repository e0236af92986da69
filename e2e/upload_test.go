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
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/certificate/certtest"
	"github.com/godwit/godwit/transfer"
)

// An uploaded certificate is on the nodes within seconds, its successor too, in
// the middle of a copy that goes on over the session that it has; bad ones change
// nothing; taken away, nodes show their own again. Keys are nowhere on a disk.
func TestUploadedCertificateIsSwappedUnderARunningCopy(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	small(t, s, 1, 20, "--dns-listen", "127.0.0.1:0", "--dns-zone", "godwit.test")
	const name = "c.godwit.test"
	nodes, err := s.API.Nodes(t.Context())
	if err != nil || len(nodes) == 0 {
		t.Fatal(nodes, err)
	}
	node := nodes[0]
	ca := certtest.New(t)
	upload := func(p certtest.Pair) []string {
		chain, key := s.Path("chain.pem"), s.Path("key.pem")
		p.Write(t, chain, key)
		return []string{"certificate", "set", "c", "--chain", chain, "--key", key}
	}
	shows := func(what string, want int64) {
		t.Helper()
		eventually(t, 20*time.Second, what, func(ctx context.Context) (bool, error) {
			d := &tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{transfer.ALPN}, MinVersion: tls.VersionTLS13}} //nolint:gosec // to look at it
			conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(node.Port)))
			if err != nil {
				return false, err
			}
			defer conn.Close()
			leaf := conn.(*tls.Conn).ConnectionState().PeerCertificates[0] //nolint:forcetypeassert // a tls.Dialer's
			ours := leaf.CheckSignatureFrom(ca.Cert) == nil
			return ours == (want != 0) && (want == 0 || leaf.SerialNumber.Int64() == want), nil
		})
	}
	refused(t, s, 2, "clients look for c.godwit.test", upload(ca.Issue(t, certtest.Leaf{Names: []string{"www.example.org"}}))...)
	first, second := ca.Issue(t, certtest.Leaf{Names: []string{name}}), ca.Issue(t, certtest.Leaf{Names: []string{name, "all." + name}})
	out := must(t, s, upload(first)...)
	if !strings.Contains(out, "not good for: all.c.godwit.test") {
		t.Errorf("what it lacks is not said:\n%s", out)
	}
	shows("the first one", certtest.Serial(t, first.Chain))

	c := startRunning(t, s, node.ID, "swapped", "c:/big.bin")
	must(t, s, upload(second)...)
	shows("the second one", certtest.Serial(t, second.Chain))
	c.unmoved(t)
	if err := filepath.WalkDir(s.Path("data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // files come and go
		}
		text, err := os.ReadFile(path)
		for _, p := range []certtest.Pair{first, second} {
			if err == nil && bytes.Contains(text, bytes.TrimSpace(p.Key)[28:80]) {
				t.Errorf("%s has the certificate's key", path)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	// One that ends soon is a condition until the next one.
	must(t, s, upload(ca.Issue(t, certtest.Leaf{Names: []string{name}, From: time.Now().Add(-9 * time.Hour), Until: time.Now().Add(time.Hour)}))...)
	eventually(t, 20*time.Second, "the condition", func(context.Context) (bool, error) {
		return strings.Contains(must(t, s, "condition", "list", "--cluster", "c"), " certificate_ending "), nil
	})
	must(t, s, "certificate", "delete", "c")
	shows("their own again", 0)
	if out := must(t, s, "audit", "list", "-o", "json"); strings.Contains(out, "PRIVATE") || !strings.Contains(out, `"object": "certificate"`) {
		t.Error("the audit has a key, or not the uploads")
	}
}
