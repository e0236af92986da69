package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/egress"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/identity"
	"github.com/godwit/godwit/internal/steady"
	"github.com/godwit/godwit/journal"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/attached"
	"github.com/godwit/godwit/provisioner/local"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/private"
)

// stopTimeout is how long answers under way may take when the manager stops.
const stopTimeout = 5 * time.Second

// manager is what Run puts together.
type manager struct {
	config   Config
	log      *slog.Logger
	data     *dataDir
	store    *statestore.Store
	identity *identity.Authority
	fleet    *fleet.Fleet
	journal  *journal.Journal
	elector  *statestore.Elector
	cluster  *cluster.Reconciler
	local    *local.Provider
	attached *attached.Provider // nil without slots
	api      *api.Server
	teller   *teller
	sharer   *sharer
	courier  *notify.Courier
	consoles *cluster.Consoles
	listener net.Listener
	public   string
	clock    *steady.Clock
	names    names
	files    *certificates // nil without any
	shown    *shown
	issuer   *certificate.Issuer // nil without ordered ones
	// challenges of the orders that are under way; nil without ordered ones.
	challenges *certificate.Challenges
	// installation is this installation's id.
	installation string
	programs     *programs
	closers      []func() error // in order of opening
}

// Run runs a manager until ctx ends; then it stops in order and returns nil. Any other return is a failure to start, or
// of a part that cannot go on.
func Run(ctx context.Context, c Config) error {
	if err := c.complete(); err != nil {
		return err
	}
	m := &manager{config: c, log: c.Log, clock: steady.New(), programs: newPrograms(c.NodePrograms, c.Log)}
	err := m.openCertificates()
	if err == nil {
		err = m.open(ctx)
	}
	switch {
	case err == nil:
		err = m.run(ctx)
	case ctx.Err() != nil:
		err = nil // told to stop while it started: what failed, failed by that
	}
	for i := len(m.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, m.closers[i]())
	}
	return err
}

func (m *manager) open(ctx context.Context) error {
	steps := []func(context.Context) error{m.openStore, m.openIdentity, m.openFleet, m.openCluster, m.openNames, m.openACME, m.openHTTPS}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (m *manager) closing(f func() error) { m.closers = append(m.closers, f) }

func (m *manager) openStore(ctx context.Context) error {
	var err error
	if m.data, err = openData(m.config.Data); err != nil {
		return err
	}
	m.closing(m.data.close)
	m.store, err = openStore(ctx, m.data.path, m.config.DatabaseURL, m.log, m.clock.Now)
	if err != nil {
		return err
	}
	m.closing(m.store.Close)
	if m.config.DatabaseURL == "" {
		return nil
	}
	// Managers that share a database reckon with its clock, or each would find the
	// timers of the one before run out, or not begun.
	now, err := m.store.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	m.clock.Refer(now)
	return nil
}

// openStore opens the state store of a data directory, which its caller holds.
func openStore(ctx context.Context, dir, databaseURL string, log *slog.Logger, clock func() time.Time) (*statestore.Store, error) {
	key, err := statestore.LoadMasterKey(dir + "/master.key")
	if err != nil {
		return nil, err
	}
	return statestore.Open(ctx, statestore.Config{
		DatabaseURL: databaseURL, Private: private.Config{Dir: dir, Logger: log}, MasterKey: key, Logger: log, Clock: clock,
	})
}

func (m *manager) openIdentity(ctx context.Context) error {
	var err error
	m.identity, err = identity.Open(ctx, identity.Config{Store: m.store.Tables, Log: m.log})
	return err
}

func (m *manager) openFleet(ctx context.Context) error {
	listen := m.fleetListen()
	var err error
	m.fleet, err = fleet.Start(ctx, fleet.Config{Dir: m.data.file("fleet"), Listen: listen, Trust: m.identity, Log: m.log, Now: m.clock.Now})
	if err != nil && listen != m.config.FleetListen {
		// Somebody took the port meanwhile. Nodes learn the new one when they renew.
		m.log.WarnContext(ctx, "the fleet's port of the run before is taken; nodes find the new one later", "address", listen, "error", err)
		m.fleet, err = fleet.Start(ctx, fleet.Config{Dir: m.data.file("fleet"), Listen: m.config.FleetListen, Trust: m.identity, Log: m.log, Now: m.clock.Now})
	}
	if err != nil {
		return err
	}
	m.closing(func() error { m.fleet.Stop(); return nil })
	m.identity.OnRevoke(m.fleet.Disconnect)
	m.elector = m.store.Elector(statestore.ElectorConfig{ID: statestore.NewID(), TTL: m.config.LeaderLease, Logger: m.log})
	m.journal, err = journal.Open(ctx, journal.Config{
		Store: m.store, Conn: m.fleet.Conn(), JetStream: m.fleet.JetStream(), Log: m.log, Retention: longest,
		Leading: func() bool { _, leading := m.elector.Leading(); return leading },
		Active:  func(id string) bool { return len(m.fleet.Transfer(id)) > 0 },
		Lost:    m.lastWords,
	})
	return err
}

// lastWords are the counts of sessions whose nodes tell no more of them.
func (m *manager) lastWords() []journal.LastWord {
	lost := m.fleet.AllLost()
	out := make([]journal.LastWord, len(lost))
	for i, l := range lost {
		out[i] = journal.LastWord{
			Transfer: l.GetTransferId(), Session: l.GetId(),
			Bytes: int64(l.GetBytesDone()), Files: int64(l.GetFilesDone()), //nolint:gosec // counts of bytes and files
		}
	}
	return out
}

// fleetListen takes the port of the run before where any would do: nodes know it.
func (m *manager) fleetListen() string {
	host, port, err := net.SplitHostPort(m.config.FleetListen)
	if err != nil || port != "0" {
		return m.config.FleetListen
	}
	before, err := ReadFacts(m.data.path)
	if err != nil {
		return m.config.FleetListen
	}
	if _, port, err = net.SplitHostPort(before.FleetAddr); err != nil {
		return m.config.FleetListen
	}
	return net.JoinHostPort(host, port)
}

func (m *manager) openCluster(ctx context.Context) error {
	m.shown = &shown{store: m.store, names: &m.names, files: m.files, log: m.log, now: m.clock.Now}
	m.installation = statestore.NewID()
	if err := m.store.Settings.PutFirst(ctx, "installation", &m.installation); err != nil {
		return err
	}
	var err error
	m.local, err = local.New(local.Config{Dir: m.data.file("local"), Command: m.config.NodeCommand, Programs: m.config.LocalPrograms, LeaseTimeout: m.config.LocalLease, Log: m.log})
	if err != nil {
		return err
	}
	if m.config.Slots != "" {
		if m.attached, err = attached.New(attached.Config{Dir: m.config.Slots, Log: m.log}); err != nil {
			return err
		}
		m.closing(m.attached.Close)
	}
	// Bound before the reconciler may launch: nodes must be told where to join.
	m.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", m.config.Listen)
	if err != nil {
		return fmt.Errorf("HTTPS listener: %w", err)
	}
	m.closing(func() error {
		if err := m.listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	m.public = m.config.publicURL(m.listener.Addr())
	m.cluster, err = cluster.New(cluster.Config{
		Store: cluster.Postgres(m.store.Tables), Fleet: cluster.Live(m.fleet), Retention: longest,
		Enrolment: cluster.Identity(m.store.Tables, m.identity, door{m}),
		Providers: m.providers(), Installation: m.installation, Log: m.log, Now: m.clock.Now, ClockOff: m.clock.Off,
		Changed: func(_, topic string) {
			m.api.Changed()
			if topic == "conditions" {
				m.courier.Wake()
			}
		},
	})
	return err
}

// longest is the most that the settings can ask to keep: what is kept for less, the API's own tidying deletes, by the
// settings.
const longest = 3650 * 24 * time.Hour

func (m *manager) providers() map[string]provisioner.Provider {
	all := map[string]provisioner.Provider{local.Name: m.local}
	maps.Copy(all, m.config.Providers)
	if m.attached != nil {
		all[attached.Name] = m.attached
	}
	return all
}

func (m *manager) openHTTPS(ctx context.Context) error {
	keys, signer := access.NewKeys(m.store.Tables, time.Now), access.NewSigner(m.store, time.Now)
	keys.Close(m.data.path)
	if place, err := private.Locate(m.data.path); err == nil {
		keys.Close(place)
	}
	if err := signer.Prepare(ctx); err != nil {
		return err
	}
	e := &enlightener{store: m.store, keys: keys, signer: signer, urls: m.fleetURLs, shown: m.shown, challenges: m.challenges, proofPort: m.config.ACME.HTTPPort, log: m.log}
	if err := e.register(m.fleet); err != nil { //nolint:contextcheck // each question comes with a context of its own
		return err
	}
	telling, stop := context.WithCancel(context.WithoutCancel(ctx))
	var told sync.WaitGroup
	m.teller = newTeller(e, m.fleet, m.config.Level)
	m.sharer = newSharer(m.store, m.fleet, m.clock.Now, m.log)
	m.consoles = cluster.NewConsoles(m.store.Tables, m.providers(), m.log)
	m.courier = notify.New(notify.Config{Store: m.store, Sender: &notify.Sender{Dialer: m.dialer()}, URL: m.shownURL, Log: m.log})
	told.Go(func() { m.teller.run(telling) })
	m.closing(func() error { stop(); told.Wait(); return nil })
	var err error
	m.api, err = api.New(api.Config{
		Store: m.store, Fleet: m.fleet, Commands: m.fleet, Keys: keys, Signer: signer, Courier: m.courier,
		Clusters: questions{m.cluster, m.providers()},
		Issuer:   access.NewIssuer(m.store, signer, placer{m.cluster}, time.Now),
		Nodes: identity.NewHandler(identity.HandlerConfig{
			Authority: m.identity, Settings: e.settings, Record: m.record, Binary: m.programs.find, Log: m.log,
		}),
		Console: m.config.Console, Version: m.config.Version, PublicURL: m.public, CASHA256: m.identity.Pin(), Log: m.log,
		Names: m.names.of, Certificates: m.shown, Checks: []api.Check{{Name: "fleet", Ready: m.fleetReady}},
		Wake: func() { m.cluster.Wake(); m.teller.Wake(); m.sharer.Wake(); m.consoles.Wake() },
	})
	if err != nil {
		return err
	}
	return m.api.Prepare(ctx)
}

// dialer connects to what people typed in: mail servers, webhooks, sign-in providers.
func (m *manager) dialer() *egress.Dialer {
	return egress.New(func(ctx context.Context) ([]string, error) {
		var allow []string
		err := m.store.Settings.Get(ctx, egress.SettingKey, &allow)
		if errors.Is(err, statestore.ErrNotFound) {
			err = nil
		}
		return allow, err
	})
}

// shownURL is where people reach the manager.
func (m *manager) shownURL(context.Context) string { return m.public }

func (m *manager) fleetURLs() []string { return m.config.fleetURLs(m.fleet.URLs(), m.public) }

func (m *manager) fleetReady(context.Context) error {
	if !m.fleet.Conn().IsConnected() {
		return errors.New("the fleet's message server does not answer")
	}
	return nil
}

// record puts an event into the journal; failing at it must not fail what the event tells of.
func (m *manager) record(ctx context.Context, e event.Event) {
	if err := m.journal.Record(ctx, e); err != nil {
		m.log.WarnContext(ctx, "event was not recorded", "kind", e.Kind, "node", e.Node, "error", err)
	}
}

// run starts the loops, serves, and waits for ctx or a failure.
func (m *manager) run(ctx context.Context) error {
	// The loops outlive ctx by the time it takes to answer what is under way.
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for _, loop := range []func(context.Context){
		m.identity.Run, m.journal.Run, m.api.Run,
		m.watchCertificates,
		func(ctx context.Context) { m.ended(ctx, "leadership", m.elector.Run(ctx)) },
		func(ctx context.Context) { m.ended(ctx, "reconciler", m.cluster.Run(ctx, m.elector)) },
		func(ctx context.Context) { m.ended(ctx, "local nodes", m.local.Run(ctx)) },
		func(ctx context.Context) { m.ended(ctx, "notifications", m.courier.Run(ctx, m.elector)) },
		func(ctx context.Context) { m.ended(ctx, "links", m.sharer.run(ctx, m.elector)) },
		func(ctx context.Context) { m.ended(ctx, "consoles", m.consoles.Run(ctx, m.elector)) },
	} {
		running.Go(func() { loop(loops) })
	}
	for _, d := range m.names.directories {
		running.Go(func() { d.Run(loops) })
	}
	if m.issuer != nil {
		running.Go(func() { m.issuer.Run(loops) })
	}
	if m.names.server != nil {
		running.Go(func() { m.ended(loops, "DNS server", m.names.server.Serve(loops)) })
	}
	server := &http.Server{
		Handler: m.api.Handler(), TLSConfig: m.identity.HTTPS(m.config.names(m.public)...), //nolint:contextcheck // certificates are asked for with each connection
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	running.Go(func() {
		if err := server.ServeTLS(m.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("HTTPS: %w", err)
		}
	})
	admin, closeAdmin, err := openAdmin(ctx, m.data.path)
	if err == nil {
		defer closeAdmin() //nolint:errcheck // a directory that was only read
		socket := &http.Server{Handler: m.adminHandler(), ReadHeaderTimeout: 10 * time.Second}
		running.Go(func() { _ = socket.Serve(admin) }) // it ends with Close below
		defer func() { _ = socket.Close() }()          // a caller under way asks again
		err = m.announce(ctx)
	}
	if err == nil {
		select {
		case <-ctx.Done():
			m.log.Info("stopping")
		case err = <-failed:
		}
	}
	m.api.Stop()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if shutErr := server.Shutdown(closing); shutErr != nil {
		_ = server.Close() // what is still under way is cut off
	}
	return err
}

func (m *manager) ended(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		m.log.Error("a part of the manager ended", "part", what, "error", err)
	}
}

// reachable is where this machine reaches what listens on addr, also when that is all addresses.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
}

// announce tells the world that the manager serves.
func (m *manager) announce(ctx context.Context) error {
	pin := m.identity.Pin()
	facts := Facts{URL: m.public, Listen: reachable(m.listener.Addr()), CASHA256: pin, CertSHA256: pin, FleetAddr: m.fleet.Addr(), DNSAddr: m.names.addr(), PID: os.Getpid()}
	if err := m.greet(ctx, m.config.Out); err != nil {
		return err
	}
	if err := m.data.writeFacts(facts); err != nil {
		return err
	}
	m.log.Info("manager serves", "url", m.public, "fleet", facts.FleetAddr, "version", m.config.Version)
	return nil
}
