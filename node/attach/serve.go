package attach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/internal/atomicfile"
	"github.com/godwit/godwit/internal/slot"
)

// errLost: this machine had the instance and does not any more.
var errLost = errors.New("this machine has lost the node's identity with its disk; a token serves once, so it cannot join again")

// serve is the machine's life as one instance: until the slot is withdrawn or
// given to another, or ctx ends. An error is one of this machine's own disk or
// slot, which a restart of the process may cure.
func (s *seat) serve(ctx context.Context, a slot.Assignment) error {
	file, fresh, err := s.take(a)
	switch {
	case errors.Is(err, errWait):
		return nil // not delivered yet, or withdrawn meanwhile
	case errors.Is(err, errLost):
		return s.stopped(ctx, a.Instance, err.Error())
	case err != nil:
		return err
	}
	console, err := s.machine.Console(fresh)
	if err != nil {
		return err
	}
	defer console.Close() //nolint:errcheck // what it could not keep is on our own output too
	log := s.Log.With("instance", a.Instance)
	log.Info("serving", "node", a.NodeID)
	out := io.MultiWriter(os.Stderr, console)
	delay := firstDelay
	for restarts := 0; ; restarts++ {
		if restarts > 0 {
			if err := s.report(slot.Serving, a.Instance, "the node ended by itself and is started again", restarts); err != nil {
				return err
			}
		}
		end := s.child(ctx, a.Instance, file, out)
		switch {
		case ctx.Err() != nil:
			return nil // the instance stays for the next process
		case !s.wanted(a.Instance):
			return s.withdrawn(a.Instance)
		case slices.Contains(s.Final, end.code):
			return s.stopped(ctx, a.Instance, end.String())
		}
		if end.lasted > lastDelay {
			delay = firstDelay
		}
		log.Warn("node ended by itself, starting it again", "end", end, "wait", delay)
		if !s.pause(ctx, delay) {
			return nil
		}
		if !s.wanted(a.Instance) {
			return s.withdrawn(a.Instance)
		}
		delay = min(2*delay, lastDelay)
	}
}

// stopped says that the instance has ended for good and waits until it is
// withdrawn.
func (s *seat) stopped(ctx context.Context, instance, why string) error {
	s.Log.Warn("node has ended for good; waiting for the slot to be withdrawn", "instance", instance, "reason", why)
	if err := s.report(slot.Stopped, instance, why, 0); err != nil {
		return err
	}
	for s.wanted(instance) {
		if !s.pause(ctx, s.Poll) {
			return nil
		}
	}
	return s.withdrawn(instance)
}

func (s *seat) withdrawn(instance string) error {
	s.Log.Info("slot withdrawn", "instance", instance)
	return s.settle()
}

// errWait: there is nothing to start yet.
var errWait = errors.New("not yet")

// take makes the instance this machine's own, or finds that it is already.
func (s *seat) take(a slot.Assignment) (file string, fresh bool, err error) {
	if err := s.wipe(a.Instance); err != nil {
		return "", false, err
	}
	before, err := s.machine.Before()
	if err != nil {
		before = slot.Status{} // damaged by a crash of the machine: what is on our disk tells
	}
	dir := filepath.Join(s.Data, a.Instance)
	file = filepath.Join(dir, "bootstrap.json")
	_, missing := os.Stat(file)
	switch {
	case missing == nil:
	case before.Instance == a.Instance:
		return "", false, errLost
	default:
		fresh = true
		if err := s.copyBootstrap(a, dir, file); err != nil {
			return "", false, err
		}
	}
	// Said before it is so, and looked at again after: see package slot.
	if err := s.report(slot.Serving, a.Instance, "", 0); err != nil {
		return "", false, err
	}
	if err := s.forget(a.Instance); err != nil {
		return "", false, err
	}
	if !s.wanted(a.Instance) {
		if err := s.withdrawn(a.Instance); err != nil {
			return "", false, err
		}
		return "", false, errWait
	}
	return file, fresh, nil
}

// copyBootstrap keeps the manager's document; what only this machine can know is
// filled in.
func (s *seat) copyBootstrap(a slot.Assignment, dir, file string) error {
	raw, err := s.machine.Bootstrap()
	if errors.Is(err, os.ErrNotExist) {
		return errWait
	}
	if err != nil {
		return fmt.Errorf("slot: bootstrap: %w", err)
	}
	var b join.Bootstrap
	if err := json.Unmarshal(raw, &b); err != nil {
		return fmt.Errorf("slot: bootstrap: %w", err)
	}
	if b.InstanceID != a.Instance {
		return errWait // of the instance before; ours is on its way
	}
	b.DataDir, b.ListenHost, b.Port, b.AdvertiseHost = filepath.Join(dir, "node"), s.ListenHost, s.Port, s.AdvertiseHost
	b.LeaseFile, b.LeaseTimeoutS = "", 0 // paths of the manager's mean nothing here
	if raw, err = json.MarshalIndent(b, "", "  "); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := atomicfile.Write(file, raw); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// forget removes what was delivered for an instance, and leaves what is there
// for another: it is that one's only copy.
func (s *seat) forget(instance string) error {
	raw, err := s.machine.Bootstrap()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var b join.Bootstrap
	if err != nil || json.Unmarshal(raw, &b) != nil || b.InstanceID != instance {
		return err
	}
	if err := s.machine.Forget(); err != nil {
		return fmt.Errorf("slot: remove the join token: %w", err)
	}
	return nil
}
