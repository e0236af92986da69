package slot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// poll is how often a lock that another holds is tried again.
const poll = 20 * time.Millisecond

// errHeld: another has the lock.
var errHeld = errors.New("held by another process")

// Locks are of the open file description (OFD): unlike flock they can be asked
// for without being taken, which a manager that only looks must be able to;
// unlike POSIX locks they are not lost when some other part of the process
// closes the same file.
func lock(f *os.File) error {
	l := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &l)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return errHeld
	}
	return err
}

// held asks whether somebody else has the lock.
func held(f *os.File) (bool, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &l)
	return l.Type != unix.F_UNLCK, err
}

// acquire opens a lock file and waits for its lock. Closing the file gives the
// lock back. waiting, if given, is called once when there is somebody to wait for.
func acquire(ctx context.Context, root *os.Root, name string, waiting func()) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|oNonblock, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err := lock(f)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, errHeld) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(poll):
		}
	}
}
