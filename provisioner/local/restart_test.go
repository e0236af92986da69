package local

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// lasting outlives the test's own, which is over when clean-ups run.
func lasting(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// manager is a process that launches a node, says its id and waits to be
// killed.
func manager() {
	p, err := New(Config{
		Dir: os.Getenv("LOCALTEST_DIR"), Command: []string{os.Args[0]},
		Env: []string{playNode + "=yes"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	instance, err := p.Launch(context.Background(), request("a"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_ = os.WriteFile(filepath.Join(os.Getenv("LOCALTEST_DIR"), "launched"), []byte(instance.ID), 0o600)
	select {}
}

// managed starts a manager and returns it with the id of its instance.
func managed(t *testing.T, program, dir string, credential *syscall.Credential) (*exec.Cmd, string) {
	t.Helper()
	command := exec.Command(program)
	command.Env = append(os.Environ(), playNode+"=manager", "LOCALTEST_DIR="+dir, "HOME="+dir, "TMPDIR="+dir)
	command.Dir = dir
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: credential}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	var id string
	await(t, "launch by the manager", func() bool {
		raw, err := os.ReadFile(filepath.Join(dir, "launched"))
		id = string(raw)
		return err == nil && id != ""
	})
	return command, id
}

func TestNodesSurviveKillOfTheManagerAndAreAdopted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	command, id := managed(t, os.Args[0], dir, nil)
	p := open(t, dir, "yes")
	t.Cleanup(func() { end(t, p, id) })
	node := read(t, p, id).Process
	// The whole process group of the manager dies, as with kill -9 of a job.
	if err := syscall.Kill(-command.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	seen, err := p.Get(t.Context(), id)
	if err != nil || seen.State != provisioner.Running || !node.alive() {
		t.Fatalf("after the kill: %+v, %v", seen, err)
	}
	if again := launch(t, p, "a"); again.ID != id {
		t.Errorf("the same token made %s beside %s", again.ID, id)
	}
	end(t, p, id)
	if len(members(id, node)) != 0 {
		t.Error("an adopted node survived its end")
	}
}

func TestWorksWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the other tests run without root already")
	}
	const nobody = 65534
	// Under /tmp itself: the test's own directory is closed to others.
	dir, err := os.MkdirTemp("", "godwit-local-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "node.test")
	copyFile(t, os.Args[0], program)
	_, id := managed(t, program, dir, &syscall.Credential{Uid: nobody, Gid: nobody})
	p := open(t, dir, "yes")
	var info syscall.Stat_t
	node := read(t, p, id).Process
	if err := syscall.Stat(fmt.Sprintf("/proc/%d", node.PID), &info); err != nil || info.Uid != nobody {
		t.Errorf("node runs as %d, %v", info.Uid, err)
	}
	end(t, p, id)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	// A test that forks now would keep the file open for writing until it execs,
	// and nothing that is being written can be executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err == nil {
		err = os.WriteFile(to, raw, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(validSpec))
	f.Add([]byte(`{"node":{"send_cap_mbps":1e400}}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{"tags":{"a":null}} x`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		spec, faults := parse(raw)
		if len(faults) > 0 {
			for _, fault := range faults {
				if fault.Problem == "" {
					t.Errorf("a fault without a problem: %+v", fault)
				}
			}
			return
		}
		again, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, faults := parse(again); len(faults) > 0 {
			t.Errorf("accepted %s but not what it means: %s, %v", raw, again, faults)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (a) b) c) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 100 200"))
	f.Add([]byte("1 (x"))
	f.Add([]byte(")\x00 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		now, err := parseStat(raw)
		if err == nil && now.state == 0 {
			t.Errorf("no state in %q", raw)
		}
	})
}
