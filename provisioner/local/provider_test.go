package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

// The test binary is also the node: with this variable it plays one.
const playNode = "LOCALTEST_NODE"

func TestMain(m *testing.M) {
	switch os.Getenv(playNode) {
	case "":
		goleak.VerifyTestMain(m)
	case "manager":
		manager()
	default:
		os.Exit(node(os.Getenv(playNode)))
	}
}

// node plays a transfer node: it reads its bootstrap file, says hello and
// waits. Behaviour is a comma-separated list.
func node(behaviour string) int {
	file := os.Args[slices.Index(os.Args, "--bootstrap")+1]
	raw, err := os.ReadFile(file)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	var boot bootstrapFile
	if err := json.Unmarshal(raw, &boot); err != nil {
		fmt.Println(err)
		return 1
	}
	if strings.Contains(behaviour, "deaf") {
		signal.Ignore(syscall.SIGTERM)
	}
	if strings.Contains(behaviour, "parent") {
		// One child in the session without the marker, one outside with it.
		inside := exec.Command("/bin/sh", "-c", "trap '' TERM; exec sleep 600")
		inside.Env = []string{}
		outside := exec.Command("sleep", "600")
		outside.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		for _, child := range []*exec.Cmd{inside, outside} {
			if err := child.Start(); err != nil {
				fmt.Println(err)
				return 1
			}
		}
		_ = os.WriteFile(filepath.Join(boot.DataDir, "children"),
			fmt.Appendf(nil, "%d %d", inside.Process.Pid, outside.Process.Pid), 0o600)
	}
	fmt.Println("node", boot.NodeID, "up")
	if len(boot.JoinToken) == 0 {
		return 3
	}
	for {
		time.Sleep(20 * time.Millisecond)
		lease, err := os.Stat(boot.LeaseFile)
		if err != nil || time.Since(lease.ModTime()) > time.Duration(boot.LeaseTimeoutS)*time.Second {
			fmt.Println("the manager is gone")
			return 0
		}
	}
}

func open(t *testing.T, dir, behaviour string, change ...func(*Config)) *Provider {
	t.Helper()
	config := Config{
		Dir: dir, Command: []string{os.Args[0]}, Env: []string{playNode + "=" + behaviour},
		Grace: 2 * time.Second, Log: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&config)
	}
	p, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const validSpec = `{"provider":"local","node":{"send_cap_mbps":200,"receive_cap_mbps":100,"max_sessions":10},"report_interval_s":1,"tags":{"from":"spec"}}`

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		dir := t.TempDir()
		return providertest.Harness{
			Provider: open(t, dir, "yes"),
			Reopen:   func(t *testing.T) provisioner.Provider { return open(t, dir, "yes") },
			Spec:     json.RawMessage(validSpec),
			Invalid: map[string]json.RawMessage{
				"node.send_cap_mbps": json.RawMessage(`{"node":{"send_cap_mbps":-1}}`),
				"report_interval_s":  json.RawMessage(`{"report_interval_s":61}`),
				"listen_host":        json.RawMessage(`{"listen_host":"nowhere"}`),
				"provider":           json.RawMessage(`{"provider":"aws"}`),
				"send_cap":           json.RawMessage(`{"send_cap":1}`),
				"node.max_sessions":  json.RawMessage(`{"node":{"max_sessions":"many"}}`),
				"":                   json.RawMessage(`{} {}`),
			},
			Output: "up\n",
			Crash: func(t *testing.T, instance provisioner.Instance) {
				raw, err := os.ReadFile(filepath.Join(dir, "instances", instance.ID, recordFile))
				var r record
				if err == nil {
					err = json.Unmarshal(raw, &r)
				}
				if err == nil {
					err = syscall.Kill(r.Process.PID, syscall.SIGKILL)
				}
				if err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func request(token string) provisioner.LaunchRequest {
	return provisioner.LaunchRequest{
		ClientToken: token, NodeID: "node-" + token, Owner: provisioner.Owner{Installation: "i", Cluster: "c"},
		Spec:      json.RawMessage(validSpec),
		Bootstrap: provisioner.Bootstrap{ManagerURLs: []string{"https://127.0.0.1:1"}, NodeID: "node-" + token, JoinToken: "once"},
	}
}

func launch(t *testing.T, p *Provider, token string) provisioner.Instance {
	t.Helper()
	instance, err := p.Launch(t.Context(), request(token))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, p, instance.ID) })
	return instance
}

func end(t *testing.T, p *Provider, id string) {
	t.Helper()
	for _, result := range p.Terminate(lasting(t), []string{id}) {
		if result.Err != nil {
			t.Error(result.Err)
		}
	}
}

func await(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !check(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func read(t *testing.T, p *Provider, id string) record {
	t.Helper()
	r, err := p.load("test", id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTerminateEndsChildrenThatHideAndLeavesNoZombie(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, dir, "parent,deaf", func(c *Config) { c.Grace = 300 * time.Millisecond })
	instance := launch(t, p, "a")
	node := read(t, p, instance.ID).Process
	var inside, outside int
	await(t, "children", func() bool {
		raw, err := os.ReadFile(filepath.Join(dir, "instances", instance.ID, "data", "children"))
		if err != nil {
			return false
		}
		n, _ := fmt.Sscan(string(raw), &inside, &outside)
		return n == 2
	})
	await(t, "three members", func() bool { return len(members(instance.ID, node)) == 3 })
	end(t, p, instance.ID)
	for _, pid := range []int{node.PID, inside, outside} {
		now, err := look(pid)
		if err == nil && !now.dead() {
			t.Errorf("process %d still lives", pid)
		}
		if err == nil && now.dead() && pid == node.PID {
			t.Errorf("process %d is a zombie: nobody reaped it", pid)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "instances", instance.ID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory stays: %v", err)
	}
	left, _ := os.ReadDir(filepath.Join(dir, "instances"))
	if len(left) != 0 {
		t.Errorf("left in instances: %v", left)
	}
}

func TestLaunchCrashedBeforeTheProcessIsFinishedByTheSameToken(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), "yes")
	spec, _ := parse(json.RawMessage(validSpec))
	r := newRecord(request("a"), spec)
	if err := p.prepare(r); err != nil { // and here the manager dies
		t.Fatal(err)
	}
	seen, err := p.List(t.Context(), provisioner.Owner{Installation: "i"})
	if err != nil || len(seen) != 1 || seen[0].State != provisioner.Pending || seen[0].NodeID != "node-a" {
		t.Fatalf("List = %+v, %v; want one pending instance with its node", seen, err)
	}
	instance := launch(t, p, "a")
	if instance.ID != r.ID || instance.State != provisioner.Running {
		t.Errorf("launched %+v, want %s running", instance, r.ID)
	}
}

func TestLaunchCrashedBeforeTheRecordIsAdopted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, dir, "yes")
	instance := launch(t, p, "a")
	r := read(t, p, instance.ID)
	want := r.Process
	r.Process = process{} // as if the manager died before it could write it
	if err := p.save(r); err != nil {
		t.Fatal(err)
	}
	next := open(t, dir, "yes")
	seen, err := next.List(t.Context(), provisioner.Owner{Installation: "i"})
	if err != nil || len(seen) != 1 || seen[0].State != provisioner.Running {
		t.Fatalf("List = %+v, %v; want the running instance", seen, err)
	}
	if got := read(t, next, instance.ID).Process; got != want {
		t.Errorf("adopted process %+v, want %+v", got, want)
	}
	again, err := next.Launch(t.Context(), request("a"))
	if err != nil || again.ID != instance.ID {
		t.Errorf("same token again: %+v, %v", again, err)
	}
	if n := len(members(instance.ID, want)); n != 1 {
		t.Errorf("%d processes of one instance", n)
	}
}

func TestStartCrashedBeforeTheRecordIsAdopted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, dir, "yes")
	instance := launch(t, p, "a")
	ok := func(results []provisioner.Result) {
		t.Helper()
		if err := results[0].Err; err != nil {
			t.Fatal(err)
		}
	}
	ok(p.Stop(t.Context(), []string{instance.ID}))
	ok(p.Start(t.Context(), []string{instance.ID}))
	r := read(t, p, instance.ID)
	want := r.Process
	r.Process = process{} // as if the manager died before it could write it
	if err := p.save(r); err != nil {
		t.Fatal(err)
	}
	next := open(t, dir, "yes")
	ok(next.Start(t.Context(), []string{instance.ID}))
	if got := read(t, next, instance.ID).Process; got != want {
		t.Errorf("adopted process %+v, want %+v", got, want)
	}
	if n := len(members(instance.ID, want)); n != 1 {
		t.Errorf("%d processes of one instance", n)
	}

	// And one that died before it could start a process.
	ok(next.Stop(t.Context(), []string{instance.ID}))
	r.Halted, r.Process = false, process{}
	if err := p.save(r); err != nil {
		t.Fatal(err)
	}
	if seen, err := next.Get(t.Context(), instance.ID); err != nil || seen.State != provisioner.Pending {
		t.Fatalf("half started: %+v, %v", seen, err)
	}
	ok(next.Start(t.Context(), []string{instance.ID}))
	if seen, err := next.Get(t.Context(), instance.ID); err != nil || seen.State != provisioner.Running {
		t.Fatalf("started: %+v, %v", seen, err)
	}
}

func TestProcessIDUsedAgainIsNotOurs(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), "yes")
	instance := launch(t, p, "a")
	end(t, p, instance.ID)

	// A stranger now has the number that the record names.
	stranger := exec.Command("sleep", "600")
	stranger.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	spec, _ := parse(json.RawMessage(validSpec))
	r := newRecord(request("b"), spec)
	now, err := inspect(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string]process{
		"another start": {PID: now.PID, StartTicks: now.StartTicks - 1, Boot: now.Boot},
		"another boot":  {PID: now.PID, StartTicks: now.StartTicks, Boot: "before"},
	} {
		r.ID, r.Process = newID(time.Now()), forged
		if err := p.prepare(r); err != nil {
			t.Fatal(err)
		}
		seen, err := p.Get(t.Context(), r.ID)
		if err != nil || seen.State != provisioner.Stopped {
			t.Errorf("%s: instance is %+v, %v; want stopped", name, seen, err)
		}
		end(t, p, r.ID)
		if !now.alive() {
			t.Fatalf("%s: the stranger was killed", name)
		}
	}
}

func TestNodesLeaveWhenNobodyRenewsTheLease(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), "yes", func(c *Config) { c.LeaseTimeout = time.Second })
	instance := launch(t, p, "a")
	await(t, "departure", func() bool {
		seen, err := p.Get(t.Context(), instance.ID)
		return err == nil && seen.State == provisioner.Stopped
	})
	text, err := p.Console(t.Context(), instance.ID)
	if err != nil || !strings.Contains(string(text), "the manager is gone") {
		t.Errorf("console: %q, %v", text, err)
	}
}

func TestRunRenewsTheLease(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), "yes", func(c *Config) { c.LeaseTimeout = 100 * time.Millisecond })
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(p.LeaseFile(), past, past); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(lasting(t))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	await(t, "renewal", func() bool {
		info, err := os.Stat(p.LeaseFile())
		return err == nil && time.Since(info.ModTime()) < time.Minute
	})
	cancel()
	<-done
}

func TestLogsOfTheLastEndedStay(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), "yes", func(c *Config) { c.KeepLogs = 2 })
	var made []string
	for _, token := range []string{"a", "b", "c", "d"} {
		instance := launch(t, p, token)
		made = append(made, instance.ID)
		await(t, "hello", func() bool {
			text, err := p.Console(t.Context(), instance.ID)
			return err == nil && strings.Contains(string(text), "up")
		})
	}
	for _, id := range made[:3] {
		end(t, p, id)
	}
	for i, kept := range []bool{false, true, true, true} {
		text, err := p.Console(t.Context(), made[i])
		if kept != (err == nil && len(text) > 0) {
			t.Errorf("log %d: %q, %v; kept should be %v", i, text, err, kept)
		}
	}
}

func TestNodeProgramMissingIsSaid(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), "yes", func(c *Config) { c.Command = []string{"/nowhere/godwit-node"} })
	_, err := p.Launch(t.Context(), request("a"))
	if err == nil || !strings.Contains(err.Error(), "/nowhere/godwit-node") {
		t.Errorf("launch says %v", err)
	}
	seen, err := p.List(t.Context(), provisioner.Owner{Installation: "i"})
	if err != nil || len(seen) != 1 || seen[0].State != provisioner.Pending {
		t.Errorf("List = %+v, %v; want what is to be swept", seen, err)
	}
	end(t, p, seen[0].ID)
}

func TestSecretsOfTheManagerStayThere(t *testing.T) {
	t.Setenv("GODWIT_MASTER_KEY", "k")
	t.Setenv("DATABASE_URL", "d")
	t.Setenv("PGPASSWORD", "p")
	for _, variable := range environment() {
		if strings.HasPrefix(variable, "GODWIT_") || strings.HasPrefix(variable, "DATABASE_URL") || strings.HasPrefix(variable, "PG") {
			t.Errorf("a node gets %s", variable)
		}
	}
}
