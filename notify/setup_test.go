package notify_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/godwit/godwit/egress"
	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock moves when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// post is a courier over a real store, with a cluster to tell of.
type post struct {
	*notify.Courier
	t       *testing.T
	clock   *clock
	store   *statestore.Store
	term    statestore.Term
	cluster statestore.Cluster
	roots   *x509.CertPool
}

func newPost(t *testing.T) *post {
	t.Helper()
	p := &post{t: t, clock: &clock{now: time.Now().UTC().Truncate(time.Second)}, roots: x509.NewCertPool()}
	p.store = storetest.New(t, func(c *statestore.Config) { c.Clock = p.clock.Now })
	p.term = storetest.Term(t, p.store)
	p.cluster = storetest.Cluster(t, p.store, "studio")
	p.Courier = p.another()
	p.step() // takes its place in the changes
	return p
}

// another is the courier of another manager, or of this one after a restart.
func (p *post) another() *notify.Courier {
	d := egress.New(func(context.Context) ([]string, error) { return []string{"127.0.0.0/8"}, nil })
	return notify.New(notify.Config{
		Store: p.store, Sender: &notify.Sender{Dialer: d, Roots: p.roots, Now: p.clock.Now}, Now: p.clock.Now,
		URL: func(context.Context) string { return "https://manager.test" },
	})
}

func (p *post) step() {
	p.t.Helper()
	if err := p.Step(p.t.Context(), p.term); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) raise(kind, text string) {
	p.t.Helper()
	p.clock.pass(time.Millisecond)
	if err := p.store.Conditions.Raise(p.t.Context(), p.term, statestore.Condition{ClusterID: p.cluster.ID, Kind: kind, Subject: "local", Text: text, Next: "Ask for more."}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) end(kind string) {
	p.t.Helper()
	p.clock.pass(time.Millisecond)
	if err := p.store.Conditions.Clear(p.t.Context(), p.term, p.cluster.ID, kind, "local"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) notification(name, kind string, to notify.Target, f notify.Filter, secret string) statestore.Notification {
	p.t.Helper()
	target, err := json.Marshal(to)
	if err != nil {
		p.t.Fatal(err)
	}
	filter, err := json.Marshal(f)
	if err != nil {
		p.t.Fatal(err)
	}
	n, err := p.store.Notifications.Create(p.t.Context(), statestore.Notification{Name: name, Kind: kind, Enabled: true, Target: target, Filter: filter}, statestore.Secret(secret))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *post) states(n statestore.Notification) map[statestore.DeliveryState]int {
	p.t.Helper()
	all, err := p.store.Deliveries.Counts(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return all[n.ID]
}

// receiver is a webhook behind real HTTPS. It verifies signatures with the reference library of Standard Webhooks.
type receiver struct {
	*httptest.Server
	t      *testing.T
	secret string

	mu     sync.Mutex
	status int
	ids    []string
	got    []notify.Message
}

func (p *post) receiver() *receiver {
	p.t.Helper()
	r := &receiver{t: p.t, secret: notify.NewSecret(), status: http.StatusNoContent}
	verify, err := webhooks.NewWebhook(r.secret)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var m notify.Message
		if err = errors.Join(err, verify.VerifyIgnoringTimestamp(body, q.Header), json.Unmarshal(body, &m)); err != nil {
			p.t.Errorf("what arrived: %v", err)
		}
		if at := q.Header.Get("webhook-timestamp"); at != strconv.FormatInt(p.clock.Now().Unix(), 10) {
			p.t.Errorf("signed at %s, which is not now: a replay could not be told", at)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ids, r.got = append(r.ids, q.Header.Get("webhook-id")), append(r.got, m)
		w.WriteHeader(r.status)
	}))
	p.t.Cleanup(r.Close)
	p.roots.AddCert(r.Certificate())
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// took is what arrived since it was asked last.
func (r *receiver) took() (ids []string, types []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.got {
		types = append(types, m.Type+" "+m.Data.Kind)
	}
	ids, r.ids, r.got = r.ids, nil, nil
	return ids, types
}

// mailServer is a real SMTP server, of another project.
type mailServer struct {
	*smtp.Server
	addr *net.TCPAddr

	mu    sync.Mutex
	mails []string
	users []string
}

func (p *post) mailServer(implicit bool) *mailServer {
	p.t.Helper()
	m := &mailServer{}
	tlsServer := httptest.NewUnstartedServer(nil)
	tlsServer.StartTLS()
	conf := &tls.Config{Certificates: tlsServer.TLS.Certificates, MinVersion: tls.VersionTLS12}
	p.roots.AddCert(tlsServer.Certificate())
	tlsServer.Close()
	m.Server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{m: m}, nil }))
	m.Domain, m.ErrorLog = "mail.test", discard{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	m.addr = l.Addr().(*net.TCPAddr) //nolint:forcetypeassert // it is one
	if implicit {
		l = tls.NewListener(l, conf)
	} else {
		m.TLSConfig = conf
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Serve(l) }()
	p.t.Cleanup(func() { _ = m.Close(); <-done })
	return m
}

func (m *mailServer) took() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.mails
	m.mails = nil
	return out
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

type mailSession struct {
	m    *mailServer
	user string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "godwit" || password != "quiet morning" {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if s.user == "" {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s *mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.mails, s.m.users = append(s.m.mails, string(b)), append(s.m.users, s.user)
	return err
}
func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }
