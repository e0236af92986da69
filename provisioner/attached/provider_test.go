package attached

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit/godwit/internal/slot"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

func TestProvider(t *testing.T) {
	t.Parallel()
	const names = "n1,n2,n3,n4,n5,n6"
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		s := newSite(t)
		p := s.open(t)
		m := s.machine(names)
		s.ready(p, names)
		return providertest.Harness{
			Provider: p, Bulk: 6,
			Reopen: func(t *testing.T) provisioner.Provider { return s.open(t) },
			Spec:   json.RawMessage(validSpec),
			Invalid: map[string]json.RawMessage{
				"slots[1]":              json.RawMessage(`{"slots":["n1","../n2"]}`),
				"slots[2]":              json.RawMessage(`{"slots":["n1","n2","n1"]}`),
				"node.send_cap_mbps":    json.RawMessage(`{"node":{"send_cap_mbps":-1}}`),
				"report_interval_s":     json.RawMessage(`{"report_interval_s":61}`),
				"provider":              json.RawMessage(`{"provider":"local"}`),
				"listen_host":           json.RawMessage(`{"listen_host":"127.0.0.1"}`),
				"node.max_sessions":     json.RawMessage(`{"node":{"max_sessions":"many"}}`),
				"node.receive_cap_mbps": json.RawMessage(`{"node":{"receive_cap_mbps":1000001}}`),
			},
			Output: "up\n",
			Crash:  func(*testing.T, provisioner.Instance) { kill(m) },
		}
	})
}

func TestASlotIsUsedAgainAndKeepsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	s.machine("one")
	s.ready(p, "one")
	first := launch(t, p, "a")
	becomes(t, p, first.ID, provisioner.Running)
	await(t, "the node", func() bool { pids, _ := s.starts(first.ID); return len(pids) == 1 })

	// The token is on the machine's disk alone, and nobody else can read it.
	await(t, "the token to leave the slot", func() bool {
		_, err := os.Stat(filepath.Join(s.slots, "one", "bootstrap.json"))
		return errors.Is(err, os.ErrNotExist)
	})
	kept := filepath.Join(s.disks, "one", "instances", first.ID, "bootstrap.json")
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the machine's copy: %v, %v", info, err)
	}
	_ = filepath.Walk(s.slots, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			if raw, _ := os.ReadFile(path); strings.Contains(string(raw), "secret-a") {
				t.Errorf("%s holds the join token", path)
			}
		}
		return nil
	})

	_, err := p.Launch(t.Context(), request("b"))
	if !errors.Is(err, provisioner.Capacity) || !strings.Contains(err.Error(), "one runs node node-a") {
		t.Errorf("launch without a free slot: %v; want capacity, and why", err)
	}
	pids, _ := s.starts(first.ID)
	end(t, p, first.ID)
	becomes(t, p, first.ID, "")
	if alive(pids[0]) {
		t.Error("the node of an ended instance still runs")
	}
	if left := s.left("one"); len(left) > 0 {
		t.Errorf("the machine keeps %v", left)
	}
	second := launch(t, p, "b")
	becomes(t, p, second.ID, provisioner.Running)
	await(t, "the next node", func() bool { _, tokens := s.starts(second.ID); return len(tokens) == 1 && tokens[0] == "secret-b" })
	end(t, p, first.ID) // an echo must not touch who has the slot now
	becomes(t, p, second.ID, provisioner.Running)
	var text []byte
	await(t, "the second instance's first words", func() bool {
		text, err = p.Console(t.Context(), second.ID)
		return err != nil || strings.Contains(string(text), "node-b")
	})
	if err != nil || strings.Contains(string(text), "node-a") {
		t.Errorf("console of the second instance: %q, %v", text, err)
	}
}

func TestOnlySlotsOfTheTemplateAreTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	s.machine("one,two")
	s.ready(p, "one,two")
	r := request("a")
	r.Spec = json.RawMessage(`{"slots":["two","three"]}`)
	instance, err := p.Launch(t.Context(), r)
	if err != nil || !strings.HasPrefix(instance.ID, "two.") {
		t.Fatalf("launched %+v, %v; want slot two", instance, err)
	}
	r.ClientToken, r.NodeID = "b", "node-b"
	_, err = p.Launch(t.Context(), r)
	if !errors.Is(err, provisioner.Capacity) || !strings.Contains(err.Error(), "three has never had a machine") {
		t.Errorf("launch says %v", err)
	}
}

func TestAKilledMachineTakesItsNodeAlongAndComesBackAsTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	m := s.machine("one")
	s.ready(p, "one")
	instance := launch(t, p, "a")
	await(t, "the node", func() bool { pids, _ := s.starts(instance.ID); return len(pids) == 1 })
	pids, _ := s.starts(instance.ID)
	kill(m)
	if seen := becomes(t, p, instance.ID, provisioner.Stopped); !strings.Contains(seen.Detail, "gone") {
		t.Errorf("detail %q", seen.Detail)
	}
	await(t, "the node to die with its machine", func() bool { return !alive(pids[0]) })
	if _, err := p.Launch(t.Context(), request("b")); !errors.Is(err, provisioner.Capacity) {
		t.Errorf("launch on a dead machine: %v", err)
	}
	s.machine("one")
	becomes(t, p, instance.ID, provisioner.Running)
	await(t, "the node again", func() bool { pids, _ := s.starts(instance.ID); return len(pids) == 2 })
	if _, tokens := s.starts(instance.ID); tokens[0] != tokens[1] {
		t.Errorf("bootstraps of one instance differ: %v", tokens)
	}
}

func TestAMachineWithdrawnWhileItWasDeadForgets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	m := s.machine("one")
	s.ready(p, "one")
	instance := launch(t, p, "a")
	await(t, "the node", func() bool { pids, _ := s.starts(instance.ID); return len(pids) == 1 })
	kill(m)
	end(t, p, instance.ID)
	becomes(t, p, instance.ID, "")
	s.machine("one")
	s.ready(p, "one")
	if left := s.left("one"); len(left) > 0 {
		t.Errorf("the machine keeps %v", left)
	}
}

func TestALostDiskIsSaidAndTheSpentTokenNotShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	m := s.machine("one")
	s.ready(p, "one")
	instance := launch(t, p, "a")
	becomes(t, p, instance.ID, provisioner.Running)
	await(t, "the node", func() bool { pids, _ := s.starts(instance.ID); return len(pids) == 1 })
	kill(m)
	if err := os.RemoveAll(filepath.Join(s.disks, "one")); err != nil {
		t.Fatal(err)
	}
	s.machine("one")
	await(t, "the loss to be said", func() bool {
		seen, err := p.Get(t.Context(), instance.ID)
		return err == nil && seen.State == provisioner.Stopped && strings.Contains(seen.Detail, "lost the node's identity")
	})
	if again := launch(t, p, "a"); again.ID != instance.ID {
		t.Errorf("the token made %s and %s", instance.ID, again.ID)
	}
	if pids, _ := s.starts(instance.ID); len(pids) > 0 {
		t.Error("a node was started without its identity")
	}
	end(t, p, instance.ID)
	s.ready(p, "one")
}

func TestANodeThatDiesIsStartedAgainAndOneThatEndedIsNot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	s.machine("one")
	s.machine("two", exitCode+"=3")
	s.ready(p, "one,two")
	r := request("a")
	r.Spec = json.RawMessage(`{"slots":["one"]}`)
	dying, err := p.Launch(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the node", func() bool { pids, _ := s.starts(dying.ID); return len(pids) == 1 })
	pids, _ := s.starts(dying.ID)
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the node again", func() bool { pids, _ := s.starts(dying.ID); return len(pids) == 2 })
	if seen := becomes(t, p, dying.ID, provisioner.Running); !strings.Contains(seen.Detail, "restarted 1 times") {
		t.Errorf("detail %q", seen.Detail)
	}

	ended := launch(t, p, "b")
	if seen := becomes(t, p, ended.ID, provisioner.Stopped); seen.Detail != "exit code 3" {
		t.Errorf("detail %q", seen.Detail)
	}
	if pids, _ := s.starts(ended.ID); len(pids) != 1 {
		t.Errorf("a node that was ended for good was started %d times", len(pids))
	}
	end(t, p, ended.ID)
	s.ready(p, "two")
}

func TestAManagerKilledWithANodeLeavesItToTheNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	s.machine("one")
	s.ready(p, "one")
	killed := s.manager()
	var id string
	await(t, "a launch", func() bool {
		list, err := p.List(t.Context(), provisioner.Owner{Installation: "i"})
		if err == nil && len(list) == 1 && list[0].State == provisioner.Running {
			id = list[0].ID
		}
		return id != ""
	})
	kill(killed)
	if again := launch(t, p, "killed"); again.ID != id {
		t.Errorf("the token made %s and %s", id, again.ID)
	}
	becomes(t, p, id, provisioner.Running)
	end(t, p, id)
	becomes(t, p, id, "")
}

func TestAManagerKilledBetweenTheStepsLeaksNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	s.machine("one,two")
	s.ready(p, "one,two")
	spec, _ := parse(json.RawMessage(validSpec))
	for _, name := range []string{"one", "two"} { // assigned, and there the manager dies
		if err := p.slots.Assign(name, assignment(name, request(name), spec)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := p.List(t.Context(), provisioner.Owner{Installation: "i", Cluster: "c"})
	if err != nil || len(list) != 2 || list[0].State != provisioner.Pending || list[0].NodeID != "node-one" {
		t.Fatalf("List = %+v, %v; want two pending instances with their nodes", list, err)
	}
	completed := launch(t, p, "one")
	if completed.ID != list[0].ID {
		t.Errorf("the token made %s and %s", list[0].ID, completed.ID)
	}
	becomes(t, p, completed.ID, provisioner.Running)
	end(t, p, list[1].ID)
	becomes(t, p, list[1].ID, "")
	s.ready(p, "two")
}

func TestWhatAMachineWritesCannotHurtTheManager(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.open(t)
	s.machine("one")
	s.ready(p, "one")
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte(`{"state":"waiting"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	status := func(name string) string { return filepath.Join(s.slots, name, "status.json") }
	for name, plant := range map[string]func(path string) error{
		"pipe":     func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":     func(path string) error { return os.Symlink(outside, path) },
		"nonsense": func(path string) error { return os.WriteFile(path, []byte(`{"state":"happy"}`), 0o600) },
		"huge":     func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
	} {
		if err := errors.Join(os.Mkdir(filepath.Join(s.slots, name), 0o700), plant(status(name))); err != nil {
			t.Fatal(err)
		}
		v, err := p.slots.Look(name)
		if err != nil || v.Free() || v.Status.State != "" || v.Status.Detail == "" {
			t.Errorf("%s: %+v, %v; want a slot that can't be used, and why", name, v, err)
		}
	}
	if instance := launch(t, p, "a"); !strings.HasPrefix(instance.ID, "one.") {
		t.Errorf("launched %+v", instance)
	}
	if _, err := p.Launch(t.Context(), request("b")); !errors.Is(err, provisioner.Capacity) {
		t.Errorf("launch says %v; want capacity", err)
	}
}

func TestADirectoryThatAnybodyCanWriteIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 0700") {
		t.Errorf("opened: %v", err)
	}
	if _, err := slot.Take(t.Context(), dir, nil); err == nil || !strings.Contains(err.Error(), "chmod 0700") {
		t.Errorf("taken: %v", err)
	}
}
