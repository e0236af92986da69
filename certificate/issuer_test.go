package certificate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/certificate/pebbletest"
	"github.com/godwit/godwit/node/proof"
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

	proofs  int           // port at which Pebble looks for proofs by HTTP
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
	s.challenges = certificate.NewChallenges(s.store.Settings, func() time.Time { return time.Now().Add(s.ahead) })
	s.proofs = s.answer(t)
	s.pebble = pebbletest.Start(t, pebbletest.Config{DNS: s.server.Addr(), Life: life, HTTPPort: s.proofs})
	roots, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	roots = roots.Clone()
	roots.AppendCertsFromPEM(s.pebble.Own())
	now := func() time.Time { return time.Now().Add(s.ahead) }
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

// answer stands where the names lead to.
func (s *scene) answer(t *testing.T) int {
	t.Helper()
	server := httptest.NewServer(proof.Handler(func(ctx context.Context, token string) (string, bool) {
		all, err := s.challenges.Proofs(ctx)
		if err != nil {
			t.Error(err)
		}
		for _, texts := range all {
			if text, found := texts[token]; found {
				return text, true
			}
		}
		return "", false
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener's
}

// publish makes the zone what it should be now.
func (s *scene) publish(t *testing.T) error {
	s.tries++
	if s.mute != nil {
		return s.mute
	}
	texts, err := s.challenges.Texts(t.Context())
	here := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	records := []dns.Record{{Name: name, TTL: time.Second, Addresses: here}, {Name: "all." + name, TTL: time.Second, Addresses: here}}
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

func TestNameIsProvedWhereItLeadsTo(t *testing.T) {
	t.Parallel()
	s := set(t)
	if err := s.publish(t); err != nil { // the address alone
		t.Fatal(err)
	}
	asked := ""
	s.config.Wanted[0].HTTP = true
	s.config.Published = func(_, _, _ string) error { return errors.New("nobody needs the zone") }
	s.config.Answered = func(of, at, token string) error {
		proofs, err := s.challenges.Proofs(t.Context())
		if proofs[at][token] == "" || of != "media" {
			t.Errorf("of %s, %s: %v, %v", of, at, proofs, err)
		}
		asked += at + " "
		return nil
	}
	if s.step(t) == (certificate.Pair{}) || len(s.told) > 0 {
		t.Fatalf("no certificate: %+v", s.told)
	}
	if !strings.Contains(asked, "all."+name) || !strings.Contains(asked, " "+name) && !strings.HasPrefix(asked, name) {
		t.Errorf("asked of %q", asked)
	}
	if proofs, err := s.challenges.Proofs(t.Context()); err != nil || len(proofs) > 0 {
		t.Errorf("proofs that nobody needs stand: %v, %v", proofs, err)
	}
}

func TestProofThatNobodyAnswersIsAFailureInWords(t *testing.T) {
	t.Parallel()
	s := set(t)
	s.config.Wanted[0].HTTP = true
	s.config.PublishTime = time.Millisecond
	s.config.Answered = func(_, _, _ string) error { return errors.New("node-1: address already in use") }
	s.step(t)
	if got := s.told["id"]; !strings.Contains(got, "the proof of ") || !strings.Contains(got, "node-1: address already in use") {
		t.Errorf("says %q", got)
	}
	s.config.Answered = nil
	if _, err := certificate.New(s.config); err == nil {
		t.Error("an issuer that asks nobody was made")
	}
}

// Two managers share a state store; the first one loses its leadership in the
// middle of an order.
func TestNothingIsOrderedTwiceWhenAnotherManagerTakesOver(t *testing.T) {
	t.Parallel()
	s := set(t)
	var leader atomic.Int32
	begun := make(chan struct{})
	var once sync.Once
	manager := func(id int32) *certificate.Issuer {
		c := s.config
		c.Leading = func() bool { return leader.Load() == id }
		c.Report = func(map[string]string) {}
		if id == 1 {
			c.PublishTime = time.Hour
			c.Published = func(_, _, _ string) error {
				once.Do(func() { close(begun) })
				return errors.New("not yet")
			}
		}
		i, err := certificate.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	first, second := manager(1), manager(2)
	current := func() certificate.Pair {
		have, err := certificate.Current(t.Context(), s.store.Settings, s.config.Wanted)
		if err != nil {
			t.Fatal(err)
		}
		return have["media"]
	}
	leader.Store(1)
	if err := second.Step(t.Context()); err != nil || current() != (certificate.Pair{}) {
		t.Fatalf("one that follows ordered, %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- first.Step(t.Context()) }()
	<-begun
	leader.Store(2)
	if err := <-done; err != nil || current() != (certificate.Pair{}) {
		t.Fatalf("the order of who lost leadership: %v", err)
	}
	if err := second.Step(t.Context()); err != nil { // at once: the first one's is no failure
		t.Fatal(err)
	}
	ordered := current()
	if ordered == (certificate.Pair{}) {
		t.Fatal("the second one ordered nothing")
	}
	leader.Store(1)
	if err := errors.Join(first.Step(t.Context()), second.Step(t.Context())); err != nil || current() != ordered {
		t.Errorf("ordered again after another change, %v", err)
	}
}
