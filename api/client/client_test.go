package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/identity/pin"
)

// serve runs h behind a certificate that an authority of its own issued to the
// manager's name, and returns the address with the authority's pin.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	issue := func(tmpl, parent *x509.Certificate, k, by *ecdsa.PrivateKey) []byte {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &k.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	caKey, leafKey := key(), key()
	caTmpl := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER := issue(caTmpl, caTmpl, caKey, caKey)
	ca, err := x509.ParseCertificate(caDER)
	if err != nil {
		t.Fatal(err)
	}
	leafDER := issue(&x509.Certificate{
		DNSNames:    []string{pin.ManagerName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, leafKey, caKey)

	srv := httptest.NewUnstartedServer(h)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leafDER, caDER}, PrivateKey: leafKey}}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return pin.URL(srv.URL, pin.Of(ca))
}

func TestAPinnedClientRefusesAnotherAuthority(t *testing.T) {
	t.Parallel()
	answer := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	right, other := serve(t, answer), serve(t, answer)
	base, _, err := pin.ParseURL(right)
	if err != nil {
		t.Fatal(err)
	}
	_, fingerprint, err := pin.ParseURL(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, address string
		want          error
	}{
		{"the right authority", right, nil},
		{"another authority", pin.URL(base, fingerprint), pin.ErrMismatch},
	} {
		c, err := New(tc.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Do(context.Background(), http.MethodGet, "/healthz", nil, nil); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	c, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(context.Background(), http.MethodGet, "/healthz", nil, nil); err == nil {
		t.Error("a certificate of no known authority was accepted without a pin")
	}
}

func TestARefusalCarriesTheManagersWords(t *testing.T) {
	t.Parallel()
	c, err := New(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"detail":"every node is full","code":"no_capacity","request_id":"r1","errors":[{"location":"body.name","message":"too long"}]}`))
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(context.Background(), http.MethodGet, "/", nil, nil)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != 503 || e.Code != "no_capacity" || e.RetryAfter != 7*time.Second {
		t.Fatalf("got %#v", err)
	}
	if got := e.Error(); !strings.Contains(got, "every node is full") || !strings.Contains(got, "name: too long") || !strings.Contains(got, "r1") {
		t.Errorf("message %q", got)
	}
}
