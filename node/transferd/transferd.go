// Package transferd is the transfer service: the child process of a node's agent that serves clients. It holds no state that matters: what must last is on the tenant's
// storage (parts and their journals) or, within milliseconds, with the agent (events). Killed at any instant, it is started again and clients resume.
package transferd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/node/authorize"
	"github.com/godwit/godwit/node/meter"
	"github.com/godwit/godwit/node/service"
	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/pathbook"
)

// lastEvents bounds how long a stopping service waits for the agent to take its last events.
const lastEvents = 2 * time.Second

// Options of Run. All are required but Log.
type Options struct {
	Socket      string // of this service, made here
	AgentSocket string
	TCP         net.Listener
	UDP         *packetio.Listener
	Log         *slog.Logger
	Level       *slog.LevelVar // of Log; follows the configuration. May be nil
	Paths       *pathbook.Book // what is remembered of the ways to clients. May be nil
}

// Inherited returns the transfer port's sockets: TCP as the agent left it open for this process, UDP of the same number.
func Inherited() (net.Listener, *packetio.Listener, error) {
	file := os.NewFile(service.FDTCP, "transfer port")
	defer file.Close() // a duplicate is used below
	tcp, err := net.FileListener(file)
	if err != nil {
		return nil, nil, fmt.Errorf("transfer port was not passed on by the agent: %w", err)
	}
	addr, ok := tcp.Addr().(*net.TCPAddr)
	if !ok {
		return nil, nil, errors.Join(fmt.Errorf("transfer port: %s is not a TCP socket", tcp.Addr()), tcp.Close())
	}
	udp, err := packetio.Listen(addr.AddrPort(), packetio.Options{})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("transfer port, UDP: %w", err), tcp.Close())
	}
	return tcp, udp, nil
}

// Run serves until ctx ends: sessions are told to go on elsewhere, their last events handed over.
func Run(ctx context.Context, o Options) error {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	_ = os.Remove(o.Socket) // of the process before
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", o.Socket)
	if err != nil {
		return fmt.Errorf("service socket: %w", err)
	}
	d := &daemon{o: o, level: levelOf(o.Level), started: time.Now(), queue: service.NewQueue(), configured: make(chan struct{})}
	d.auth = authorize.New(service.NewAsker(o.AgentSocket).Tenant, time.Now)
	api, stopAPI := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAPI()
	apiDone := make(chan error, 1)
	go func() { apiDone <- service.Serve(api, l, service.NewServer(d, d.queue)) }()

	select {
	case <-ctx.Done():
	case err := <-apiDone:
		return fmt.Errorf("service socket: %w", err)
	case <-d.configured:
		err = d.server.Serve(ctx, o.TCP, o.UDP)
	}
	d.links.stop()
	d.queue.Drain(lastEvents)
	stopAPI()
	return errors.Join(err, <-apiDone)
}

// daemon is the Backend of the service's routes.
type daemon struct {
	o          Options
	level      slog.Level // as started
	started    time.Time
	queue      *service.Queue
	auth       *authorize.Authorizer
	configured chan struct{} // closed with the first configuration

	mu     sync.Mutex
	config service.Config
	cert   *tls.Certificate
	named  *tls.Certificate // nil without one
	server *transfer.Server // nil until configured; not changed afterwards
	memory int64            // that server was made with
	links  links
}

func (d *daemon) certificate() (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cert, nil
}

// namedFor is the certificate of a host name, if it has it.
func (d *daemon) namedFor(host string) *tls.Certificate {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.named == nil || d.named.Leaf.VerifyHostname(host) != nil {
		return nil
	}
	return d.named
}

// Configure implements service.Backend. The first call makes the server; later ones change it while it runs.
func (d *daemon) Configure(c service.Config) error {
	cert, err := tls.X509KeyPair([]byte(c.CertPEM), []byte(c.KeyPEM))
	if err != nil {
		return fmt.Errorf("serving certificate: %w", err)
	}
	var named *tls.Certificate
	if c.NamedCert != "" {
		pair, err := tls.X509KeyPair([]byte(c.NamedCert), []byte(c.NamedKey))
		if err != nil {
			return fmt.Errorf("certificate of names: %w", err)
		}
		named = &pair
	}
	d.setLevel(c.LogLevel)
	d.auth.SetKeys(c.ClusterID, c.TokenKeys)
	for _, t := range c.RevokedTransfers {
		d.auth.Revoke(command.RevokeRequest{Transfer: t})
	}
	for _, k := range c.RevokedKeys {
		d.auth.Revoke(command.RevokeRequest{AccessKey: k})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil {
		if err := d.server.SetCiphers(c.Ciphers); err != nil {
			return err
		}
		d.server.SetCaps(c.SendCap, c.ReceiveCap)
		d.server.SetMaxSessions(c.MaxSessions)
		d.server.SetSessionRates(c.SessionRate, c.SessionCap)
		d.links.follow(d.server, c.Links, c.Shares)
		d.cert, d.named, d.config = &cert, named, c
		return nil
	}
	d.cert, d.named, d.config = &cert, named, c
	server, err := transfer.NewServer(transfer.ServerConfig{
		Authorizer: d.auth, Certificate: d.certificate, Named: d.namedFor, NodeID: c.NodeID, NodeName: c.NodeName,
		SendCap: c.SendCap, ReceiveCap: c.ReceiveCap, MaxSessions: c.MaxSessions, Ciphers: c.Ciphers,
		SessionRate: c.SessionRate, SessionCap: c.SessionCap, Memory: c.SessionMemory,
		Paths: d.o.Paths, OnEvent: d.queue.Add, Log: d.o.Log,
	})
	if err != nil {
		return err
	}
	d.server, d.memory = server, c.SessionMemory
	d.links.follow(server, c.Links, c.Shares)
	close(d.configured)
	return nil
}

func levelOf(v *slog.LevelVar) slog.Level {
	if v == nil {
		return slog.LevelInfo
	}
	return v.Level()
}

// setLevel follows the configuration; an empty level, or one that is not known, means the one at the start.
func (d *daemon) setLevel(name string) {
	if d.o.Level == nil {
		return
	}
	level := d.level
	if name != "" && level.UnmarshalText([]byte(name)) != nil {
		level = d.level
	}
	d.o.Level.Set(level)
}

func (d *daemon) srv() *transfer.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.server
}

// Status implements service.Backend.
func (d *daemon) Status() service.Status {
	s := service.Status{Started: d.started, CPU: meter.CPU(), Memory: meter.Memory()}
	server := d.srv()
	if server == nil {
		return s
	}
	d.mu.Lock()
	s.ConfigVersion, s.SessionMemory = d.config.Version, d.memory
	d.mu.Unlock()
	s.Configured, s.Sessions, s.Totals, s.Load = true, server.Sessions(), server.Totals(), server.Load()
	s.Links = server.Links()
	return s
}

// Drain implements service.Backend.
func (d *daemon) Drain(reason string) {
	if s := d.srv(); s != nil {
		s.Drain(reason)
	}
}

// Undrain implements service.Backend.
func (d *daemon) Undrain() {
	if s := d.srv(); s != nil {
		s.Undrain()
	}
}

// SetRate implements service.Backend.
func (d *daemon) SetRate(r command.RateRequest) error {
	s := d.srv()
	if s == nil {
		return service.ErrNotFound
	}
	if r.Policy != "" && !s.SetPolicy(r.Session, transfer.Policy(r.Policy)) {
		if !transfer.Policy(r.Policy).Valid() {
			return fmt.Errorf("policy %q is not fixed, high, fair or low", r.Policy)
		}
		return service.ErrNotFound
	}
	if r.Target != nil && !s.SetRate(r.Session, *r.Target) {
		return service.ErrNotFound
	}
	return nil
}

// Cancel implements service.Backend.
func (d *daemon) Cancel(r command.CancelRequest) (int, error) {
	n := d.end(service.CancelError(r.Reason), func(s transfer.SessionStatus) bool {
		return r.Session != "" && s.ID == r.Session || r.Transfer != "" && s.TransferID == r.Transfer
	})
	if n == 0 {
		return 0, service.ErrNotFound
	}
	return n, nil
}

// Move implements service.Backend.
func (d *daemon) Move(r command.MoveRequest) command.MoveAnswer {
	var a command.MoveAnswer
	server := d.srv()
	if server == nil {
		return a
	}
	for _, id := range r.Sessions {
		if server.Move(id) {
			a.Asked++
		}
	}
	d.o.Log.Info("sessions asked to move", "asked", a.Asked, "of", len(r.Sessions), "why", r.Reason)
	return a
}

// Revoke implements service.Backend: first nothing new comes in, then what is there ends.
func (d *daemon) Revoke(r command.RevokeRequest) {
	d.auth.Revoke(r)
	why := &transfer.Error{Code: transfer.CodeEnded, Message: "the transfer was ended: " + r.Reason}
	if r.AccessKey != "" {
		why = &transfer.Error{Code: transfer.CodeUnauthorized, Message: "the access key was revoked: " + r.Reason}
	}
	d.end(why, func(s transfer.SessionStatus) bool {
		return r.Transfer != "" && s.TransferID == r.Transfer || r.AccessKey != "" && s.Tenant == r.AccessKey
	})
}

func (d *daemon) end(why *transfer.Error, match func(transfer.SessionStatus) bool) int {
	server, n := d.srv(), 0
	if server == nil {
		return 0
	}
	for _, s := range server.Sessions() {
		if match(s) && server.Cancel(s.ID, why) {
			n++
		}
	}
	return n
}

// Forget implements service.Backend.
func (d *daemon) Forget(accessKey string) { d.auth.Forget(accessKey) }
