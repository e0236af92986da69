package slot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Directory holds the slots: the manager's end. It keeps nothing in memory and
// is safe for concurrent use; changes are made under Lock.
type Directory struct {
	root *os.Root
	path string
}

// Open opens the directory of all slots; made 0700 when absent.
func Open(path string) (*Directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("slots: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("slots: %w", err)
	}
	if err := private(root, path); err != nil {
		return nil, errors.Join(fmt.Errorf("slots: %w", err), root.Close())
	}
	return &Directory{root: root, path: path}, nil
}

// Close gives the directory back.
func (d *Directory) Close() error { return d.root.Close() }

// Lock keeps other callers, of any process, from changing assignments until
// unlock. It waits until ctx ends.
func (d *Directory) Lock(ctx context.Context) (unlock func(), err error) {
	f, err := acquire(ctx, d.root, ".lock", nil)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// Names are the slots that a machine ever waited in, in order.
func (d *Directory) Names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && ValidName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// View is one slot at one moment.
type View struct {
	Name      string
	Present   bool // a machine holds the slot
	Status    Status
	Assigned  *Assignment
	Withdrawn *Assignment // the last one taken back
}

// Free says that the slot can take an assignment now: its machine is there and
// keeps nothing of the instance before.
func (v View) Free() bool { return v.Present && v.Assigned == nil && v.Status.State == Waiting }

// Takes says that the machine has taken this very instance.
func (v View) Takes(instance string) bool {
	return v.Status.Instance == instance && v.Status.State != Waiting
}

// Look reads one slot. What is not there is not an error, and what the machine
// wrote can't be one; the assignment is read before the status (see the package
// comment on crossings).
func (d *Directory) Look(name string) (View, error) {
	v := View{Name: name}
	root, err := d.slot(name)
	if errors.Is(err, os.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	defer root.Close()
	if v.Assigned, err = assignment(root, assignmentFile); err != nil {
		return v, fmt.Errorf("slot %s: %w", name, err)
	}
	if v.Withdrawn, err = assignment(root, withdrawnFile); err != nil {
		return v, fmt.Errorf("slot %s: %w", name, err)
	}
	// A machine that writes nonsense is one that can't be used, and hides nothing.
	if v.Present, err = present(root); err != nil {
		v.Status.Detail = "lock: " + err.Error()
		return v, nil
	}
	if v.Status, err = status(root); err != nil {
		v.Status.Detail = err.Error()
	}
	return v, nil
}

// Assign gives the slot to an instance. Call it under Lock, on a slot that Look
// found free.
func (d *Directory) Assign(name string, a Assignment) error {
	return d.change(name, func(root *os.Root) error { return write(root, assignmentFile, a) })
}

// Deliver lays down what the machine needs to be the instance it is assigned.
// Call it under Lock.
func (d *Directory) Deliver(name string, bootstrap any) error {
	return d.change(name, func(root *os.Root) error { return write(root, bootstrapFile, bootstrap) })
}

// Withdraw takes the slot's assignment back, whichever it is; it is kept as
// View.Withdrawn. Call it under Lock.
func (d *Directory) Withdraw(name string) error {
	return d.change(name, func(root *os.Root) error {
		if err := root.Rename(assignmentFile, withdrawnFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return remove(root, bootstrapFile)
	})
}

// Console returns the last part, at most limit bytes, of what the slot's node
// wrote.
func (d *Directory) Console(name string, limit int) ([]byte, error) {
	root, err := d.slot(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var text []byte
	for _, file := range []string{consoleBefore, consoleFile} {
		part, err := tail(root, file, limit)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("slot %s: %w", name, err)
		}
		text = append(text, part...)
	}
	return text[max(0, len(text)-limit):], nil
}

func (d *Directory) slot(name string) (*os.Root, error) {
	if !ValidName(name) {
		return nil, fmt.Errorf("slot %q: %w", name, os.ErrNotExist)
	}
	return d.root.OpenRoot(name)
}

func (d *Directory) change(name string, act func(*os.Root) error) error {
	root, err := d.slot(name)
	if err == nil {
		err = errors.Join(act(root), root.Close())
	}
	if err != nil {
		return fmt.Errorf("slot %s: %w", name, err)
	}
	return nil
}

func assignment(root *os.Root, name string) (*Assignment, error) {
	raw, err := read(root, name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // none is a fact, not a failure
	}
	if err != nil {
		return nil, err
	}
	a, err := parseAssignment(raw)
	return &a, err
}

func status(root *os.Root) (Status, error) {
	raw, err := read(root, statusFile)
	if errors.Is(err, os.ErrNotExist) {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, err
	}
	return parseStatus(raw)
}

func present(root *os.Root) (bool, error) {
	f, err := root.OpenFile(lockFile, os.O_RDWR|oNonblock, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	return held(f)
}

func tail(root *os.Root, name string, limit int) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|oNonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-int64(limit)), int64(limit)))
}
