package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/godwit/godwit/fleet/link"
	"github.com/godwit/godwit/fleet/share"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/journal/spool"
	"github.com/godwit/godwit/node/proof"
	"github.com/godwit/godwit/node/service"
	"github.com/godwit/godwit/node/supervisor"
)

// Reasons for which an agent ends by itself.
var (
	// ErrEnded: the manager says that this node has ended. Starting it again cannot help.
	ErrEnded = errors.New("the manager has ended this node")
	// ErrLeaseExpired: nobody renews the lease; the manager is gone for good.
	ErrLeaseExpired = errors.New("the manager is gone for good")
	// ErrJoinTimeout: no manager answered for as long as one waits for this node. Its token has expired.
	ErrJoinTimeout = errors.New("no manager was reached within this node's launch timeout")
)

const (
	defaultInterval = 5 * time.Second
	// farewell bounds how long a stopping agent tries to hand over its last events.
	farewell = 2 * time.Second
)

// Config of an Agent. Bootstrap, Version and Command are required.
type Config struct {
	Bootstrap join.Bootstrap
	Version   string
	// Command is the transfer service's command line up to the arguments that the agent adds: --socket, --agent-socket and --paths.
	Command []string
	// Ready, when set, is called once the node serves: certificates are there and the service is up.
	Ready func()
	Log   *slog.Logger
	Level *slog.LevelVar // of Log; follows the configuration. May be nil
}

// Agent is one node's agent; Run it once.
type Agent struct {
	Config
	log      *slog.Logger
	boot     string
	bootTime time.Time
	level    slog.Level // as started
	lock     *os.File
	sockets  string   // directory of the two sockets
	tcp      *os.File // the transfer port
	port     int

	joiner  *join.Client
	spool   *spool.Spool
	ledger  *ledger
	service *service.Client
	super   *supervisor.Supervisor
	proofs  *proof.Responder
	link    atomic.Pointer[link.Link]
	wake    chan struct{} // asks for a report now
	lost    chan struct{} // the link went down
	fatal   chan error
	ready   sync.Once

	mu       sync.Mutex
	identity *join.Identity
	state    state
	collect  *collector // of the running child's events; nil before the first
	meter    figures
	named    named // certificate for clients that look for a name; in memory only
	eased    ease  // the last restart for the configuration's sake
	holding  share.Holding
	sent     map[uint64]time.Time // of late reports, by sequence number

	sharing sync.Mutex  // one grant at a time
	waiting atomic.Bool // for a report that comes soon
}

// Run works until ctx ends, which yields nil, or until one of the reasons above.
func Run(ctx context.Context, c Config) error {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	now := time.Now()
	a := &Agent{
		Config: c, log: c.Log, boot: event.NewID(now), bootTime: now,
		wake: make(chan struct{}, 1), lost: make(chan struct{}, 1), fatal: make(chan error, 4),
		proofs: proof.New(c.Bootstrap.ListenHost, c.Log),
		joiner: &join.Client{Bootstrap: c.Bootstrap, Version: c.Version, Log: c.Log},
	}
	if c.Level != nil {
		a.level = c.Level.Level()
	}
	defer a.close()
	if err := a.prepare(); err != nil { //nolint:contextcheck // opening a port waits for nothing
		return err
	}
	joining, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var lease sync.WaitGroup
	defer lease.Wait()
	lease.Go(func() { a.watchLease(joining, cancel) })
	id, err := a.join(joining)
	if err != nil {
		cause := context.Cause(joining)
		cancel(nil)
		return joinError(ctx, cause, err)
	}
	a.identity = id
	a.adopt(id.Response)
	err = a.run(joining)
	cancel(nil)
	return err
}

// join waits for an identity, a node that never had one no longer than its manager waits for it.
func (a *Agent) join(ctx context.Context) (*join.Identity, error) {
	if limit := a.Bootstrap.JoinTimeoutS; limit > 0 {
		if id, err := join.Load(a.Bootstrap.DataDir); errors.Is(err, os.ErrNotExist) || err == nil && !id.Joined() {
			late, cancel := context.WithTimeoutCause(ctx, time.Duration(limit*float64(time.Second)), ErrJoinTimeout)
			defer cancel()
			ctx = late
		}
	}
	return a.joiner.Ensure(ctx, a.addresses(ctx), a.port)
}

func joinError(ctx context.Context, cause, err error) error {
	var refusal *join.Refusal
	switch {
	case ctx.Err() != nil: // stopped before it had joined, which is no failure
		return nil //nolint:nilerr // see above
	case errors.Is(cause, ErrLeaseExpired):
		return cause
	case errors.Is(err, ErrJoinTimeout):
		return err
	case errors.As(err, &refusal):
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return err
}

// prepare takes the data directory, opens the transfer port and the spool.
func (a *Agent) prepare() error {
	dir := a.Bootstrap.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	var err error
	if a.lock, err = os.OpenFile(filepath.Join(dir, "agent.lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(a.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("data directory %s is in use by another agent", dir)
	}
	if a.state, err = loadState(dir); err != nil {
		return err
	}
	if err := a.listen(); err != nil {
		return err
	}
	if a.sockets, err = socketDir(dir); err != nil {
		return err
	}
	if a.spool, err = spool.Open(filepath.Join(dir, "spool"), spool.Options{}); err != nil {
		return err
	}
	a.ledger, err = openLedger(dir, a.spool)
	return err
}

// socketDir is where the two sockets are: in the data directory, or, since socket paths are limited to 107 bytes, in a private one of the system's.
func socketDir(dataDir string) (string, error) {
	dir := filepath.Join(dataDir, "run")
	if len(dir)+len("/transferd.sock") <= 104 { // 104 on macOS
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("socket directory: %w", err)
		}
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "godwit-node-") // 0700
	if err != nil {
		return "", fmt.Errorf("socket directory: %w", err)
	}
	return dir, nil
}

// run is the node's life once it has joined.
func (a *Agent) run(ctx context.Context) error {
	socket, agentSocket := filepath.Join(a.sockets, "transferd.sock"), filepath.Join(a.sockets, "agent.sock")
	_ = os.Remove(agentSocket) // of an agent before
	answers, err := (&net.ListenConfig{}).Listen(ctx, "unix", agentSocket)
	if err != nil {
		return fmt.Errorf("agent socket: %w", err)
	}
	a.service = service.NewClient(socket)
	a.super = supervisor.New(supervisor.Config{
		Name: serviceName, Command: a.command(socket, agentSocket), Check: a.service.Healthy, Ready: a.childReady, OnState: a.onService(), Log: a.log,
	})
	if err := a.openLink(); err != nil {
		return errors.Join(err, answers.Close())
	}
	a.note(event.NodeStarted, event.Node{Version: a.Version})

	// Stages end in order: first the service with its last events, then what carries them.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	carry, stopCarry := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCarry()
	var serving, carrying sync.WaitGroup
	carrying.Go(func() { a.pump(carry) })
	carrying.Go(func() {
		if err := service.Serve(carry, answers, service.AnswerTenants(a.askTenant)); err != nil {
			a.log.Error("agent socket", "error", err)
		}
	})
	serving.Go(func() { a.super.Run(ctx) })
	serving.Go(func() { a.report(ctx) })
	serving.Go(func() { a.keepIdentity(ctx) })

	var reason error
	select {
	case <-ctx.Done():
		if cause := context.Cause(ctx); errors.Is(cause, ErrLeaseExpired) {
			reason = cause
		}
	case reason = <-a.fatal:
	}
	stop(nil)
	serving.Wait()
	a.awaitCollector()
	a.note(event.NodeStopped, event.Node{Version: a.Version, Reason: fmt.Sprint(reason)})
	a.flush(farewell)
	stopCarry()
	carrying.Wait()
	return reason
}

func (a *Agent) close() {
	a.proofs.Close()
	if l := a.link.Load(); l != nil {
		l.Close()
	}
	if a.spool != nil {
		if err := a.spool.Close(); err != nil {
			a.log.Error("spool not closed in order", "error", err)
		}
	}
	for _, f := range []*os.File{a.tcp, a.lock} {
		if f != nil {
			_ = f.Close() // the process ends anyway
		}
	}
	if a.sockets != "" {
		_ = os.RemoveAll(a.sockets) // the next start makes it anew
	}
}

// note spools an event about the node itself.
func (a *Agent) note(kind string, data any) {
	e := event.New(kind, time.Now(), data)
	e.Node = a.Bootstrap.NodeID
	if err := a.spool.Append(e); err != nil {
		a.log.Error("event lost", "kind", kind, "error", err)
	}
}

// reportNow asks for a report without waiting for the interval.
func (a *Agent) reportNow() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}
