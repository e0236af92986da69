package certificate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/certificate/pebbletest"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

const (
	day  = 24 * time.Hour
	life = 90 * day
	name = "media.godwit.test"
)

// scene is an installation whose names Pebble resolves by the server that answers for them.
type scene struct {
	url        string
	store      *statestore.Store
	server     *dns.Server
	pebble     *pebbletest.Server
	challenges *certificate.Challenges
	config     certificate.Config

	ahead   time.Duration // of the issuer's clock
	mute    error         // why nothing is published
	tries   int           // how often it was asked
	leading bool
	told    map[string]string
}

func set(t *testing.T) *scene {
	t.Helper()
	s := &scene{url: storetest.URL(t), leading: true}
	s.store = storetest.Open(t, s.url)
	var err error
	s.server, err = dns.Listen(t.Context(), dns.ServerConfig{Zone: "godwit.test", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s.pebble = pebbletest.Start(t, s.server.Addr(), life)
	roots, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	roots = roots.Clone()
	roots.AppendCertsFromPEM(s.pebble.Own())
	now := func() time.Time { return time.Now().Add(s.ahead) }
	s.challenges = certificate.NewChallenges(s.store.Settings, now)
	s.config = certificate.Config{
		Authority: certificate.Authority{Directory: s.pebble.Directory, Email: "operator@example.org", Roots: roots},
		Wanted:    []certificate.Wanted{{Cluster: "media", Names: []string{"all." + name, name}}},
		Settings:  s.store.Settings, Challenges: s.challenges, Now: now, PublishTime: time.Second,
		Jitter:    func(time.Duration) time.Duration { return 0 },
		Leading:   func() bool { return s.leading },
		Clusters:  func(context.Context) (map[string]string, error) { return map[string]string{"media": "id"}, nil },
		Published: func(_, _, _ string) error { return s.publish(t) },
		Report:    func(told map[string]string) { s.told = told },
	}
	return s
}

// publish makes the zone what it should be now.
func (s *scene) publish(t *testing.T) error {
	s.tries++
	if s.mute != nil {
		return s.mute
	}
	texts, err := s.challenges.Texts(t.Context())
	records := []dns.Record{{Name: name, TTL: time.Second, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}
	for at, values := range texts {
		records = append(records, dns.Record{Name: at, TTL: time.Second, Texts: values})
	}
	if err == nil {
		_, err = s.server.Converge(t.Context(), records)
	}
	return err
}

// step lets a fresh issuer do what is due, as after a restart, and returns the certificate in force.
func (s *scene) step(t *testing.T) certificate.Pair {
	t.Helper()
	i, err := certificate.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	have, err := certificate.Current(t.Context(), s.store.Settings, s.config.Wanted)
	if err != nil {
		t.Fatal(err)
	}
	return have["media"]
}

// sealed checks that the state store has so many secrets of this package, and none that can be read in it.
func (s *scene) sealed(t *testing.T, want int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var secrets, open int
	err = conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM sealed_settings WHERE key LIKE 'acme %'),
		(SELECT count(*) FROM sealed_settings WHERE position('PRIVATE KEY'::bytea IN value) > 0) +
		(SELECT count(*) FROM settings WHERE value::text LIKE '%PRIVATE KEY%')`).Scan(&secrets, &open)
	if err != nil || secrets != want || open > 0 {
		t.Errorf("%d secrets, want %d; %d can be read; %v", secrets, want, open, err)
	}
}

func TestCertificateIsOrderedOnceAndRenewedWithAThirdOfItsLifeLeft(t *testing.T) {
	t.Parallel()
	s := set(t)
	s.leading = false
	if got := s.step(t); got != (certificate.Pair{}) {
		t.Fatal("one that does not lead ordered")
	}
	s.leading = true
	first := s.step(t)
	if len(s.told) > 0 {
		t.Fatalf("troubles: %+v", s.told)
	}
	pair, err := tls.X509KeyPair([]byte(first.Chain), []byte(first.Key))
	if err != nil {
		t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(s.pebble.Root(t))
	between.AppendCertsFromPEM([]byte(first.Chain))
	for _, n := range []string{name, "all." + name} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: n, Roots: roots, Intermediates: between}); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	if texts, err := s.challenges.Texts(t.Context()); err != nil || len(texts) > 0 {
		t.Errorf("texts that nobody needs stand: %v, %v", texts, err)
	}
	s.sealed(t, 2) // the account's key, and the certificate's with it
	for _, s.ahead = range []time.Duration{0, 59 * day} {
		if s.step(t) != first {
			t.Errorf("another one after %s", s.ahead)
		}
	}
	s.ahead = 64 * day
	if second := s.step(t); second == first || second.Key == first.Key {
		t.Error("not renewed, or with the key of before")
	} else if s.ahead = 0; s.step(t) != second {
		t.Error("and again at once")
	}
	before := s.step(t)
	s.config.Wanted[0].Names = []string{name}
	if s.step(t) == before {
		t.Error("other names, and the same certificate")
	}
}

func TestFailedOrderIsRepeatedAfterGrowingPausesAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	s := set(t)
	s.mute = errors.New("the zone is gone")
	s.config.PublishTime = time.Millisecond
	for i, at := range []struct {
		after  time.Duration
		orders bool
	}{{0, true}, {time.Minute, false}, {3 * time.Minute, true}, {6 * time.Minute, false}, {8 * time.Minute, true}} {
		before := s.tries
		s.ahead = at.after
		s.step(t)
		if orders := s.tries > before; orders != at.orders {
			t.Errorf("look %d, after %s: ordered %t", i, at.after, orders)
		}
		if !strings.Contains(s.told["id"], "was not published within 1ms: the zone is gone") {
			t.Errorf("look %d says %+v", i, s.told)
		}
	}
	s.mute, s.config.PublishTime, s.ahead = nil, time.Second, time.Hour
	if s.step(t) == (certificate.Pair{}) || len(s.told) > 0 {
		t.Errorf("mended, and %+v", s.told)
	}
}

func TestWhatTheAuthorityDislikesIsSaidInItsWords(t *testing.T) {
	t.Parallel()
	s := set(t)
	if err := s.publish(t); err != nil {
		t.Fatal(err)
	}
	s.config.Published = func(_, _, _ string) error { return nil } // it never was
	s.step(t)
	if got := s.told["id"]; !strings.Contains(got, "urn:ietf:params:acme:error:") || !strings.Contains(got, name) || !strings.Contains(got, "attempt 1") {
		t.Errorf("says %q", got)
	}
}

func TestNodesKeepACertificateThatIsNotRenewed(t *testing.T) {
	t.Parallel()
	s := set(t)
	first := s.step(t)
	s.mute, s.config.PublishTime = errors.New("the zone is gone"), time.Millisecond
	for _, s.ahead = range []time.Duration{64 * day, 80 * day, 91 * day} {
		if s.step(t) != first || s.told["id"] == "" {
			t.Errorf("after %s: %q", s.ahead, s.told)
		}
	}
}
