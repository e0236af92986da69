package private

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrLocked: another manager runs on the directory.
var ErrLocked = errors.New("data directory in use")

// lockDir takes the directory for this process. The kernel gives it back
// however the process ends; children do not inherit it (O_CLOEXEC).
func lockDir(base string) (*os.File, error) {
	path := filepath.Join(base, "manager.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	// A process that is forked just now holds every open file until it executes:
	// a lock that was given back may seem taken for that moment.
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	for range 20 {
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(25 * time.Millisecond)
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		pid := "unknown"
		if text, err := io.ReadAll(io.LimitReader(f, 64)); err == nil && len(text) > 0 {
			pid = strings.TrimSpace(string(text))
		}
		f.Close()
		return nil, fmt.Errorf("another manager (pid %s) runs on %s: stop it, or choose another data directory: %w",
			pid, filepath.Dir(base), ErrLocked)
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintf("%d\n", os.Getpid()))); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}
