package manager

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrLocked: another manager runs on the data directory.
var ErrLocked = errors.New("data directory in use")

// dataDir is the manager's directory, held by a lock until close.
type dataDir struct {
	path string
	lock *os.File
}

// openData makes the directory when absent and takes it for this process. The kernel gives the lock back however the
// process ends.
func openData(path string) (*dataDir, error) {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		// The private Postgres runs as another user and must pass through; what is secret in here has its own mode.
		mode = 0o711
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	d := &dataDir{path: path}
	f, err := os.OpenFile(d.file("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		pid := holder(f)
		return nil, errors.Join(fmt.Errorf("another manager (pid %s) runs on %s: stop it, or choose another directory with --data: %w", pid, path, ErrLocked), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock of %s: %w", path, err), f.Close())
	}
	d.lock = f
	if err := errors.Join(f.Truncate(0), note(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("lock of %s: %w", path, err), f.Close())
	}
	return d, nil
}

func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if text := strings.TrimSpace(string(b)); err == nil && text != "" {
		return text
	}
	return "unknown"
}

func note(f *os.File) error {
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dataDir) close() error { return d.lock.Close() }

// Facts are what manager.json says, for programs on the same machine. It holds no secret.
type Facts struct {
	URL      string `json:"url"`
	Listen   string `json:"listen"`    // HTTPS, as this machine reaches it
	CASHA256 string `json:"ca_sha256"` // pin of the cluster's certificate authority
	// CertSHA256 is the same pin under the name that older readers know.
	CertSHA256 string `json:"cert_sha256"`
	FleetAddr  string `json:"fleet_addr"`
	DNSAddr    string `json:"dns_addr,omitempty"` // of the DNS server, if there is one
	PID        int    `json:"pid"`
}

const factsName = "manager.json"

// ReadFacts reads what the manager of a data directory last wrote.
func ReadFacts(dir string) (Facts, error) {
	var f Facts
	b, err := os.ReadFile(filepath.Join(dir, factsName))
	if err != nil {
		return f, fmt.Errorf("manager's facts: %w", err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("manager's facts: %w", err)
	}
	return f, nil
}

// writeFacts replaces manager.json: readers see the old one or the new one, never a part.
func (d *dataDir) writeFacts(f Facts) error {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("manager's facts: %w", err)
	}
	aside := d.file(factsName + ".new")
	if err := os.WriteFile(aside, append(b, '\n'), 0o644); err != nil { //nolint:gosec // it holds no secret and is meant to be read
		return fmt.Errorf("manager's facts: %w", err)
	}
	if err := os.Rename(aside, d.file(factsName)); err != nil {
		return fmt.Errorf("manager's facts: %w", err)
	}
	return nil
}
