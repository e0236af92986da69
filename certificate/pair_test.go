package certificate_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/certificate/certtest"
)

func text(p certtest.Pair) certificate.Pair {
	return certificate.Pair{Chain: string(p.Chain), Key: string(p.Key)}
}

func TestPairThatNodesCanShowIsDescribed(t *testing.T) {
	t.Parallel()
	ca := certtest.New(t)
	p := text(ca.Issue(t, certtest.Leaf{Names: []string{"media.example.org", "*.media.example.org"}}))
	p.Chain += string(ca.PEM())
	f, err := p.Check(time.Now())
	if err != nil || f.Issuer != "CN=Authority of a test" || len(f.SHA256) != 64 || !slices.Equal(f.Names, []string{"media.example.org", "*.media.example.org"}) {
		t.Fatalf("%+v, %v", f, err)
	}
	for name, covers := range map[string]bool{"media.example.org": true, "all.media.example.org": true, "a.all.media.example.org": false, "other.example.org": false} {
		if f.Covers(name) != covers {
			t.Errorf("covers %s: %t", name, !covers)
		}
	}
	if again, err := certificate.Read(p.Chain); err != nil || again.SHA256 != f.SHA256 || !again.Ends.Equal(f.Ends) {
		t.Errorf("read again: %+v, %v", again, err)
	}
}

func TestPairOfNoUseIsRefusedByFieldAndReason(t *testing.T) {
	t.Parallel()
	ca, now := certtest.New(t), time.Now()
	names := certtest.Leaf{Names: []string{"media.example.org"}}
	good, other := text(ca.Issue(t, names)), text(ca.Issue(t, names))
	issue := func(change func(*certtest.Leaf)) certificate.Pair {
		l := names
		change(&l)
		return text(ca.Issue(t, l))
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for _, c := range []struct {
		pair        certificate.Pair
		field, says string
	}{
		{certificate.Pair{Key: good.Key}, "chain", "holds no certificate in PEM"},
		{certificate.Pair{Chain: good.Key, Key: good.Key}, "chain", "holds a private key"},
		{certificate.Pair{Chain: good.Chain + good.Key, Key: good.Key}, "chain", "holds a private key"},
		{certificate.Pair{Chain: block("X509 CRL", []byte{1}), Key: good.Key}, "chain", `holds a "X509 CRL"`},
		{certificate.Pair{Chain: block("CERTIFICATE", []byte{1, 2}), Key: good.Key}, "chain", "the 1. one, that cannot be read"},
		{certificate.Pair{Chain: strings.Repeat(good.Chain, 11), Key: good.Key}, "chain", "more than 10 certificates"},
		{certificate.Pair{Chain: good.Chain + other.Chain, Key: good.Key}, "chain", "did not issue the one before it"},
		{certificate.Pair{Chain: string(ca.PEM()) + good.Chain, Key: good.Key}, "chain", "has no DNS name"},
		{issue(func(l *certtest.Leaf) { l.Names = nil }), "chain", "has no DNS name"},
		{issue(func(l *certtest.Leaf) { l.Clients = true }), "chain", "not for servers"},
		{issue(func(l *certtest.Leaf) { l.Until = now.Add(-time.Minute) }), "chain", "ended at "},
		{issue(func(l *certtest.Leaf) { l.From = now.Add(time.Hour) }), "chain", "is good from "},
		{certificate.Pair{Chain: good.Chain, Key: ""}, "key", "holds no private key"},
		{certificate.Pair{Chain: good.Chain, Key: good.Chain}, "key", "holds no private key"},
		{certificate.Pair{Chain: good.Chain, Key: block("ENCRYPTED PRIVATE KEY", []byte{1})}, "key", "is encrypted"},
		{certificate.Pair{Chain: good.Chain, Key: block("PRIVATE KEY", []byte{1})}, "key", "cannot be read"},
		{certificate.Pair{Chain: good.Chain, Key: other.Key}, "key", "does not go with the first certificate"},
		{weak(t), "key", "has 1024 bits"},
	} {
		_, err := c.pair.Check(now)
		fault, ok := errors.AsType[*certificate.Fault](err)
		if !ok || fault.Field != c.field || !strings.Contains(fault.Problem, c.says) {
			t.Errorf("%v, want %s %s", err, c.field, c.says)
		}
	}
}

// weak has a key that no client takes any more.
func weak(t *testing.T) certificate.Pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that is the point
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"media.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Pair{
		Chain: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:   string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	}
}

func TestEndIsToldWithASixthOfTheLifeLeftAndAMonthAtMost(t *testing.T) {
	t.Parallel()
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		life, left time.Duration
		says       string
	}{
		{90 * day, 16 * day, ""},
		{90 * day, 14 * day, "the uploaded certificate of a.example.org ends at 2030-01-01T00:00:00Z and was not renewed yet"},
		{365 * day, 31 * day, ""},
		{365 * day, 29 * day, " ends at "},
		{90 * day, 0, "the uploaded certificate of a.example.org ended at 2030-01-01T00:00:00Z"},
	} {
		f := certificate.Facts{Names: []string{"a.example.org"}, From: end.Add(-c.life), Ends: end}
		if got := f.Ending("the uploaded certificate", end.Add(-c.left)); !strings.Contains(got, c.says) || c.says == "" && got != "" {
			t.Errorf("of %s, %s left: %q", c.life, c.left, got)
		}
	}
}

// FuzzCheck: whatever somebody uploads is refused as a fault of a field, or can be shown.
func FuzzCheck(f *testing.F) {
	good := certtest.New(f).Issue(f, certtest.Leaf{Names: []string{"a.example.org"}})
	f.Add(string(good.Chain), string(good.Key))
	f.Add("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA==\n-----END EC PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, chain, key string) {
		facts, err := certificate.Pair{Chain: chain, Key: key}.Check(time.Now())
		fault, ok := errors.AsType[*certificate.Fault](err)
		if err != nil && (!ok || fault.Field != "chain" && fault.Field != "key" || fault.Problem == "") {
			t.Errorf("refused as %v", err)
		}
		if err == nil && (len(facts.Names) == 0 || !facts.Ends.After(time.Now())) {
			t.Errorf("taken: %+v", facts)
		}
	})
}
