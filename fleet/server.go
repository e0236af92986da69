package fleet

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit/godwit/fleet/report"
)

// LiveAge is how long a report counts as a node's present when no newer one comes.
const LiveAge = 30 * time.Second

// handshakeTimeout is generous: after a manager's restart all nodes come at once, and short limits turn that into a storm of retries.
const handshakeTimeout = 30 // seconds

// Trust is what the fleet needs of the cluster's identity; *identity.Authority is one.
type Trust interface {
	// FleetTLS returns the listener's configuration, which must require and verify client certificates.
	FleetTLS() *tls.Config
	// Admit tells whether a verified certificate may still connect. serial is 32 hexadecimal digits.
	Admit(node, serial string) error
}

// Config of a Fleet. Dir, Listen and Trust are required.
type Config struct {
	Dir       string           // JetStream's files
	Listen    string           // host:port; port 0 picks a free one
	Advertise []string         // addresses (host:port) told to nodes; the listener's own when empty
	Trust     Trust            //
	Now       func() time.Time // time.Now when nil
	Log       *slog.Logger     // slog.Default when nil
}

// Fleet is the manager's end: server, index, commands, answers. All methods are safe for concurrent use.
type Fleet struct {
	*Index
	config  Config
	log     *slog.Logger
	server  *server.Server
	conn    *nats.Conn
	stream  jetstream.JetStream
	secret  string
	gate    *gate
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Start brings the fleet up and returns when nodes can connect. Stop ends it.
func Start(ctx context.Context, c Config) (*Fleet, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, fmt.Errorf("fleet secret: %w", err)
	}
	f := &Fleet{Index: NewIndex(c.Now), config: c, log: c.Log, secret: hex.EncodeToString(secret[:])}
	f.gate = &gate{trust: c.Trust, secret: f.secret, log: c.Log, clients: map[string]map[uint64]struct{}{}}
	if err := f.serve(); err != nil {
		return nil, err
	}
	if err := f.connect(ctx); err != nil {
		f.Stop()
		return nil, err
	}
	return f, nil
}

func (f *Fleet) serve() error {
	host, port, err := splitListen(f.config.Listen)
	if err != nil {
		return err
	}
	opts := &server.Options{
		ServerName: "godwit-fleet", Host: host, Port: port,
		NoSigs: true, NoLog: true, DontListen: false,
		TLSConfig: f.config.Trust.FleetTLS(), TLSVerify: true, TLSHandshakeFirst: true,
		TLSTimeout: handshakeTimeout, AuthTimeout: handshakeTimeout,
		CustomClientAuthentication: f.gate,
		JetStream:                  true, StoreDir: f.config.Dir, SyncAlways: true,
		PingInterval: 10 * time.Second, MaxPingsOut: 2,
		MaxPayload: 1 << 20, WriteDeadline: 10 * time.Second,
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("fleet server: %w", err)
	}
	f.gate.server = ns
	ns.SetLoggerV2(&natsLog{f.log.With("part", "nats")}, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(20 * time.Second) {
		ns.Shutdown()
		return fmt.Errorf("fleet server did not come up on %s: is the address free?", f.config.Listen)
	}
	f.server = ns
	return nil
}

func (f *Fleet) connect(ctx context.Context) error {
	nc, err := nats.Connect("", nats.InProcessServer(f.server), nats.Name("manager"), nats.UserInfo(managerUser, f.secret),
		nats.CustomInboxPrefix("_INBOX_MANAGER"), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return fmt.Errorf("fleet connection: %w", err)
	}
	f.conn = nc
	// The default handling of a full asynchronous window is to fail publishes; waiting is right for everything that a manager publishes.
	if f.stream, err = jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(512)); err != nil {
		return fmt.Errorf("fleet streams: %w", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	for shard := range report.Shards {
		if err := f.follow(run, shard); err != nil {
			return err
		}
	}
	f.running.Go(func() { f.sweep(run) })
	return nil
}

// Conn is the manager's own connection, with every right. It lives as long as the fleet.
func (f *Fleet) Conn() *nats.Conn { return f.conn }

// JetStream is the stream interface on Conn.
func (f *Fleet) JetStream() jetstream.JetStream { return f.stream }

// URLs are where nodes connect, in tls://host:port form.
func (f *Fleet) URLs() []string {
	hosts := f.config.Advertise
	if len(hosts) == 0 {
		hosts = []string{f.Addr()}
	}
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = "tls://" + h
	}
	return out
}

// Addr is the listener's address, host:port.
func (f *Fleet) Addr() string { return f.server.Addr().String() }

// Disconnect cuts a node's connections off. Whether it may come back is Trust's to say: revoke first, then disconnect.
func (f *Fleet) Disconnect(node string) { f.gate.disconnect(node) }

// Forget cuts a node off and drops it from the index: it has ended.
func (f *Fleet) Forget(node string) {
	f.Disconnect(node)
	f.Index.Remove(node)
}

// Connected tells whether a node has a connection now.
func (f *Fleet) Connected(node string) bool { return f.gate.connected(node) }

// Stop ends connections, server and goroutines. Streams on disk stay.
func (f *Fleet) Stop() {
	if f.stop != nil {
		f.stop()
	}
	if f.conn != nil {
		f.conn.Close() // no new questions from here on
	}
	f.running.Wait()
	if f.server != nil {
		f.server.Shutdown()
		f.server.WaitForShutdown()
	}
}

func splitListen(s string) (string, int, error) {
	if s == "" {
		s = "127.0.0.1:0"
	}
	addr, err := net.ResolveTCPAddr("tcp", s)
	if err != nil {
		return "", 0, fmt.Errorf("fleet listen address %q: %w", s, err)
	}
	port := addr.Port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	host := "0.0.0.0"
	if addr.IP != nil {
		host = addr.IP.String()
	}
	return host, port, nil
}

const managerUser = "manager"

// gate lets connections in and remembers them by node.
type gate struct {
	trust  Trust
	secret string
	log    *slog.Logger
	server *server.Server

	mu      sync.Mutex
	clients map[string]map[uint64]struct{}
}

// Check implements server.Authentication.
func (g *gate) Check(c server.ClientAuthentication) bool {
	if c.Kind() != server.CLIENT {
		return false
	}
	state := c.GetTLSConnectionState()
	if state == nil {
		return g.manager(c)
	}
	if len(state.VerifiedChains) == 0 {
		return false
	}
	leaf := state.VerifiedChains[0][0]
	node, serial := leaf.Subject.CommonName, fmt.Sprintf("%032x", leaf.SerialNumber)
	if err := admissible(node, g.trust, serial); err != nil {
		g.log.Warn("fleet connection refused", "node", node, "remote", c.RemoteAddress(), "error", err)
		return false
	}
	c.RegisterUser(&server.User{Username: node, Permissions: permissions(node), ConnectionDeadline: leaf.NotAfter})
	g.remember(node, c.GetID())
	return true
}

func (g *gate) manager(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	// Over TCP the listener demands TLS, so that a connection without it came through memory.
	if subtle.ConstantTimeCompare([]byte(o.Password), []byte(g.secret)) != 1 || o.Username != managerUser {
		return false
	}
	c.RegisterUser(&server.User{Username: managerUser})
	return true
}

func admissible(node string, trust Trust, serial string) error {
	for _, r := range node {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return errors.New("node id is not one token")
		}
	}
	if node == "" || len(node) > 64 {
		return errors.New("node id is missing or too long")
	}
	return trust.Admit(node, serial)
}

func permissions(node string) *server.Permissions {
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			fmt.Sprintf("live.%d.%s.*", report.Shard(node), node), "ev." + node + ".>", "rpc." + node + ".*",
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"ctl." + node + ".*", "_INBOX." + node + ".>"}},
		Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute},
	}
}

func (g *gate) remember(node string, id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids := g.clients[node]
	if ids == nil {
		ids = map[uint64]struct{}{}
		g.clients[node] = ids
	}
	for old := range ids {
		if g.server.GetClient(old) == nil {
			delete(ids, old)
		}
	}
	ids[id] = struct{}{}
}

func (g *gate) disconnect(node string) {
	g.mu.Lock()
	ids := g.clients[node]
	delete(g.clients, node)
	g.mu.Unlock()
	for id := range ids {
		_ = g.server.DisconnectClientByID(id) // gone already: what was wanted
	}
}

func (g *gate) connected(node string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id := range g.clients[node] {
		if g.server.GetClient(id) != nil {
			return true
		}
	}
	return false
}

// natsLog carries the server's messages over; its notices are details to us.
type natsLog struct{ log *slog.Logger }

func (l *natsLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *natsLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l *natsLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *natsLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *natsLog) Debugf(string, ...any)           {}
func (l *natsLog) Tracef(string, ...any)           {}
