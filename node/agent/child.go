package agent

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/node/service"
	"github.com/godwit/godwit/node/supervisor"
	"github.com/godwit/godwit/transfer"
)

// serviceName is how reports and events call the transfer service.
const serviceName = "transfer"

// pathMemoryEnv, where it is "off", has the node remember nothing of the ways to its clients.
const pathMemoryEnv = "GODWIT_PATH_MEMORY"

// command makes the transfer service's process. It inherits the transfer port and the log, nothing else.
func (a *Agent) command(socket, agentSocket string) func() *exec.Cmd {
	return func() *exec.Cmd {
		args := []string{"--socket", socket, "--agent-socket", agentSocket}
		if os.Getenv(pathMemoryEnv) != "off" {
			args = append(args, "--paths", filepath.Join(a.Bootstrap.DataDir, "paths"))
		}
		cmd := exec.Command(a.Command[0], append(a.Command[1:], args...)...) //nolint:noctx // the supervisor ends it, politely first
		cmd.ExtraFiles = []*os.File{a.tcp}
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd
	}
}

// serviceConfig is what the transfer service is to run with now.
func (a *Agent) serviceConfig() (service.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cert, key, err := a.identity.ServingPEM()
	if err != nil {
		return service.Config{}, err
	}
	c := a.state.Config
	out := service.Config{
		NodeID: a.Bootstrap.NodeID, NodeName: c.NodeName, ClusterID: c.ClusterID, Version: c.Version, CertPEM: cert, KeyPEM: key, TokenKeys: a.state.keys,
		SendCap: c.SendCapBps, ReceiveCap: c.ReceiveCapBps, MaxSessions: c.MaxSessions,
		SessionRate: c.SessionRateBps, SessionCap: c.SessionCapBps, SessionMemory: c.SessionMemory, LogLevel: a.state.logLevel(time.Now()),
		NamedCert: a.named.cert, NamedKey: a.named.key, Links: linksOf(c), Shares: sharesOf(a.holding),
		RevokedTransfers: a.state.RevokedTransfers, RevokedKeys: a.state.RevokedKeys,
	}
	for _, s := range c.Ciphers {
		out.Ciphers = append(out.Ciphers, transfer.Cipher(s))
	}
	return out, nil
}

// reconfigure brings the running service up to date. A service that is down gets everything when it is up again.
func (a *Agent) reconfigure(ctx context.Context) error {
	if a.super == nil || a.super.State().State != supervisor.Healthy {
		return nil
	}
	c, err := a.serviceConfig()
	if err != nil {
		return err
	}
	return a.service.Configure(ctx, c)
}

// childReady sets up a child that has just come up: the events of the one before are taken first, so that their order holds.
func (a *Agent) childReady(ctx context.Context) error {
	a.awaitCollector()
	a.service.CloseIdle()
	c, err := a.serviceConfig()
	if err != nil {
		return err
	}
	if err := a.service.Configure(ctx, c); err != nil {
		return err
	}
	a.mu.Lock()
	draining, reason := a.state.Draining, a.state.DrainReason
	a.mu.Unlock()
	if draining {
		if err := a.service.Drain(ctx, reason); err != nil {
			return err
		}
	}
	pid, events := a.super.State().PID, newCollector()
	a.mu.Lock()
	a.collect = events
	a.mu.Unlock()
	go func() { //nolint:contextcheck // it ends with the child, after ctx, so that no event is left behind
		defer close(events.done)
		a.collectEvents(pid, events)
	}()
	return nil
}

// collector takes the events of one child.
type collector struct {
	done chan struct{}
	// first is the context of its first stream, which is left to end by itself: it may hold the last words of a child
	// that died. again is that of streams after a break, which may have met the child's successor at the same socket.
	first, again       context.Context //nolint:containedctx // they outlive every call
	endFirst, endAgain context.CancelFunc
}

func newCollector() *collector {
	c := &collector{done: make(chan struct{})}
	c.first, c.endFirst = context.WithCancel(context.Background())
	c.again, c.endAgain = context.WithCancel(c.first)
	return c
}

// lastWords bounds how long the events of a child that is gone are waited for.
const lastWords = 2 * time.Second

// awaitCollector returns when the events of the child before have all been taken. That child is gone.
func (a *Agent) awaitCollector() {
	a.mu.Lock()
	c := a.collect
	a.mu.Unlock()
	if c == nil {
		return
	}
	c.endAgain()
	defer c.endFirst()
	select {
	case <-c.done:
	case <-time.After(lastWords):
		c.endFirst()
		<-c.done
	}
}

// collectEvents takes the events of the child with the given process id into the spool until that process is gone; sessions that it left open then end as lost.
func (a *Agent) collectEvents(pid int, c *collector) {
	var taken uint64
	for ctx := c.first; ; ctx = c.again {
		err := a.service.Events(ctx, func(e service.Event) error {
			if e.Seq <= taken { // said again after a broken stream
				return nil
			}
			if err := a.ledger.take(e.Event); err != nil {
				return err
			}
			taken = e.Seq
			a.reportSoon(e.Event)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return a.service.Ack(ctx, e.Seq)
		})
		if a.super.State().PID != pid || c.again.Err() != nil {
			break
		}
		a.log.Debug("event stream of the transfer service broke", "error", err)
		time.Sleep(20 * time.Millisecond) // the supervisor notices within the same time
	}
	if err := a.ledger.abandon("the transfer service died"); err != nil {
		a.log.Error("session ends not recorded", "error", err)
	}
}

// onService passes the supervisor's news on.
func (a *Agent) onService() func(supervisor.State) {
	last := ""
	return func(s supervisor.State) {
		if s.State == last {
			return
		}
		was := last
		last = s.State
		data := event.Service{Name: serviceName, Detail: s.Detail, Restarts: s.Restarts}
		switch s.State {
		case supervisor.Healthy:
			if was == supervisor.Restarting {
				a.note(event.ServiceUp, data)
			}
			a.ready.Do(func() {
				if a.Ready != nil {
					a.Ready()
				}
			})
		case supervisor.Restarting:
			a.note(event.ServiceDown, data)
		}
		a.reportNow()
	}
}

func (a *Agent) askTenant(ctx context.Context, r command.TenantRequest) (command.Tenant, error) {
	var t command.Tenant
	l := a.link.Load()
	if l == nil {
		return t, command.ErrNotConnected
	}
	return t, l.Call(ctx, command.MethodTenant, r, &t)
}
