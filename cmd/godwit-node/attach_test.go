package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/internal/slot"
)

func TestAttachCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held := filepath.Join(dir, "held")
	m, err := slot.Take(t.Context(), held, nil)
	fleettest.Must(t, err)
	defer m.Close()
	open := filepath.Join(dir, "open")
	fleettest.Must(t, os.Mkdir(open, 0o700))
	fleettest.Must(t, os.Chmod(open, 0o777))
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"attach --help", exitOK, "--advertise-host"},
		{"attach", exitUsage, "--slot DIR is missing"},
		{"attach --slot " + dir, exitUsage, "--data DIR is missing"},
		{"attach --slot x --data y --port 70000", exitUsage, "out of range"},
		{"attach --slot x extra", exitUsage, "takes no arguments"},
		{"attach --slot " + open + " --data " + dir, exitFailed, "can be written by everybody"},
		{"attach --check --slot " + held, exitOK, ""},
		{"attach --check --slot " + dir, exitFailed, "no process waits"},
		{"attach --check --slot " + filepath.Join(dir, "none"), exitFailed, "no such file"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), &out, &out)
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: code %d, says %q", c.args, code, out.String())
		}
	}
}
