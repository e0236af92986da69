package attach

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/internal/slot"
)

// The test binary also plays the agent: with this variable.
const play = "ATTACHTEST_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(play) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	os.Exit(agent())
}

// agent says in its data directory what it was given, and waits. The cluster's
// name is its part in the play.
func agent() int {
	raw, err := os.ReadFile(os.Args[slices.Index(os.Args, "--bootstrap")+1])
	var b join.Bootstrap
	if err == nil {
		err = json.Unmarshal(raw, &b)
	}
	if err == nil {
		err = os.MkdirAll(b.DataDir, 0o700)
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if b.Cluster == "deaf" {
		signal.Ignore(syscall.SIGTERM)
		stop = context.Background()
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(b.DataDir, "up"), fmt.Append(nil, os.Getpid()), 0o600)
	}
	if err != nil {
		fmt.Println(err)
		return 3
	}
	<-stop.Done()
	return 0
}

// scene is a directory with one slot, "a", and a machine in it.
type scene struct {
	t          *testing.T
	slots      *slot.Directory
	path, data string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, path: filepath.Join(t.TempDir(), "slots"), data: t.TempDir()}
	var err error
	s.slots, err = slot.Open(s.path)
	must(t, err)
	t.Cleanup(func() { s.slots.Close() })
	must(t, os.Mkdir(filepath.Join(s.path, "a"), 0o700))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs attach until the returned stop, which gives back what Run said.
func (s *scene) start() (stop func() error) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{
			Slot: filepath.Join(s.path, "a"), Data: s.data, Command: []string{"/usr/bin/env", play + "=1", os.Args[0]},
			ListenHost: "10.0.0.7", Port: 4001, AdvertiseHost: "a.example.org", Version: "v",
			Poll: 10 * time.Millisecond, Grace: 500 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		})
	}()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	s.t.Cleanup(func() { _ = stop() })
	return stop
}

func (s *scene) assign(serial, part string) string {
	s.t.Helper()
	id := slot.Join("a", serial)
	must(s.t, s.slots.Assign("a", slot.Assignment{Instance: id, NodeID: "n"}))
	must(s.t, s.slots.Deliver("a", join.Bootstrap{
		NodeID: "n", Cluster: part, InstanceID: id, JoinToken: "secret", DataDir: "/manager/path", Port: 1, LeaseFile: "/manager/lease",
	}))
	return id
}

func (s *scene) look() slot.View {
	v, err := s.slots.Look("a")
	must(s.t, err)
	return v
}

// up waits for the agent of an instance and returns its process id.
func (s *scene) up(id string) int {
	s.t.Helper()
	pid := 0
	s.await("the agent of "+id, func() bool {
		raw, err := os.ReadFile(filepath.Join(s.data, "instances", id, "node", "up"))
		if err == nil {
			_, err = fmt.Sscan(string(raw), &pid)
		}
		return err == nil
	})
	return pid
}

func (s *scene) await(what string, check func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited 20 s for %s; the slot is %+v", what, s.look())
		}
	}
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

func TestTheMachineSaysWhereItsNodeLives(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.start()
	s.await("the slot to be free", func() bool { return s.look().Free() })
	id := s.assign("1", "")
	s.up(id)
	raw, err := os.ReadFile(filepath.Join(s.data, "instances", id, "bootstrap.json"))
	must(t, err)
	var b join.Bootstrap
	must(t, json.Unmarshal(raw, &b))
	want := join.Bootstrap{
		NodeID: "n", InstanceID: id, JoinToken: "secret", DataDir: filepath.Join(s.data, "instances", id, "node"),
		ListenHost: "10.0.0.7", Port: 4001, AdvertiseHost: "a.example.org",
	}
	if fmt.Sprint(b) != fmt.Sprint(want) {
		t.Errorf("the agent was given %+v, want %+v", b, want)
	}
	if v := s.look(); v.Status.Version != "v" || v.Status.State != slot.Serving {
		t.Errorf("status %+v", v.Status)
	}
}

func TestANodeThatDoesNotListenIsKilled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.start()
	pid := s.up(s.assign("1", "deaf"))
	must(t, s.slots.Withdraw("a"))
	s.await("the slot to be free", func() bool { return s.look().Free() })
	if !gone(pid) {
		t.Error("the slot is free and its node still runs")
	}
}

func TestASlotGivenToAnotherEndsTheFirst(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.start()
	one := s.assign("1", "")
	pid := s.up(one)
	two := s.assign("2", "")
	s.up(two)
	if !gone(pid) {
		t.Error("two nodes run in one slot")
	}
	if _, err := os.Stat(filepath.Join(s.data, "instances", one)); err == nil {
		t.Error("the first node's directory stays")
	}
}

func TestABootstrapOfTheInstanceBeforeIsNotUsed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.assign("1", "")
	must(t, s.slots.Assign("a", slot.Assignment{Instance: "a.2", NodeID: "m"})) // and there the manager dies
	stop := s.start()
	s.await("the machine", func() bool { return s.look().Present })
	must(t, s.slots.Withdraw("a"))
	s.await("the slot to be free", func() bool { return s.look().Free() })
	must(t, stop())
	left, err := os.ReadDir(filepath.Join(s.data, "instances"))
	if err != nil || len(left) > 0 {
		t.Errorf("started something: %v, %v", left, err)
	}
}

func TestAStoppedMachineKeepsItsInstanceForTheNextStart(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	stop := s.start()
	id := s.assign("1", "")
	pid := s.up(id)
	must(t, stop())
	if !gone(pid) {
		t.Error("the node outlives its machine")
	}
	if v := s.look(); v.Present || !v.Takes(id) {
		t.Errorf("the slot is %+v", v)
	}
	must(t, os.Remove(filepath.Join(s.data, "instances", id, "node", "up")))
	s.start()
	s.up(id)
}

func TestAShareThatCannotBeReadEndsNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.start()
	id := s.assign("1", "")
	pid := s.up(id)
	// Replaced in one step by something that is certainly no assignment and no
	// absence of one either.
	file := filepath.Join(s.path, "a", "assignment.json")
	raw, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file+".new", []byte("{"), 0o600))
	must(t, os.Rename(file+".new", file))
	// The machine removes what is delivered again at each look: two of them show
	// that it has looked.
	for range 2 {
		must(t, s.slots.Deliver("a", join.Bootstrap{InstanceID: id}))
		s.await("a look at the slot", func() bool {
			_, err := os.Stat(filepath.Join(s.path, "a", "bootstrap.json"))
			return err != nil
		})
	}
	if gone(pid) {
		t.Error("the node was ended")
	}
	must(t, os.WriteFile(file+".new", raw, 0o600))
	must(t, os.Rename(file+".new", file))
}

func TestAMissingProgramIsSaid(t *testing.T) {
	t.Parallel()
	sit := &seat{Config: Config{Command: []string{"/nowhere/godwit-node"}, Poll: time.Second, Grace: time.Second, Log: slog.New(slog.DiscardHandler)}}
	e := sit.child(t.Context(), "a.1", "file", os.Stderr)
	if e.code != -1 || !strings.Contains(e.String(), "/nowhere/godwit-node") {
		t.Errorf("ended with %+v", e)
	}
}
