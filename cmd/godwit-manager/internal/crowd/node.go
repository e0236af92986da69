package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/link"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/internal/version"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/provisioner"
)

const (
	// interval between reports: what real nodes use.
	interval = 5 * time.Second
	// capBps is each node's send and receive cap: 1 Gb/s.
	capBps = 1e9
)

// node is one simulated node. Its fields belong to the goroutine of live,
// except what mu guards.
type node struct {
	machines  *machines
	number    int
	bootstrap provisioner.Bootstrap
	address   string
	instance  string

	random   *rand.Rand
	boot     string
	began    time.Time
	seq      uint64
	serving  string
	sessions []*session

	mu       sync.Mutex
	draining bool
	version  uint64
}

// live is a node's life: join, connect, report until told to end.
func (n *node) live(ctx context.Context) {
	if err := n.serve(ctx); err != nil && ctx.Err() == nil {
		slog.Error("simulated node ended", "node", n.bootstrap.NodeID, "error", err)
	}
}

func (n *node) serve(ctx context.Context) error {
	n.random = rand.New(rand.NewPCG(uint64(n.number), 7)) //nolint:gosec // the same crowd every time
	n.began = time.Now()
	n.boot = event.NewID(n.began)
	identity, err := n.join(ctx)
	if err != nil {
		return err
	}
	n.serving = identity.ServingSHA256()
	var first command.Config
	if err := json.Unmarshal(identity.Response.Config, &first); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	n.version = first.Version
	control, err := identity.Control()
	if err != nil {
		return err
	}
	l, err := link.Open(link.Config{
		Node: n.bootstrap.NodeID, URLs: identity.Response.FleetURLs, CASHA256: n.bootstrap.CASHA256,
		Certificate: func() (*tls.Certificate, error) { return &control, nil },
		Handlers:    n.handlers(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer l.Close()
	for !l.Connected() {
		if !sleep(ctx, 100*time.Millisecond) {
			return nil
		}
	}
	if err := n.open(ctx, l); err != nil {
		return err
	}
	// Nodes launched together do not report together.
	if !sleep(ctx, time.Duration(n.random.Int64N(int64(interval)))) {
		return nil
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		_ = l.Report(n.report(time.Now())) // late or not connected: the next one heals it
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// join gets an identity, a few nodes at a time: keys cost this machine time.
func (n *node) join(ctx context.Context) (*join.Identity, error) {
	select {
	case n.machines.slots <- struct{}{}:
		defer func() { <-n.machines.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	dir := filepath.Join(n.machines.dir, n.bootstrap.NodeID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := join.Client{Version: version.Version, Bootstrap: join.Bootstrap{
		ManagerURLs: n.bootstrap.ManagerURLs, CASHA256: n.bootstrap.CASHA256, NodeID: n.bootstrap.NodeID, Cluster: n.bootstrap.Cluster,
		JoinToken: n.bootstrap.JoinToken, DataDir: dir, InstanceID: n.instance,
	}}
	return c.Ensure(ctx, []string{n.address}, 33001)
}

func (n *node) handlers() map[string]link.Handler {
	set := func(draining bool) link.Handler {
		return func(context.Context, []byte) (any, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.draining = draining
			return command.Nothing{}, nil
		}
	}
	return map[string]link.Handler{
		command.Ping: func(context.Context, []byte) (any, error) {
			return command.Pong{Boot: n.boot, Version: version.Version}, nil
		},
		command.Drain: set(true), command.Undrain: set(false),
		command.Configure: func(_ context.Context, data []byte) (any, error) {
			var c command.Config
			if err := json.Unmarshal(data, &c); err != nil {
				return nil, command.Errorf(command.CodeInvalid, "%v", err)
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			n.version = c.Version
			return command.Nothing{}, nil
		},
	}
}

// open starts the node's sessions and tells the journal.
func (n *node) open(ctx context.Context, l *link.Link) error {
	data, err := os.ReadFile(n.machines.tenants)
	if err != nil {
		return fmt.Errorf("tenants: %w", err)
	}
	tenants := strings.Fields(string(data))
	events := make([]event.Event, 0, n.machines.sessions)
	for i := range n.machines.sessions {
		s := newSession(n, tenants, i)
		n.sessions = append(n.sessions, s)
		events = append(events, s.started(n))
	}
	for {
		err := l.Publish(ctx, events)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // ended meanwhile
		}
		if !sleep(ctx, time.Second+time.Duration(n.random.Int64N(int64(time.Second)))) {
			return nil
		}
	}
}

func (n *node) report(now time.Time) *report.Report {
	n.seq++
	n.mu.Lock()
	draining, version := n.draining, n.version
	n.mu.Unlock()
	f := &report.Facts{
		AgentVersion: "crowd", ConfigVersion: version, Draining: draining, TransferPort: 33001, ServingSha256: n.serving,
		SendCapBps: capBps, ReceiveCapBps: capBps, MaxSessions: 100, MemoryBytes: 64 << 20, StartedUnixMs: n.began.UnixMilli(),
		SessionCount: uint32(len(n.sessions)), //nolint:gosec // few
		Services:     []*report.Service{{Name: "transferd", State: "healthy", SinceUnixMs: n.began.UnixMilli()}},
	}
	r := &report.Report{
		Version: report.Version, NodeId: n.bootstrap.NodeID, Boot: n.boot, BootUnixMs: n.began.UnixMilli(), Seq: n.seq, AtUnixMs: now.UnixMilli(), Facts: f,
	}
	for _, s := range n.sessions {
		s.step(n.random, now)
		r.Sessions = append(r.Sessions, s.report())
		if s.push {
			f.ReceiveBps += s.rate
			f.WantedReceiveBps += s.wanted
		} else {
			f.SendBps += s.rate
			f.WantedSendBps += s.wanted
		}
	}
	f.CpuProcess = max(f.SendBps, f.ReceiveBps) / capBps / 2
	f.CpuMachine = f.CpuProcess
	return r
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
