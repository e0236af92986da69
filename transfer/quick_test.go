package transfer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/quick"
)

// quickClient tries QUIC however near the node is.
func quickClient(t testing.TB, spec Spec) *Client {
	return &Client{
		Specs: func(context.Context, Attempt) (Spec, error) { return spec, nil },
		Log:   testLog(t), quickFrom: -1, greetFrom: 1,
	}
}

// hand is a client played by hand, up to the answers to its hellos.
type hand struct {
	t *testing.T
	n *node
	c *Client
}

func byHand(t *testing.T, n *node) *hand {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return &hand{t, n, &Client{Key: key}}
}

func (h *hand) at() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(h.n.spec.Host), uint16(h.n.spec.Port))
}

// quick makes a handshake over QUIC, tcp one over TCP.
func (h *hand) quick() *link {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	l, err := h.c.reachQuick(ctx, h.n.spec.Host, h.at(), h.n.spec)
	must(h.t, err)
	h.t.Cleanup(l.quick.conn.Close)
	h.t.Cleanup(func() { _ = l.Close() })
	return l
}

func (h *hand) tcp() *link {
	h.t.Helper()
	l, err := dial(context.Background(), h.n.spec, nil)
	must(h.t, err)
	h.t.Cleanup(func() { _ = l.Close() })
	return l
}

// hello says hello over to, and what it joins.
func (h *hand) hello(to *link, join *control.Join) (control.Accept, error) {
	h.t.Helper()
	hello := control.Hello{Direction: string(Push), Paths: []string{"."}, Policy: string(Fair), Join: join}
	h.c.sign(&hello, to, h.n.spec)
	var over talk = to
	if to.quick != nil {
		over = to.quick.conn
	}
	if err := sendHello(over, hello); err != nil {
		return control.Accept{}, err
	}
	return readAccept(over)
}

// join is what makes tcp the control connection of q's session.
func join(q, tcp *link) *control.Join {
	return &control.Join{ID: q.quick.id[:], Proof: q.quick.proof(tcp.bound)}
}

func (h *hand) sessions(want int) {
	h.t.Helper()
	await(h.t, "change of sessions", func() bool { return len(h.n.Sessions()) == want })
}

// TestSessionBeginsOverQUICAndTCPJoins: nothing comes over TCP before the session
// is there.
func TestSessionBeginsOverQUICAndTCPJoins(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		late := make(chan struct{})
		r := throughLate(t, n, late)
		go func() {
			for len(n.Sessions()) == 0 {
				time.Sleep(time.Millisecond)
			}
			close(late)
		}()
		res := mustRun(t, quickClient(t, r.spec), job)
		same(t, src, dst)
		if got := n.Totals(); got.SessionsQuick != 1 || got.SessionsStarted != 1 || got.Refused != 0 || len(res.Sessions) != 1 {
			t.Errorf("%d sessions, %d of %d over QUIC, %d refused", len(res.Sessions), got.SessionsQuick, got.SessionsStarted, got.Refused)
		}
	})
}

// TestUDPMayDieAfterAQuickBeginning: the session goes on over the TCP connection
// that joined it.
func TestUDPMayDieAfterAQuickBeginning(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		late := make(chan struct{})
		r := throughLate(t, n, late)
		go func() {
			for len(n.Sessions()) == 0 {
				time.Sleep(time.Millisecond)
			}
			r.blocked.Store(true)
			close(late)
		}()
		res := mustRun(t, quickClient(t, r.spec), job)
		same(t, src, dst)
		if got := n.Totals(); got.SessionsQuick != 1 || got.SessionsStarted != 1 || len(res.Sessions) != 1 {
			t.Errorf("%d sessions, %d of %d over QUIC", len(res.Sessions), got.SessionsQuick, got.SessionsStarted)
		}
	})
}

func TestBlockedUDPLeavesTheSessionToTCP(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		r.blocked.Store(true)
		res := mustRun(t, quickClient(t, r.spec), job)
		same(t, src, dst)
		if got := n.Totals(); got.SessionsQuick != 0 || got.SessionsStarted != 1 || len(res.Sessions) != 1 {
			t.Errorf("%d sessions, %d of %d over QUIC", len(res.Sessions), got.SessionsQuick, got.SessionsStarted)
		}
	})
}

// TestANearNodeIsNotBotheredWithQUIC: TCP alone is as good.
func TestANearNodeIsNotBotheredWithQUIC(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	r := through(t, n)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 1000)
	c := quickClient(t, r.spec)
	c.quickFrom = time.Hour
	mustRun(t, c, Job{Direction: Push, Sources: []string{src}, Destination: ".", Options: Options{Transport: TransportAuto}})
	if got := n.Totals(); got.SessionsQuick != 0 || got.SessionsStarted != 1 {
		t.Errorf("%d of %d over QUIC", got.SessionsQuick, got.SessionsStarted)
	}
}

// TestQUICThatIsLateIsLetGo: where TCP wins, what the handshake over QUIC still
// brings is closed; the end of all tests looks for what is not.
func TestQUICThatIsLateIsLetGo(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 1000)
	for range 20 {
		mustRun(t, quickClient(t, n.spec), Job{Direction: Push, Sources: []string{src}, Destination: ".", Options: Options{Transport: TransportAuto}})
	}
}

func TestTransportTCPSendsNoHelloOverQUIC(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	r := through(t, n)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 1000)
	mustRun(t, quickClient(t, r.spec), Job{Direction: Push, Sources: []string{src}, Destination: ".", Options: Options{Transport: TransportTCP}})
	if r.toNode.Load() != 0 {
		t.Errorf("%d datagrams", r.toNode.Load())
	}
}

// TestTheOtherCertificateEndsItOverQUICToo, and as TCP would.
func TestTheOtherCertificateEndsItOverQUICToo(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	r := throughLate(t, n, make(chan struct{})) // TCP says nothing, ever
	other := certificate(t)
	r.spec.CertSHA256 = CertificateFingerprint(other.Certificate[0])
	attempts := 0
	c := quickClient(t, r.spec)
	c.Specs = func(context.Context, Attempt) (Spec, error) { attempts++; return r.spec, nil }
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 1000)
	_, err := run(t, c, Job{Direction: Push, Sources: []string{src}, Destination: "."})
	if CodeOf(err) != CodeCertificate || attempts != 1 {
		t.Errorf("after %d attempts: %v", attempts, err)
	}
	// A certificate that no root vouches for ends it as well.
	r.spec.CertSHA256 = ""
	if _, err = run(t, c, Job{Direction: Push, Sources: []string{src}, Destination: "."}); CodeOf(err) != CodeCertificate {
		t.Error(err)
	}
}

func TestRefusalComesOverQUIC(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	r := throughLate(t, n, make(chan struct{}))
	r.spec.Token = "forged"
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, plentyBytes)
	if _, err := run(t, quickClient(t, r.spec), Job{Direction: Push, Sources: []string{src}, Destination: "."}); CodeOf(err) != CodeUnauthorized {
		t.Error(err)
	}
	if got := n.Totals(); got.SessionsStarted != 0 || got.Refused != 1 {
		t.Errorf("%+v", got)
	}
}

// TestQuickSessionWithoutTCPEnds, and its place is free again.
func TestQuickSessionWithoutTCPEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*link){
		"TCP never comes":       func(*link) {},
		"the client goes again": func(l *link) { l.quick.conn.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startTuned(t, t.TempDir(), func(c *ServerConfig, _ *grants) { c.MaxSessions = 1 }, func(s *Server) {
				s.joinsWithin = 100 * time.Millisecond
			})
			h := byHand(t, n)
			q := h.quick()
			a, err := h.hello(q, nil)
			must(t, err)
			if !a.Quick || a.SessionID == "" {
				t.Errorf("%+v", a)
			}
			end(q)
			h.sessions(0)
			// Who comes later is told, and gets no session of its own.
			tcp := h.tcp()
			j := join(q, tcp)
			j.Begun = true
			if _, err := h.hello(tcp, j); CodeOf(err) != CodeLost {
				t.Errorf("a connection that joins what has ended: %v", err)
			}
			if got := n.Totals(); got.SessionsStarted != 1 || got.SessionsFailed != 1 {
				t.Errorf("%+v", got)
			}
			src := filepath.Join(t.TempDir(), "f")
			write(t, src, 1000)
			mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src}, Destination: "."})
		})
	}
}

// TestOnlyItsOwnClientJoinsASession: whoever else tries does it no harm.
func TestOnlyItsOwnClientJoinsASession(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	h := byHand(t, n)
	q := h.quick()
	a, err := h.hello(q, nil)
	must(t, err)
	for name, wrong := range map[string]func(*control.Join){
		"the proof of another connection": func(j *control.Join) { j.Proof = q.quick.proof(q.bound) },
		"no proof":                        func(j *control.Join) { j.Proof = nil },
		"half a name":                     func(j *control.Join) { j.ID = j.ID[:8] },
	} {
		tcp := h.tcp()
		j := join(q, tcp)
		wrong(j)
		if _, err := h.hello(tcp, j); !refused(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tcp := h.tcp()
	b, err := h.hello(tcp, join(q, tcp))
	must(t, err)
	if a.SessionID != b.SessionID || !b.Quick {
		t.Errorf("over QUIC %+v, over TCP %+v", a, b)
	}
	again := h.tcp()
	if _, err := h.hello(again, join(q, again)); !refused(err) {
		t.Errorf("a second connection: %v", err)
	}
	if got := n.Totals(); got.SessionsStarted != 1 {
		t.Errorf("%+v", got)
	}
	h.sessions(1)
	_ = tcp.Close()
	h.sessions(0)
}

// TestTheFirstOfTwoHellosBegins: one over QUIC that comes after the one over TCP
// begins nothing.
func TestTheFirstOfTwoHellosBegins(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	h := byHand(t, n)
	q, tcp := h.quick(), h.tcp()
	a, err := h.hello(tcp, join(q, tcp))
	must(t, err)
	if a.Quick {
		t.Error("a session of the TCP connection has keys of QUIC")
	}
	if b, err := h.hello(q, nil); err == nil || refused(err) {
		t.Errorf("answered: %+v, %v", b, err)
	}
	if got := n.Totals(); got.SessionsStarted != 1 || got.SessionsQuick != 0 {
		t.Errorf("%+v", got)
	}
}

// TestBothHellosAtOnceBeginOneSession, whichever the node sees first.
func TestBothHellosAtOnceBeginOneSession(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	h := byHand(t, n)
	for range 20 {
		before := n.Totals().SessionsStarted
		q, tcp := h.quick(), h.tcp()
		over := make(chan control.Accept, 1)
		go func() {
			a, _ := h.hello(q, nil)
			over <- a
		}()
		a, err := h.hello(tcp, join(q, tcp))
		must(t, err)
		if b := <-over; a.Quick && b.SessionID != "" && b.SessionID != a.SessionID || !a.Quick && b.SessionID != "" {
			t.Fatalf("over TCP %+v, over QUIC %+v", a, b)
		}
		if got := n.Totals().SessionsStarted; got != before+1 {
			t.Fatalf("%d sessions", got-before)
		}
		q.quick.conn.Close()
		_ = tcp.Close()
		h.sessions(0)
	}
}

// TestProofsAreOfTheConnectionThatCarriesThem: what was signed for QUIC is worth
// nothing over TCP, and the other way round.
func TestProofsAreOfTheConnectionThatCarriesThem(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	h := byHand(t, n)
	q, tcp := h.quick(), h.tcp()
	if bytes.Equal(q.bound, tcp.bound) || bytes.Equal(q.toNode, tcp.toNode) {
		t.Fatal("two handshakes, one secret")
	}
	own := q.bound
	q.bound = tcp.bound
	if _, err := h.hello(q, nil); CodeOf(err) != CodeUnauthorized {
		t.Errorf("over QUIC: %v", err)
	}
	tcp.bound = own
	if _, err := h.hello(tcp, nil); CodeOf(err) != CodeUnauthorized {
		t.Errorf("over TCP: %v", err)
	}
}

// TestOnlyItsOwnProtocolIsSpokenOverQUIC: neither that of TCP nor an older TLS nor
// an early ticket.
func TestOnlyItsOwnProtocolIsSpokenOverQUIC(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	h := byHand(t, n)
	for _, protocol := range []string{ALPN, "h3"} {
		c, err := quick.Dial(context.Background(), h.at(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
		if err == nil {
			c.Close()
			t.Errorf("%s was spoken", protocol)
		}
	}
	if s := h.quick().quick.conn.TLS(); s.Version != tls.VersionTLS13 || s.DidResume {
		t.Errorf("%+v", s)
	}
}

// TestNodeClosesWhileSessionsOpen: nothing is left of a session that waits for TCP.
func TestNodeClosesWhileSessionsOpen(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	h := byHand(t, n)
	_, err := h.hello(h.quick(), nil)
	must(t, err)
	h.sessions(1)
	n.stop() // that nothing runs on is for the leak check at the end
	if got := n.Totals(); got.SessionsEnded != 1 {
		t.Errorf("%+v", got)
	}
}

// TestAddressWithoutTCPIsGivenUpForTheNext: QUIC alone begins nothing.
func TestAddressWithoutTCPIsGivenUpForTheNext(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	// 127.0.0.2 takes datagrams for the node and refuses TCP.
	udp, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.2", "0"))
	if err != nil {
		t.Skip("no second address of loopback here")
	}
	defer udp.Close()
	c := quickClient(t, n.spec)
	spec := n.spec
	spec.Host, spec.Addresses = "127.0.0.2", []string{"127.0.0.1"}
	c.Specs = func(context.Context, Attempt) (Spec, error) { return spec, nil }
	src := filepath.Join(t.TempDir(), "f")
	want := write(t, src, 100_000)
	if res := mustRun(t, c, Job{Direction: Push, Sources: []string{src}, Destination: "."}); len(res.Sessions) != 1 {
		t.Errorf("%+v", res)
	}
	if got, err := os.ReadFile(filepath.Join(n.root, "f")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
