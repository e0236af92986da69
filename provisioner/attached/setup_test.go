package attached

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/internal/slot"
	"github.com/godwit/godwit/node/attach"
	"github.com/godwit/godwit/provisioner"
)

// The test binary also plays the other processes: with this variable a machine
// (or several, each in a slot of its own), the node that a machine starts, or a
// manager that is to be killed.
const play = "ATTACHEDTEST_PLAY"

const (
	slotsEnv = "ATTACHEDTEST_SLOTS" // directory of slots
	namesEnv = "ATTACHEDTEST_NAMES" // slots of this machine, with commas
	dataEnv  = "ATTACHEDTEST_DATA"
	exitCode = "ATTACHEDTEST_EXIT" // the node exits with it at once
)

func TestMain(m *testing.M) {
	switch os.Getenv(play) {
	case "machine":
		machine()
	case "node":
		os.Exit(node())
	case "manager":
		manager()
	default:
		goleak.VerifyTestMain(m)
	}
}

// machine runs attach in each of its slots.
func machine() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := os.Setenv(play, "node"); err != nil {
		panic(err)
	}
	var group sync.WaitGroup
	for _, name := range strings.Split(os.Getenv(namesEnv), ",") {
		group.Go(func() {
			err := attach.Run(ctx, attach.Config{
				Slot: filepath.Join(os.Getenv(slotsEnv), name), Data: filepath.Join(os.Getenv(dataEnv), name),
				Command: []string{os.Args[0]}, ListenHost: "127.0.0.1", Port: 33001, Final: []int{3},
				Poll: 20 * time.Millisecond, Grace: time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			})
			if err != nil {
				fmt.Fprintln(os.Stderr, name, err)
			}
		})
	}
	group.Wait()
}

// node plays an agent: it leaves a mark per start and waits.
func node() int {
	raw, err := os.ReadFile(os.Args[slices.Index(os.Args, "--bootstrap")+1])
	var boot join.Bootstrap // not checked: the conformance suite's is no real one
	if err == nil {
		err = json.Unmarshal(raw, &boot)
	}
	if err != nil || boot.Port != 33001 {
		fmt.Println(err, boot)
		return 3
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := os.MkdirAll(boot.DataDir, 0o700); err != nil {
		fmt.Println(err)
		return 1
	}
	f, err := os.OpenFile(filepath.Join(boot.DataDir, "starts"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Fprintln(f, os.Getpid(), boot.JoinToken)
	f.Close()
	fmt.Println("node", boot.NodeID, "up")
	if code, err := strconv.Atoi(os.Getenv(exitCode)); err == nil {
		return code
	}
	<-ctx.Done()
	return 0
}

// manager launches one node and then waits to be killed.
func manager() {
	p, err := New(Config{Dir: os.Getenv(slotsEnv)})
	if err == nil {
		var instance provisioner.Instance
		instance, err = p.Launch(context.Background(), request("killed"))
		fmt.Println(instance.ID)
	}
	if err != nil {
		fmt.Println("failed", err)
	}
	select {}
}

// site is a directory of slots and the disks of the machines.
type site struct {
	t     *testing.T
	slots string
	disks string
}

func newSite(t *testing.T) *site {
	t.Helper()
	return &site{t: t, slots: filepath.Join(t.TempDir(), "slots"), disks: t.TempDir()}
}

func (s *site) open(t *testing.T) *Provider {
	t.Helper()
	p, err := New(Config{Dir: s.slots, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// machine starts a process that waits in the named slots.
func (s *site) machine(names string, environment ...string) *exec.Cmd {
	s.t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), play+"=machine", slotsEnv+"="+s.slots, namesEnv+"="+names, dataEnv+"="+s.disks), environment...)
	c.Stderr = s.t.Output()
	c.WaitDelay = 5 * time.Second
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { kill(c) })
	return c
}

func kill(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

// ready waits until every named slot is free.
func (s *site) ready(p *Provider, names string) {
	s.t.Helper()
	await(s.t, "slots "+names+" to be free", func() bool {
		for _, name := range strings.Split(names, ",") {
			if v, err := p.slots.Look(name); err != nil || !v.Free() {
				return false
			}
		}
		return true
	})
}

// starts are the process ids of the node in a slot, oldest first, and the join
// token that each was given.
func (s *site) starts(instance string) (pids []int, tokens []string) {
	name, _ := slot.Split(instance)
	raw, _ := os.ReadFile(filepath.Join(s.disks, name, "instances", instance, "node", "starts"))
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		var pid int
		var token string
		if n, _ := fmt.Sscan(line, &pid, &token); n == 2 {
			pids, tokens = append(pids, pid), append(tokens, token)
		}
	}
	return pids, tokens
}

// left are the files that a machine keeps of instances.
func (s *site) left(name string) []string {
	found, _ := filepath.Glob(filepath.Join(s.disks, name, "instances", "*"))
	return found
}

const validSpec = `{"provider":"attached","node":{"send_cap_mbps":200},"tags":{"from":"spec"}}`

func request(token string) provisioner.LaunchRequest {
	return provisioner.LaunchRequest{
		ClientToken: token, NodeID: "node-" + token, Owner: provisioner.Owner{Installation: "i", Cluster: "c"},
		Spec: json.RawMessage(validSpec),
		Bootstrap: provisioner.Bootstrap{
			ManagerURLs: []string{"https://127.0.0.1:1"}, CASHA256: strings.Repeat("0", 64), NodeID: "node-" + token, Cluster: "c", JoinToken: "secret-" + token,
		},
	}
}

func launch(t *testing.T, p *Provider, token string) provisioner.Instance {
	t.Helper()
	instance, err := p.Launch(t.Context(), request(token))
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

func end(t *testing.T, p *Provider, id string) {
	t.Helper()
	if r := p.Terminate(t.Context(), []string{id}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
}

// becomes waits for a state; the empty one means gone.
func becomes(t *testing.T, p *Provider, id string, want provisioner.InstanceState) provisioner.Instance {
	t.Helper()
	var seen provisioner.Instance
	await(t, id+" to become "+string(want), func() bool {
		var err error
		seen, err = p.Get(t.Context(), id)
		if want == "" {
			return errors.Is(err, provisioner.NotFound)
		}
		return err == nil && seen.State == want
	})
	return seen
}

func await(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !check(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// alive tells whether a process is there and no zombie.
func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := string(raw[strings.LastIndexByte(string(raw), ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(rest), "Z")
}

// manager starts a process that launches the node "killed".
func (s *site) manager() *exec.Cmd {
	s.t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), play+"=manager", slotsEnv+"="+s.slots)
	c.Stderr = s.t.Output()
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { kill(c) })
	return c
}
