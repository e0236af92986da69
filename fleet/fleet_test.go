package fleet_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/fleet/link"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/statestore"
)

func facts(node string, seq uint64, sessions ...*report.Session) *report.Report {
	return &report.Report{
		Version: report.Version, NodeId: node, Boot: "b1", BootUnixMs: 1, Seq: seq,
		Facts: &report.Facts{SendBps: 10, SendCapBps: 100, TransferPort: 4001}, Sessions: sessions,
	}
}

func TestReportReachesTheIndex(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	l := m.Link(id, nil)
	sub := m.Fleet.Subscribe()
	defer sub.Close()
	fleettest.Must(t, l.Report(facts(id.NodeID, 1, &report.Session{Id: "s1", Tenant: "acme", RateBps: 7, WantedBps: 9})))
	<-sub.C
	if got := sub.Changed(); len(got) != 1 || got[0] != id.NodeID {
		t.Errorf("changed %v", got)
	}
	v, ok := m.Fleet.Node(id.NodeID)
	if !ok || v.Facts.GetTransferPort() != 4001 || len(v.Sessions) != 1 || v.Sessions[0].GetWantedBps() != 9 {
		t.Errorf("index shows %+v", v)
	}
	if got := m.Fleet.Totals(); got.Nodes != 1 || got.SendBps != 10 {
		t.Errorf("totals %+v", got)
	}
	// A long report comes in chunks and counts as a whole.
	var many []*report.Session
	for i := range 1000 {
		many = append(many, &report.Session{Id: strings.Repeat("x", i+1), Tenant: "acme"})
	}
	fleettest.Eventually(t, "first report acknowledged", func() bool { return !errors.Is(l.Report(facts(id.NodeID, 2, many...)), link.ErrBusy) })
	fleettest.Eventually(t, "all sessions of a long report", func() bool { return m.Fleet.TenantSessions("acme") == 1000 })
}

func TestNodeIsHeldToItsOwnSubjects(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id, other := m.Joined(), m.Joined()
	refusals := make(chan string, 100)
	nc := rawConnection(t, m, id, refusals)
	mine, err := nc.SubscribeSync("ctl." + id.NodeID + ".*")
	fleettest.Must(t, err)
	fleettest.Must(t, nc.Flush())
	fleettest.Must(t, m.Fleet.Conn().Publish("ctl."+id.NodeID+".ping", nil))
	if _, err := mine.NextMsg(fleettest.Patience); err != nil {
		t.Fatalf("own commands are not heard: %v", err)
	}
	for _, subject := range []string{
		report.Subject(other.NodeID, 0), "ev." + other.NodeID + ".x", "ev.manager.alert.join.reused", "rpc." + other.NodeID + ".tenant", "ctl." + other.NodeID + ".drain",
		"ctl." + id.NodeID + ".drain", "$JS.API.STREAM.DELETE.JOURNAL", "$JS.API.STREAM.INFO.JOURNAL", "_INBOX_MANAGER.x", "_INBOX." + other.NodeID + ".x", "anything",
	} {
		fleettest.Must(t, nc.Publish(subject, []byte("x")))
		fleettest.Must(t, nc.Flush())
		expect(t, refusals, "publish", subject)
	}
	for _, subject := range []string{">", "live.>", "ctl." + other.NodeID + ".*", "ctl.>", "rpc.>", "_INBOX.>", "_INBOX_MANAGER.>", "_INBOX." + other.NodeID + ".>", "$SYS.>"} {
		s, err := nc.SubscribeSync(subject)
		fleettest.Must(t, err)
		fleettest.Must(t, nc.Flush())
		expect(t, refusals, "subscription", subject)
		_ = s.Unsubscribe()
	}
	if _, ok := m.Fleet.Node(other.NodeID); ok {
		t.Error("a node spoke for another")
	}
}

func expect(t *testing.T, refusals <-chan string, verb, subject string) {
	t.Helper()
	select {
	case got := <-refusals:
		if !strings.Contains(strings.ToLower(got), verb) || !strings.Contains(got, subject) {
			t.Errorf("%s to %s: server says %q", verb, subject, got)
		}
	case <-time.After(fleettest.Patience):
		t.Errorf("%s to %s was allowed", verb, subject)
	}
}

func rawConnection(t *testing.T, m *fleettest.Manager, id *join.Identity, refusals chan<- string) *nats.Conn {
	t.Helper()
	conf, err := pin.TLSConfig(m.Authority.Pin(), pin.FleetName)
	fleettest.Must(t, err)
	c, err := id.Control()
	fleettest.Must(t, err)
	conf.Certificates = []tls.Certificate{c}
	nc, err := nats.Connect(m.Fleet.URLs()[0], nats.Secure(conf), nats.TLSHandshakeFirst(), nats.CustomInboxPrefix("_INBOX."+id.NodeID),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refusals <- err.Error() }))
	fleettest.Must(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	m, rogue := fleettest.Start(t), fleettest.Start(t)
	id, stranger := m.Joined(), rogue.Joined()
	try := func(certificate tls.Certificate, opts ...nats.Option) error {
		conf, err := pin.TLSConfig(m.Authority.Pin(), pin.FleetName)
		fleettest.Must(t, err)
		if certificate.PrivateKey != nil {
			conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
		}
		nc, err := nats.Connect(m.Fleet.URLs()[0], append(opts, nats.Secure(conf), nats.TLSHandshakeFirst())...)
		if err == nil {
			nc.Close()
		}
		return err
	}
	control, err := id.Control()
	fleettest.Must(t, err)
	if err := try(control); err != nil {
		t.Fatalf("the cluster's own node is refused: %v", err)
	}
	foreign, err := stranger.Control()
	fleettest.Must(t, err)
	if try(foreign) == nil {
		t.Error("a certificate of a rogue CA was let in")
	}
	serving, err := id.Serving()
	fleettest.Must(t, err)
	if try(serving) == nil {
		t.Error("a serving certificate opened the fleet")
	}
	if try(tls.Certificate{}) == nil {
		t.Error("no certificate was asked for")
	}
	if try(tls.Certificate{}, nats.UserInfo("manager", "")) == nil {
		t.Error("the manager's name came in over TCP")
	}
	if nc, err := nats.Connect(strings.Replace(m.Fleet.URLs()[0], "tls://", "nats://", 1)); err == nil {
		nc.Close()
		t.Error("a connection without TLS was let in")
	}
}

func TestRevokedNodeIsCutOffAndStaysOut(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id, bystander := m.Joined(), m.Joined()
	l, by := m.Link(id, nil), m.Link(bystander, nil)
	fleettest.Must(t, l.Report(facts(id.NodeID, 1)))
	fleettest.Eventually(t, "node in the index", func() bool { _, ok := m.Fleet.Node(id.NodeID); return ok })
	fleettest.Must(t, m.Authority.RevokeNode(t.Context(), id.NodeID, "test"))
	fleettest.Eventually(t, "link is cut", func() bool { return !l.Connected() && !m.Fleet.Connected(id.NodeID) })
	if _, ok := m.Fleet.Node(id.NodeID); ok {
		t.Error("a revoked node is still in the index")
	}
	conf, err := pin.TLSConfig(m.Authority.Pin(), pin.FleetName)
	fleettest.Must(t, err)
	c, err := id.Control()
	fleettest.Must(t, err)
	conf.Certificates = []tls.Certificate{c}
	if nc, err := nats.Connect(m.Fleet.URLs()[0], nats.Secure(conf), nats.TLSHandshakeFirst()); err == nil {
		nc.Close()
		t.Error("a revoked node came in again")
	}
	if !by.Connected() {
		t.Error("another node was cut off with it")
	}
}

func TestCommandsReachTheNodeAndItsErrorsComeBackTyped(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	ctx := t.Context()
	if err := m.Fleet.Drain(ctx, id.NodeID, "x"); !errors.Is(err, command.ErrNotConnected) {
		t.Fatalf("command to an absent node: %v", err)
	}
	m.Link(id, map[string]link.Handler{
		command.Drain: func(_ context.Context, data []byte) (any, error) {
			if string(data) != `{"reason":"scale in"}` {
				return nil, command.Errorf(command.CodeInvalid, "got %s", data)
			}
			return command.Nothing{}, nil
		},
		command.Cancel: func(context.Context, []byte) (any, error) {
			return nil, command.Errorf(command.CodeNotFound, "no such session")
		},
		command.Undrain: func(ctx context.Context, _ []byte) (any, error) { <-ctx.Done(); return nil, ctx.Err() },
	})
	fleettest.Must(t, m.Fleet.Drain(ctx, id.NodeID, "scale in"))
	var answer *command.Error
	if err := m.Fleet.Cancel(ctx, id.NodeID, command.CancelRequest{}); !errors.As(err, &answer) || answer.Code != command.CodeNotFound {
		t.Errorf("got %v", err)
	}
	if err := m.Fleet.Command(ctx, id.NodeID, "dance", command.Nothing{}, nil); !errors.As(err, &answer) || answer.Code != command.CodeUnsupported {
		t.Errorf("unknown command: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := m.Fleet.Undrain(short, id.NodeID); !errors.Is(err, command.ErrTimeout) {
		t.Errorf("command that hangs: %v", err)
	}
}

func TestQuestionsAreAnsweredForTheNodeThatAsks(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	fleettest.Must(t, m.Fleet.Handle(command.MethodTenant, func(_ context.Context, node string, _ []byte) (any, error) {
		if node != id.NodeID {
			return nil, errors.New("asked by " + node)
		}
		return command.Tenant{AccessKey: "acme"}, nil
	}))
	l := m.Link(id, nil)
	var got command.Tenant
	fleettest.Must(t, l.Call(t.Context(), command.MethodTenant, command.TenantRequest{AccessKey: "acme"}, &got))
	if got.AccessKey != "acme" {
		t.Errorf("answer %+v", got)
	}
	if err := l.Call(t.Context(), command.MethodKeys, command.Nothing{}, nil); !errors.Is(err, command.ErrNotConnected) {
		t.Errorf("a question that nobody answers: %v", err)
	}
}

func TestLinkFindsAManagerThatRestarted(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	before := m.Link(id, nil)
	m.Restart()
	fleettest.Eventually(t, "old link notices", func() bool { return !before.Connected() })
	if err := before.Report(facts(id.NodeID, 1)); !errors.Is(err, command.ErrNotConnected) {
		t.Errorf("report without a connection: %v", err)
	}
	after := m.Link(id, nil) // same certificate, same CA
	fleettest.Must(t, after.Report(facts(id.NodeID, 2)))
	fleettest.Eventually(t, "report to the restarted manager", func() bool { _, ok := m.Fleet.Node(id.NodeID); return ok })
	m.Move(id.NodeID, statestore.NodeTerminated)
}
