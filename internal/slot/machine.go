package slot

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Machine is the machine's end of one slot. Its methods are for one goroutine.
type Machine struct {
	root *os.Root
	lock *os.File
}

// Take makes the slot's directory (0700) when absent and waits until no other
// process holds it. waiting is called once if there is one; may be nil. Close
// gives the slot back, and so does the end of the process.
func Take(ctx context.Context, path string, waiting func()) (*Machine, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("slot: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("slot: %w", err)
	}
	if err := private(root, path); err != nil {
		return nil, errors.Join(fmt.Errorf("slot: %w", err), root.Close())
	}
	held, err := acquire(ctx, root, lockFile, waiting)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("slot %s: %w", path, err), root.Close())
	}
	return &Machine{root: root, lock: held}, nil
}

// Close gives the slot back.
func (m *Machine) Close() error { return errors.Join(m.lock.Close(), m.root.Close()) }

// Assignment returns what the machine is to be; nil: nothing. An error means
// that it cannot be known now, never that there is none.
func (m *Machine) Assignment() (*Assignment, error) { return assignment(m.root, assignmentFile) }

// Bootstrap returns what was delivered; os.ErrNotExist when there is nothing.
func (m *Machine) Bootstrap() ([]byte, error) { return read(m.root, bootstrapFile) }

// Forget removes what was delivered: it is copied, or not wanted any more.
func (m *Machine) Forget() error { return remove(m.root, bootstrapFile) }

// Before is the status that was last reported, also by a process before.
func (m *Machine) Before() (Status, error) { return status(m.root) }

// Report tells the manager how it goes.
func (m *Machine) Report(s Status) error {
	if err := write(m.root, statusFile, s); err != nil {
		return fmt.Errorf("slot: report: %w", err)
	}
	return nil
}

// Present reports whether a machine holds the slot at path: what a health check
// beside it asks.
func Present(path string) (bool, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return false, fmt.Errorf("slot: %w", err)
	}
	defer root.Close()
	return present(root)
}
