package private

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clearStale makes way for a new server after one that did not end well. The
// caller holds the lock of the directory, so whatever still runs there is an
// orphan. It waits for orphans to end (a server whose manager was killed is
// shutting down; backends whose postmaster was killed notice it), urges a
// postmaster that stays, and only when no process uses the data any more
// removes lock files (postmaster.pid and the socket's) whose pid exists: then
// that is a zombie nobody has reaped, or a process that got the number later,
// and Postgres itself would take either for a running server. A pid that does
// not exist it leaves for Postgres, which checks shared memory too.
func clearStale(ctx context.Context, data, run string, log *slog.Logger) error {
	file := filepath.Join(data, "postmaster.pid")
	urged := time.Time{}
	start := time.Now()
	for {
		pid, err := readPid(file)
		if err != nil {
			return err
		}
		users := occupants(data, pid)
		if len(users) == 0 {
			return removeLocks(log, file, filepath.Join(run, socketName+".lock"))
		}
		switch waited := time.Since(start); {
		case waited > 40*time.Second:
			return fmt.Errorf("processes %v still use %s and do not end: stop them", users, data)
		case slices.Contains(users, pid) && time.Since(urged) > 15*time.Second:
			// First a fast shutdown, later an immediate one; both are safe.
			sig := syscall.SIGINT
			if !urged.IsZero() {
				sig = syscall.SIGQUIT
			}
			log.Warn("stopping an orphaned server", "pid", pid, "signal", sig.String())
			_ = syscall.Kill(pid, sig) // it may just have ended
			urged = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for processes %v to leave %s: %w", users, data, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func removeLocks(log *slog.Logger, files ...string) error {
	for _, file := range files {
		pid, err := readPid(file)
		if err != nil {
			return err
		}
		if pid == 0 || !processExists(pid) {
			continue
		}
		log.Info("removing the lock file of a dead server", "file", file, "pid", pid)
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("stale lock file: %w", err)
		}
	}
	return nil
}

// readPid returns the pid in the server's lock file, 0 when there is none.
func readPid(file string) (int, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("lock file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 0 {
		return 0, nil //nolint:nilerr // half written; Postgres says what it thinks of it
	}
	return pid, nil
}

// occupants returns the live processes that use the data directory: every
// process of a server has it as its working directory.
func occupants(data string, postmaster int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !alive(pid) {
			continue
		}
		cwd, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if err == nil && cwd == data ||
			// A container may forbid root to look: then a server by name is one.
			errors.Is(err, fs.ErrPermission) && pid == postmaster && strings.HasPrefix(command(pid), "postgres") {
			pids = append(pids, pid)
		}
	}
	return pids
}

func processExists(pid int) bool {
	_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	return err == nil
}

// alive tells whether the process exists and is not a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	// "pid (command) S …"; the command may hold anything, so look for its end from behind.
	i := strings.LastIndex(string(stat), ") ")
	return i >= 0 && i+2 < len(stat) && stat[i+2] != 'Z' && stat[i+2] != 'X'
}

func command(pid int) string {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
