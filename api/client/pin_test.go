package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAPinnedClientRefusesAnotherCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	sum := sha256.Sum256(srv.Certificate().Raw)

	right, err := New(srv.URL + "#sha256=" + hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := right.Do(context.Background(), http.MethodGet, "/healthz", nil, nil); err != nil {
		t.Errorf("the right fingerprint: %v", err)
	}
	sum[0] ^= 1
	wrong, err := New(srv.URL + "#sha256=" + hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	_, err = wrong.Do(context.Background(), http.MethodGet, "/healthz", nil, nil)
	if !errors.Is(err, errPin) {
		t.Errorf("a wrong fingerprint: %v, want %v", err, errPin)
	}
	unpinned, err := New(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unpinned.Do(context.Background(), http.MethodGet, "/healthz", nil, nil); err == nil {
		t.Error("a certificate of no known authority was accepted without a pin")
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, address, says string }{
		{"plain http", "http://host", "only https"},
		{"no host", "https:///x", "host is missing"},
		{"another hash", "https://host#md5=00", "no fingerprint"},
		{"a short hash", "https://host#sha256=abcd", "no fingerprint"},
	} {
		if _, err := New(tc.address); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want it to say %q", tc.name, err, tc.says)
		}
	}
}

func TestARefusalCarriesTheManagersWords(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"detail":"every node is full","code":"no_capacity","request_id":"r1","errors":[{"location":"body.name","message":"too long"}]}`))
	}))
	t.Cleanup(srv.Close)
	sum := sha256.Sum256(srv.Certificate().Raw)
	c, err := New(srv.URL + "#sha256=" + hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(context.Background(), http.MethodGet, "/", nil, nil)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != 503 || e.Code != "no_capacity" || e.RetryAfter.Seconds() != 7 {
		t.Fatalf("got %#v", err)
	}
	if got := e.Error(); !strings.Contains(got, "every node is full") || !strings.Contains(got, "name: too long") || !strings.Contains(got, "r1") {
		t.Errorf("message %q", got)
	}
}
