package attached

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/godwit/godwit/internal/slot"
	"github.com/godwit/godwit/provisioner"
)

// Name is what templates call this provider.
const Name = "attached"

// Config is what a Provider needs.
type Config struct {
	// Dir holds the slots; made 0700 when absent.
	Dir string
	// Log receives what nobody waits for; slog's default if nil.
	Log *slog.Logger
}

// Provider gives out slots. Make it with New; it is safe for concurrent use,
// also by several managers on one directory. All that it knows is in there.
type Provider struct {
	slots *slot.Directory
	log   *slog.Logger
	// changing spares callers of this process the wait for the lock file.
	changing sync.Mutex
}

var _ provisioner.Provider = (*Provider)(nil)

// New opens the directory. Machines may come before and after.
func New(c Config) (*Provider, error) {
	if c.Dir == "" {
		return nil, errors.New("attached provider: the directory of slots must be given")
	}
	slots, err := slot.Open(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("attached provider: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Provider{slots: slots, log: c.Log}, nil
}

// Close gives the directory back. Nodes go on.
func (p *Provider) Close() error { return p.slots.Close() }

// Capabilities implements provisioner.Provider.
func (p *Provider) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: Name}
}

// Validate implements provisioner.Provider. That no machine waits yet is no
// fault of a template.
func (p *Provider) Validate(_ context.Context, spec json.RawMessage) ([]provisioner.FieldError, error) {
	_, faults := parse(spec)
	return faults, nil
}

// Get implements provisioner.Provider.
func (p *Provider) Get(_ context.Context, id string) (provisioner.Instance, error) {
	v, err := p.look("get", id)
	if err != nil {
		return provisioner.Instance{}, err
	}
	if v.Assigned != nil && v.Assigned.Instance == id {
		return describe(v), nil
	}
	if v.Withdrawn != nil && v.Withdrawn.Instance == id && v.Present && v.Takes(id) {
		instance := record(*v.Withdrawn, v)
		instance.State, instance.Detail = provisioner.Terminating, "the node is ending"
		return instance, nil
	}
	return provisioner.Instance{}, &provisioner.Error{Class: provisioner.NotFound, Op: "get", Subject: id}
}

// List implements provisioner.Provider. Instances that are ending are left out.
func (p *Provider) List(_ context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	views, err := p.all("list")
	if err != nil {
		return nil, err
	}
	var instances []provisioner.Instance
	for _, v := range views {
		if v.Assigned != nil && owner.Owns(ownerOf(*v.Assigned)) {
			instances = append(instances, describe(v))
		}
	}
	return provisioner.InOrder(instances), nil
}

// Terminate implements provisioner.Provider: slots are withdrawn, which their
// machines see within a fraction of a second. It does not wait for the nodes to
// end; Get says Terminating until they have.
func (p *Provider) Terminate(ctx context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, 1, func(id string) error { return p.end(ctx, id) }) // each takes the lock
}

func (p *Provider) end(ctx context.Context, id string) error {
	unlock, err := p.lock(ctx, "terminate", id)
	if err != nil {
		return err
	}
	defer unlock()
	v, err := p.look("terminate", id)
	if errors.Is(err, provisioner.NotFound) {
		return nil // never one of ours, so it is gone
	}
	if err != nil {
		return err
	}
	if v.Assigned == nil || v.Assigned.Instance != id {
		return nil // ended before; the slot may serve another by now
	}
	if err := p.slots.Withdraw(v.Name); err != nil {
		return failure(provisioner.Transient, "terminate", id, err)
	}
	return nil
}

// Stop implements provisioner.Provider; attached machines can't be stopped.
func (p *Provider) Stop(_ context.Context, ids []string) []provisioner.Result {
	return unsupported("stop", ids)
}

// Start implements provisioner.Provider; attached machines can't be started.
func (p *Provider) Start(_ context.Context, ids []string) []provisioner.Result {
	return unsupported("start", ids)
}

func unsupported(op string, ids []string) []provisioner.Result {
	return provisioner.Each(ids, 1, func(id string) error { return failure(provisioner.Unsupported, op, id, nil) })
}

// Console implements provisioner.Provider. What an instance wrote stays until
// its slot is taken again.
func (p *Provider) Console(_ context.Context, id string) ([]byte, error) {
	v, err := p.look("console", id)
	if err != nil {
		return nil, err
	}
	switch {
	case v.Assigned != nil && v.Assigned.Instance == id && !v.Takes(id):
		return nil, nil // the file is still that of the instance before
	case v.Assigned != nil && v.Assigned.Instance == id:
	case v.Assigned == nil && v.Withdrawn != nil && v.Withdrawn.Instance == id:
	default:
		return nil, failure(provisioner.NotFound, "console", id, nil)
	}
	text, err := p.slots.Console(v.Name, provisioner.ConsoleLimit)
	if err != nil {
		return nil, failure(provisioner.Transient, "console", id, err)
	}
	return text, nil
}

// look reads the slot that an id names.
func (p *Provider) look(op, id string) (slot.View, error) {
	name, _ := slot.Split(id)
	if name == "" {
		return slot.View{}, failure(provisioner.NotFound, op, id, nil)
	}
	v, err := p.slots.Look(name)
	if err != nil {
		return v, failure(provisioner.Transient, op, id, err)
	}
	return v, nil
}

// all reads every slot.
func (p *Provider) all(op string) ([]slot.View, error) {
	names, err := p.slots.Names()
	if err != nil {
		return nil, failure(provisioner.Transient, op, "", err)
	}
	views := make([]slot.View, 0, len(names))
	for _, name := range names {
		v, err := p.slots.Look(name)
		if err != nil {
			// A list that leaves an instance out says that it is gone.
			return nil, failure(provisioner.Transient, op, "", err)
		}
		views = append(views, v)
	}
	return views, nil
}

func (p *Provider) lock(ctx context.Context, op, subject string) (unlock func(), err error) {
	p.changing.Lock()
	release, err := p.slots.Lock(ctx)
	if err != nil {
		p.changing.Unlock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, failure(provisioner.Transient, op, subject, err)
	}
	return func() { release(); p.changing.Unlock() }, nil
}

func failure(class provisioner.Class, op, subject string, err error) error {
	return &provisioner.Error{Class: class, Op: op, Subject: subject, Err: err}
}
