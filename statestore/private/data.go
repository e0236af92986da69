package private

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The server's own superuser, for set-up, and the role that owns the database
// and does the manager's work.
const (
	superuser = "postgres"
	role      = "godwit"
	database  = "godwit"
)

// dataVersion returns the major version that made the data directory, 0 when
// there is none yet. Anything else that is in its place is refused.
func dataVersion(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		v, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return 0, fmt.Errorf("%s: unknown version %.20q: %w", data, text, ErrVersion)
		}
		return v, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("data directory: %w", err)
	}
	// An empty directory may go; os.Remove leaves everything else.
	switch err := os.Remove(data); {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return 0, nil
	default:
		return 0, fmt.Errorf("%s exists and holds no PostgreSQL data: move it away, or choose another data directory", data)
	}
}

// initData makes the data directory aside and renames it: it is whole or absent.
func initData(ctx context.Context, b binaries, who account, data string, ephemeral bool) error {
	aside := data + ".new"
	if err := os.RemoveAll(aside); err != nil { // of an attempt that was interrupted
		return fmt.Errorf("data directory: %w", err)
	}
	if err := errors.Join(os.Mkdir(aside, 0o700), who.own(aside)); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	args := []string{"-D", aside, "-U", superuser, "-E", "UTF8", "--locale=C", "--auth-local=peer", "--auth-host=reject"}
	if ephemeral {
		args = append(args, "--no-sync", "--wal-segsize=1")
	}
	cmd := exec.CommandContext(ctx, b.path("initdb"), args...)
	cmd.Env, cmd.Dir = b.env(), "/"
	cmd.SysProcAttr = who.attributes()
	// A killed initdb leaves its backend behind; the group goes with it.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, tail(string(out)))
	}
	if err := os.Rename(aside, data); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// writeConf says who may connect: over the socket, our user and the server's
// own, recognised by the kernel. The files stay ours, so that the server's
// user cannot widen them.
func writeConf(base, ourName string, who account) (hba, ident string, err error) {
	dir := filepath.Join(base, "conf")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", fmt.Errorf("configuration: %w", err)
	}
	var idents strings.Builder
	for _, osUser := range []string{ourName, who.name} {
		for _, r := range []string{superuser, role} {
			fmt.Fprintf(&idents, "godwit \"%s\" %s\n", osUser, r)
		}
	}
	hba, ident = filepath.Join(dir, "pg_hba.conf"), filepath.Join(dir, "pg_ident.conf")
	err = errors.Join(
		os.WriteFile(hba, []byte("local all all peer map=godwit\n"), 0o644),
		os.WriteFile(ident, []byte(idents.String()), 0o644),
		os.Chmod(dir, 0o755), os.Chmod(hba, 0o644), os.Chmod(ident, 0o644), // whatever the umask
	)
	if err != nil {
		return "", "", fmt.Errorf("configuration: %w", err)
	}
	return hba, ident, nil
}

// tail is the end of a log, for an error message.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
