package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Name is what templates call this provider.
const Name = "local"

// Config is what a Provider needs. Dir and Command must be given.
type Config struct {
	// Dir is the provider's own directory; made 0700 when absent.
	Dir string
	// Command starts a node: program and leading arguments, to which
	// "--bootstrap FILE" is added: {"/usr/bin/godwit-node", "run"}.
	Command []string
	// Programs is a directory of node programs that templates may name; empty:
	// none, and nodes are started by Command. Of a program that is named, Command's
	// arguments stay.
	Programs string
	// Env is added to the manager's environment.
	Env []string
	// LeaseTimeout is how long nodes outlive the last sign of a manager;
	// 60 s if zero. The lease is touched four times as often.
	LeaseTimeout time.Duration
	// Grace is how long a node may take to end in peace; 5 s if zero.
	Grace time.Duration
	// KeepLogs is how many logs of ended instances stay; 20 if zero.
	KeepLogs int
	// Log receives what nobody waits for; slog's default if nil.
	Log *slog.Logger
}

// Provider runs nodes as processes. Make it with New; it is safe for
// concurrent use. Two providers on one directory at the same time are not
// supported: only the leading manager launches and ends instances.
type Provider struct {
	config Config
	log    *slog.Logger

	// launching serialises launches, so that one token makes one instance.
	launching sync.Mutex

	mutex sync.Mutex
	// children are the processes that this manager started itself and must
	// reap; each channel closes when that is done.
	children map[int]<-chan struct{}
}

var _ provisioner.Provider = (*Provider)(nil)

// New opens the directory and touches the lease. Instances that an earlier
// manager left are there in List at once.
func New(config Config) (*Provider, error) {
	if config.Dir == "" || len(config.Command) == 0 {
		return nil, errors.New("local provider: directory and node command must be given")
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("local provider: %w", err)
	}
	config.Dir = dir
	if config.LeaseTimeout <= 0 {
		config.LeaseTimeout = 60 * time.Second
	}
	if config.Grace <= 0 {
		config.Grace = 5 * time.Second
	}
	if config.KeepLogs <= 0 {
		config.KeepLogs = 20
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	for _, sub := range []string{"instances", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("local provider: %w", err)
		}
	}
	p := &Provider{config: config, log: config.Log, children: map[int]<-chan struct{}{}}
	if err := p.Touch(); err != nil {
		return nil, fmt.Errorf("local provider: lease: %w", err)
	}
	return p, nil
}

// Capabilities implements provisioner.Provider.
func (p *Provider) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: Name, StopStart: true, SharedMachine: true}
}

// Validate implements provisioner.Provider.
func (p *Provider) Validate(_ context.Context, spec json.RawMessage) ([]provisioner.FieldError, error) {
	s, faults := parse(spec)
	return append(faults, p.programFault(s)...), nil
}

// Get implements provisioner.Provider.
func (p *Provider) Get(_ context.Context, id string) (provisioner.Instance, error) {
	r, err := p.load("get", id)
	if err != nil {
		return provisioner.Instance{}, err
	}
	return p.adopt(r).describe(), nil
}

// List implements provisioner.Provider.
func (p *Provider) List(_ context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	records, err := p.all()
	if err != nil {
		return nil, err
	}
	var instances []provisioner.Instance
	for _, r := range records {
		if owner.Owns(r.Owner) {
			instances = append(instances, p.adopt(r).describe())
		}
	}
	return instances, nil
}

// adopt completes a record whose manager died between starting the process
// and writing down which it was.
func (p *Provider) adopt(r record) record {
	if r.Process.PID != 0 || r.Halted {
		return r
	}
	if !p.launching.TryLock() {
		return r // a launch is under way: it will write the record itself
	}
	defer p.launching.Unlock()
	current, err := p.load("list", r.ID)
	if err != nil || current.Process.PID != 0 {
		return r
	}
	if found, ok := leader(members(r.ID, process{})); ok {
		current.Process = found
		if err := p.save(current); err != nil {
			p.log.Warn("adopt a local node", "instance", r.ID, "err", err)
		}
		return current
	}
	return r
}

// Console implements provisioner.Provider. The log of an ended instance can be
// read while it is one of the last KeepLogs.
func (p *Provider) Console(_ context.Context, id string) ([]byte, error) {
	missing := &provisioner.Error{Class: provisioner.NotFound, Op: "console", Subject: id}
	if !validID(id) {
		return nil, missing
	}
	file, err := os.Open(p.logFile(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, missing
	}
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Transient, Op: "console", Subject: id, Err: err}
	}
	defer func() { _ = file.Close() }()
	return tail(file, provisioner.ConsoleLimit)
}
