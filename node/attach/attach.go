// Package attach makes a machine that is already there a node whenever a
// manager wants one: it waits in a slot (internal/slot), runs a node's agent as
// a child process for as long as the slot is assigned, then forgets everything
// about that node and waits again. The provider "attached" is its other side.
//
//	DATA/instances/<instance>/bootstrap.json  the machine's own copy, 0600
//	DATA/instances/<instance>/node/           the node's directory
//
// What it promises:
//
//   - The slot's lock is held exactly while this process lives, and the agent
//     dies with it (by the kernel's hand): a slot without a lock runs no node.
//   - Killed and started again, it goes on with the instance it had, under the
//     same identity. If its disk was lost meanwhile it says so and does not
//     join a second time.
//   - A share that is away for a while ends nothing. Only an assignment that
//     is certainly gone does.
//   - Of a node that was withdrawn nothing stays: no key, no certificate, no
//     token.
package attach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/godwit/godwit/internal/slot"
)

// Defaults of Config.
const (
	defaultPoll = 250 * time.Millisecond
	// defaultGrace is what an agent needs to tell its clients to go on elsewhere
	// and to hand over its last events, with room.
	defaultGrace = 15 * time.Second
	// Restarts of an agent that ended by itself wait from first to last.
	firstDelay = 500 * time.Millisecond
	lastDelay  = 15 * time.Second
)

// Config of Run. Slot, Data and Command are required.
type Config struct {
	// Slot is this machine's own directory below the manager's slots.
	Slot string
	// Data is a directory on this machine's disk.
	Data string
	// Command starts an agent: program and arguments, to which
	// "--bootstrap FILE" is added.
	Command []string
	// ListenHost and Port are where clients are served, TCP and UDP. Port 0
	// chooses a free one.
	ListenHost string
	Port       int
	// AdvertiseHost is the address that clients are told; empty: the listener's
	// or this machine's host name.
	AdvertiseHost string
	Version       string
	// Final are exit codes of the agent after which a restart can't help.
	Final []int
	Poll  time.Duration // how often the slot is looked at; 250 ms if zero
	Grace time.Duration // for an agent to end in peace; 15 s if zero
	Log   *slog.Logger  // slog's default if nil
}

// Run waits and serves until ctx ends, which yields nil. The instance that it
// serves then is left for the next Run on the same slot and data.
func Run(ctx context.Context, c Config) error {
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	if c.Grace <= 0 {
		c.Grace = defaultGrace
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	c.Data = filepath.Join(dir, "instances")
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	m, err := slot.Take(ctx, c.Slot, func() {
		c.Log.Warn("another process waits in this slot: give each machine one of its own", "slot", c.Slot)
	})
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // told to stop while it waited for the slot
	}
	if err != nil {
		return err
	}
	s := &seat{Config: c, machine: m}
	return errors.Join(s.run(ctx), m.Close())
}

// seat is a machine in its slot.
type seat struct {
	Config
	machine *slot.Machine
	unknown bool // the last look at the assignment failed
}

func (s *seat) run(ctx context.Context) error {
	s.Log.Info("waiting for work", "slot", s.Slot)
	idle := false
	for {
		a, known := s.look()
		var err error
		switch {
		case !known:
		case a == nil && !idle:
			err = s.settle()
			idle = err == nil
		case a != nil:
			idle = false
			err = s.serve(ctx, *a)
		}
		if err != nil {
			return err
		}
		if !s.pause(ctx, s.Poll) {
			return nil
		}
	}
}

// look returns the assignment; not known when the share can't say.
func (s *seat) look() (*slot.Assignment, bool) {
	a, err := s.machine.Assignment()
	if err != nil && !s.unknown {
		s.Log.Error("slot cannot be read; all stays as it is until it can", "slot", s.Slot, "error", err)
	}
	s.unknown = err != nil
	return a, err == nil
}

// wanted says whether an instance is still the slot's.
func (s *seat) wanted(instance string) bool {
	a, known := s.look()
	return !known || a != nil && a.Instance == instance
}

func (s *seat) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// settle forgets every instance, then says that the slot is free: in this order,
// so that what is offered is clean.
func (s *seat) settle() error {
	if err := s.wipe(""); err != nil {
		return err
	}
	return s.report(slot.Waiting, "", "", 0)
}

// wipe removes the directories of all instances but one.
func (s *seat) wipe(but string) error {
	entries, err := os.ReadDir(s.Data)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == but {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.Data, e.Name())); err != nil {
			return fmt.Errorf("forget instance %s: %w", e.Name(), err)
		}
		s.Log.Info("instance forgotten", "instance", e.Name())
	}
	return nil
}

func (s *seat) report(state slot.State, instance, detail string, restarts int) error {
	host, _ := os.Hostname() // for people
	return s.machine.Report(slot.Status{
		Machine: host, Version: s.Version, State: state, Instance: instance,
		Since: time.Now().UTC(), Detail: detail, Restart: restarts,
	})
}
