package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"
)

func request(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func TestOnlyProvenP256KeysAreTaken(t *testing.T) {
	t.Parallel()
	good, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := parseCSR(request(t, good)); err != nil || !key.Equal(&good.PublicKey) {
		t.Errorf("a good request: %v", err)
	}
	block, _ := pem.Decode([]byte(request(t, good)))
	block.Bytes[len(block.Bytes)-1] ^= 1 // in the signature
	for name, csr := range map[string]string{
		"P-384": request(t, big), "Ed25519": request(t, edwards), "a broken signature": string(pem.EncodeToMemory(block)),
		"nothing": "", "two requests": request(t, good) + request(t, good),
	} {
		if _, err := parseCSR(csr); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestCertificatesEndWithTheirCA(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ca, err := newIssuer("test", now)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.issue(controlTemplate("c", "n1"), &key.PublicKey, now.Add(caLifetime-time.Hour), NodeLifetime)
	if err != nil {
		t.Fatal(err)
	}
	if cert.NotAfter.After(ca.cert.NotAfter) {
		t.Errorf("certificate ends at %s, its CA at %s", cert.NotAfter, ca.cert.NotAfter)
	}
	if cert.IsCA || len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
		t.Errorf("control certificate may do too much: CA %v, %v", cert.IsCA, cert.ExtKeyUsage)
	}
	again, err := parseIssuer(ca.pem, func() []byte { b, _ := x509.MarshalPKCS8PrivateKey(ca.key); return b }())
	if err != nil || !again.cert.Equal(ca.cert) {
		t.Errorf("CA does not read back: %v", err)
	}
}

func FuzzParseCSR(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request(f, key))
	f.Add("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n")
	f.Fuzz(func(t *testing.T, s string) {
		if key, err := parseCSR(s); err == nil && key.Curve != elliptic.P256() {
			t.Errorf("took a key on %s", key.Curve.Params().Name)
		}
	})
}
