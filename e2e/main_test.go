// Package e2e tests Godwit as its users meet it: real processes, sockets, files
// and Postgres, driven through the command line and the public API only.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// bins is where the commands under test are; built once, without the race
// detector: they are the binaries that users run.
var bins string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "godwit-e2e-*")
	if err != nil {
		panic(err)
	}
	bins = dir
	out, err := exec.Command("go", "build", "-o", dir, "../cmd/godwit", "../cmd/godwit-manager", "../cmd/godwit-node").CombinedOutput()
	if err != nil {
		_, _ = os.Stderr.Write(out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// newStage makes a stage that leaves no process behind, whatever happens, and
// shows the manager's log when the test failed.
func newStage(t *testing.T) *stage.Stage {
	t.Helper()
	// Not t.TempDir: Postgres' user must be able to enter it when root runs the
	// tests, and its path must be short enough for sockets.
	dir, err := os.MkdirTemp("", "e2e-*")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := stage.New(dir, bins)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := s.Close(); left > 0 {
			t.Errorf("%d processes outlived their manager", left)
		}
		if t.Failed() {
			b, _ := os.ReadFile(s.Path("logs", "manager.log"))
			t.Logf("the end of the manager's log:\n%s", tail(b, 6000))
			logs, _ := filepath.Glob(s.Path("data", "*", "*", "console.log"))
			for _, l := range logs {
				b, _ := os.ReadFile(l)
				t.Logf("%s:\n%s", l, tail(b, 3000))
			}
		}
		_ = os.RemoveAll(dir)
	})
	return s
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// run runs the command line as the stage's user and returns its exit code.
func godwit(t *testing.T, s *stage.Stage, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return godwitAs(t, s, s.Profile(), args...)
}

func godwitAs(t *testing.T, s *stage.Stage, profile string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Bin("godwit"), args...)
	cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+profile)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("godwit %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), 0
}

// must runs the command line and expects success.
func must(t *testing.T, s *stage.Stage, args ...string) string {
	t.Helper()
	out, errs, code := godwit(t, s, args...)
	if code != 0 {
		t.Fatalf("godwit %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// refused runs the command line and expects an exit code and words.
func refused(t *testing.T, s *stage.Stage, code int, says string, args ...string) {
	t.Helper()
	out, errs, got := godwit(t, s, args...)
	if got != code || !strings.Contains(errs, says) {
		t.Errorf("godwit %s: exit %d, want %d with %q\n%s%s", strings.Join(args, " "), got, code, says, out, errs)
	}
}

// eventually waits for something that takes its time.
func eventually(t *testing.T, limit time.Duration, what string, done func(context.Context) (bool, error)) {
	t.Helper()
	if err := stage.WaitFor(t.Context(), limit, what, done); err != nil {
		t.Fatal(err)
	}
}
