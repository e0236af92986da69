package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer"
)

// authority is one that clients may be told to trust.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// issue writes a certificate for localhost and its key, and returns the key.
func (a authority) issue(t *testing.T, serial int64, chainFile, keyFile string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(20 * 24 * time.Hour),
		DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	// As they are renewed by others: one file after the other.
	for name, content := range map[string][]byte{chainFile: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyFile: text} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

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
	ca := newAuthority(t)
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	first := ca.issue(t, 11, chain, key)
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
		return serial == 11, err
	})
	content := bytes.Repeat([]byte("godwit! "), 3<<20)
	if err := os.WriteFile(s.Path("big.bin"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code := godwit(t, s, "cp", s.Path("big.bin"), "godwit://"+at+"/refused.bin")
	if code == 0 || !bytes.Contains([]byte(errs), []byte("is not to be trusted")) {
		t.Errorf("an authority that this machine does not know: exit %d\n%s", code, errs)
	}

	t.Setenv("SSL_CERT_FILE", roots)
	c, err := s.StartCopy(t.Context(), "named", s.Path("big.bin"), "godwit://"+at+"/big.bin")
	if err != nil {
		t.Fatal(err)
	}
	sessions := func(ctx context.Context) int {
		n, err := s.API.Node(ctx, node.ID)
		if err != nil {
			t.Error(err)
		}
		return n.Sessions
	}
	eventually(t, 10*time.Second, "the session", func(ctx context.Context) (bool, error) { return sessions(ctx) == 1, nil })
	second := ca.issue(t, 12, chain, key)
	eventually(t, 20*time.Second, "the renewed certificate", func(ctx context.Context) (bool, error) {
		serial, err := shown(ctx)
		return serial == 12, err
	})
	if n := sessions(t.Context()); n != 1 {
		t.Errorf("%d sessions at the time of the exchange: it was not under a running one", n)
	}
	if err := c.Wait(t.Context(), 60*time.Second); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(s.Path("storage", "big.bin")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes arrived, %v", len(got), err)
	}
	if c.Result.Moved != 0 {
		t.Errorf("the transfer moved: %+v", c.Result)
	}
	// By the manager, with the node's own certificate pinned.
	must(t, s, "cp", roots, "c:/pinned.pem")
	// A key of the world's trust is nowhere on a node's disk.
	if err := filepath.WalkDir(s.Path("data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // files come and go
		}
		text, err := os.ReadFile(path)
		for _, k := range [][]byte{first, second} {
			if err == nil && bytes.Contains(text, bytes.TrimSpace(k)[28:80]) {
				t.Errorf("%s has the certificate's key", path)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
