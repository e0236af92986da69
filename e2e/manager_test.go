package e2e

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore/private"
)

func TestStateOutlivesKillAndASecondManagerIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.FirstRun(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, s, "template", "create", "kept", "--provider", "local")

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.Bin("godwit-manager"), "serve", "--data", s.Path("data"), "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), strconv.Itoa(s.Manager.PID())) {
		t.Errorf("a second manager on the same directory: %v, want a refusal that names process %d\n%s", err, s.Manager.PID(), out)
	}

	if err := s.Manager.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Manager.SetupToken() != "" {
		t.Error("a manager with an administrator printed a set-up link")
	}
	if out := must(t, s, "template", "list"); !strings.Contains(out, "kept") {
		t.Errorf("the template is gone after kill -9:\n%s", out)
	}
}

func TestTheManagerWaitsForPostgresAndRecovers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	small(t, s, 1, 200)
	base, err := private.Locate(s.Path("data"))
	if err != nil {
		t.Fatal(err)
	}
	postmaster := func() int {
		b, err := os.ReadFile(filepath.Join(base, "data", "postmaster.pid"))
		if err != nil {
			return 0
		}
		pid, _ := strconv.Atoi(strings.SplitN(string(b), "\n", 2)[0])
		return pid
	}
	pid := postmaster()
	if pid == 0 {
		t.Fatal("no postmaster.pid")
	}
	// Every process of the server is stopped: as if the machine that it is on
	// were gone. Nothing answers, nothing is refused.
	stopped := serverProcesses(pid)
	for _, p := range stopped {
		if err := syscall.Kill(p, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	resume := func() {
		for _, p := range stopped {
			_ = syscall.Kill(p, syscall.SIGCONT)
		}
	}
	t.Cleanup(resume)
	eventually(t, 40*time.Second, "the manager to say that it is not ready", func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_, err := s.API.Do(ctx, http.MethodGet, "/readyz", nil, nil)
		return err != nil && strings.Contains(err.Error(), "state store"), nil
	})
	resume()
	eventually(t, 60*time.Second, "the manager to recover", func(ctx context.Context) (bool, error) {
		_, err := s.API.Do(ctx, http.MethodGet, "/readyz", nil, nil)
		return err == nil, err
	})

	// And once more: the server is killed, and comes back under the same manager.
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "a new Postgres", func(ctx context.Context) (bool, error) {
		now := postmaster()
		if now == 0 || now == pid {
			return false, nil
		}
		n, err := s.API.Running(ctx)
		return n == 1, err
	})
	content := tree(t, s.Path("source"), 5, 0)
	must(t, s, "cp", "-r", s.Path("source")+"/", "c:/after/")
	sameTree(t, s.Path("storage", "after"), content)
}

// serverProcesses are the postmaster and its children.
func serverProcesses(postmaster int) []int {
	pids := []int{postmaster}
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(postmaster)).Output()
	for line := range strings.FieldsSeq(string(out)) {
		if pid, err := strconv.Atoi(line); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
