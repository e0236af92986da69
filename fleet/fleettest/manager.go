// Package fleettest gives tests a real small manager: Postgres, certificate authority, join over HTTPS, fleet and journal, wired as the product wires them, with nodes' rows at
// hand. It can be restarted like a manager that was killed, on the same addresses and files.
package fleettest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/link"
	"github.com/godwit/godwit/identity"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// Patience bounds every wait of Eventually. Test machines are busy.
const Patience = 60 * time.Second

// Manager is the running manager. Fields change with Restart.
type Manager struct {
	Store     *statestore.Store
	Term      statestore.Term
	Cluster   statestore.Cluster
	Authority *identity.Authority
	Fleet     *fleet.Fleet
	Journal   *journal.Journal
	URL       string // of its HTTPS listener
	Log       *slog.Logger

	// Settings, when set before a node joins, changes what nodes are told.
	Settings func(*identity.Settings)
	// Binary hands out the node program, as identity.HandlerConfig says.
	Binary func(arch, sha256 string) (*os.File, error)
	// VerifyCaller is handed to the join handler.
	VerifyCaller func(ctx context.Context, n statestore.Node, remote, instance string) error
	// NodeLifetime shortens the nodes' certificates.
	NodeLifetime time.Duration
	// OnFleet is called with each new fleet, before nodes can connect again.
	OnFleet func(*fleet.Fleet)

	t       testing.TB
	dir     string
	address string
	stop    func()

	mu     sync.Mutex
	events []event.Event // recorded by the join handler
}

// Start returns a running manager with one cluster and no nodes. It ends with the test.
func Start(t testing.TB, change ...func(*Manager)) *Manager {
	t.Helper()
	m := &Manager{t: t, dir: t.TempDir(), address: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, f := range change {
		f(m)
	}
	m.Store = storetest.New(t)
	ctx := t.Context()
	e := m.Store.Elector(statestore.ElectorConfig{TTL: time.Hour})
	e.Stand(ctx)
	var leading bool
	if m.Term, leading = e.Leading(); !leading {
		t.Fatal("test manager does not lead")
	}
	tpl, err := m.Store.Templates.Create(ctx, statestore.Template{Name: "t", Provider: "local", Spec: json.RawMessage(`{}`)})
	Must(t, err)
	m.Cluster, err = m.Store.Clusters.Create(ctx, statestore.Cluster{Name: "studio", TemplateID: tpl.ID})
	Must(t, err)
	m.up()
	t.Cleanup(func() { m.stop() })
	return m
}

// Stop ends the manager's processes' worth of parts; the database stays.
func (m *Manager) Stop() {
	m.stop()
	m.stop = func() {}
}

// Restart stops the manager, unless it is stopped, and brings it up again: same HTTPS address, same files, a new port of the fleet.
func (m *Manager) Restart() {
	m.t.Helper()
	m.Stop()
	m.up()
}

func (m *Manager) up() {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var err error
	m.Authority, err = identity.Open(ctx, identity.Config{Store: m.Store.Tables, NodeLifetime: m.NodeLifetime, Log: m.Log})
	Must(m.t, err)
	m.Fleet, err = fleet.Start(ctx, fleet.Config{Dir: m.dir, Listen: "127.0.0.1:0", Trust: m.Authority, Log: m.Log})
	Must(m.t, err)
	m.Authority.OnRevoke(m.Fleet.Forget)
	m.Journal, err = journal.Open(ctx, journal.Config{Store: m.Store, Conn: m.Fleet.Conn(), JetStream: m.Fleet.JetStream(), Log: m.Log})
	Must(m.t, err)
	if m.OnFleet != nil {
		m.OnFleet(m.Fleet)
	}
	running.Go(func() { m.Authority.Run(ctx) })
	running.Go(func() { m.Journal.Run(ctx) })
	server := &http.Server{Handler: m.handler(), TLSConfig: m.Authority.HTTPS("localhost", "127.0.0.1"), ReadHeaderTimeout: 5 * time.Second}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", m.address)
	Must(m.t, err)
	m.address = l.Addr().String()
	m.URL = "https://" + m.address
	running.Go(func() { _ = server.Serve(tls.NewListener(l, server.TLSConfig)) })
	m.stop = func() {
		cancel()
		_ = server.Close()
		running.Wait()
		m.Fleet.Stop()
	}
}

func (m *Manager) handler() http.Handler {
	return identity.NewHandler(identity.HandlerConfig{
		Authority: m.Authority, VerifyCaller: m.VerifyCaller, Binary: m.Binary, Log: m.Log,
		Settings: func(context.Context, statestore.Node) (identity.Settings, error) {
			s := identity.Settings{FleetURLs: m.Fleet.URLs(), ReportIntervalS: 0.1}
			if m.Settings != nil {
				m.Settings(&s)
			}
			return s, nil
		},
		Record: func(_ context.Context, e event.Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.events = append(m.events, e)
		},
	})
}

// Recorded returns the kinds of the events that the join handler recorded.
func (m *Manager) Recorded() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, e := range m.events {
		out = append(out, e.Kind)
	}
	return out
}

// Node makes a node's row in state launching and returns the bootstrap that its provider would hand over. ttl is the join token's.
func (m *Manager) Node(ttl time.Duration) join.Bootstrap {
	m.t.Helper()
	ctx := m.t.Context()
	n, err := m.Store.Nodes.Create(ctx, m.Term, statestore.Node{ClusterID: m.Cluster.ID, Provider: "local"}, "test")
	Must(m.t, err)
	m.Move(n.ID, statestore.NodeLaunching)
	token := statestore.NewID() + statestore.NewID()
	Must(m.t, m.Store.JoinTokens.Create(ctx, m.Term, n.ID, statestore.Secret(token), ttl))
	return join.Bootstrap{
		ManagerURLs: []string{m.URL}, CASHA256: m.Authority.Pin(), NodeID: n.ID, Cluster: m.Cluster.Name, JoinToken: token, DataDir: m.t.TempDir(),
		ListenHost: "127.0.0.1", AdvertiseHost: "127.0.0.1", MaxSessions: 10, ReportIntervalS: 0.1,
	}
}

// Move puts a node's row into a state, wherever it is.
func (m *Manager) Move(node string, to statestore.NodeState) {
	m.t.Helper()
	_, err := m.Store.Nodes.Transition(m.t.Context(), m.Term, node, statestore.NodeStates(), to, "test", nil)
	Must(m.t, err)
}

// Joined is a node that has joined, without an agent.
func (m *Manager) Joined() *join.Identity {
	m.t.Helper()
	id, err := (&join.Client{Bootstrap: m.Node(time.Hour), Version: "test", Log: m.Log}).Ensure(m.t.Context(), []string{"127.0.0.1"}, 4001)
	Must(m.t, err)
	return id
}

// Link connects a joined node to the fleet and waits until it is connected.
func (m *Manager) Link(id *join.Identity, handlers map[string]link.Handler) *link.Link {
	m.t.Helper()
	l, err := link.Open(link.Config{
		Node: id.NodeID, URLs: m.Fleet.URLs(), CASHA256: m.Authority.Pin(), Handlers: handlers, Log: m.Log, MaxDelay: 200 * time.Millisecond,
		Certificate: func() (*tls.Certificate, error) { c, err := id.Control(); return &c, err },
	})
	Must(m.t, err)
	m.t.Cleanup(l.Close)
	Eventually(m.t, "link up and listening", func() bool {
		return l.Connected() && !errors.Is(m.Fleet.Command(m.t.Context(), id.NodeID, command.Ping, command.Nothing{}, nil), command.ErrNotConnected)
	})
	return l
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Eventually polls until ok, or ends the test.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("did not happen within %s: %s", Patience, what)
}
