// Package certtest issues certificates for tests: an authority that a test may
// trust, and what it certifies, in PEM.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// Authority is one that nobody trusts but who is told to.
type Authority struct {
	// Cert is its own certificate, which signs itself.
	Cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// serials are never the same in one process.
var serials atomic.Int64

// New makes an authority that is good for a day.
func New(t testing.TB) *Authority {
	t.Helper()
	now := time.Now()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: "Authority of a test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return &Authority{create(t, template, template, key, key), key}
}

// Leaf is what a certificate is for. The zero value is good for twenty days and
// has no name.
type Leaf struct {
	Names     []string
	Addresses []net.IP
	// From and Until bound its time: an hour ago, and twenty days from now, if zero.
	From, Until time.Time
	// Clients makes it one of clients alone.
	Clients bool
}

// Pair is a certificate and its key, in PEM.
type Pair struct{ Chain, Key []byte }

// Issue certifies a fresh key.
func (a *Authority) Issue(t testing.TB, l Leaf) Pair {
	t.Helper()
	now := time.Now()
	if l.From.IsZero() {
		l.From = now.Add(-time.Hour)
	}
	if l.Until.IsZero() {
		l.Until = now.Add(20 * 24 * time.Hour)
	}
	use := x509.ExtKeyUsageServerAuth
	if l.Clients {
		use = x509.ExtKeyUsageClientAuth
	}
	key := newKey(t)
	cert := create(t, &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), NotBefore: l.From, NotAfter: l.Until, DNSNames: l.Names, IPAddresses: l.Addresses,
		ExtKeyUsage: []x509.ExtKeyUsage{use}, KeyUsage: x509.KeyUsageDigitalSignature,
	}, a.Cert, key, a.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Pair{encode(cert), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}
}

// PEM is the authority's own certificate.
func (a *Authority) PEM() []byte { return encode(a.Cert) }

// Pool trusts the authority and nobody else.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

// Serial is that of the first certificate in a PEM text.
func Serial(t testing.TB, chain []byte) int64 {
	t.Helper()
	block, _ := pem.Decode(chain)
	if block == nil {
		t.Fatal("no certificate in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert.SerialNumber.Int64()
}

// Write puts the pair into files, one after the other, as those do who renew.
func (p Pair) Write(t testing.TB, chain, key string) {
	t.Helper()
	for _, f := range []struct {
		name    string
		content []byte
	}{{chain, p.Chain}, {key, p.Key}} {
		if err := os.WriteFile(f.name, f.content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func create(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func encode(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}
