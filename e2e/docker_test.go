package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/godwit/godwit/internal/stage"
	"github.com/godwit/godwit/statestore/storetest"
)

// composition is the part of docker-compose.yml that says what runs. Where no
// Docker engine is, its commands run as plain processes: what remains untested
// is the engine's part, images and networks.
type composition struct {
	Services map[string]struct {
		Command     []string
		Volumes     []string
		Healthcheck struct{ Test []string }
	}
}

// compose reads docker-compose.yml with these variables set.
func compose(t *testing.T, env map[string]string) composition {
	t.Helper()
	raw, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := os.Expand(string(raw), func(v string) string {
		name, otherwise, _ := strings.Cut(v, ":-")
		name, _, _ = strings.Cut(name, ":?")
		if value, ok := env[name]; ok {
			return value
		}
		return otherwise
	})
	var c composition
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// here turns a service's words into those for this machine: paths in volumes
// become directories of the stage.
func (c composition) here(s *stage.Stage, service string, words []string) []string {
	volumes := slices.Clone(c.Services[service].Volumes)
	slices.SortFunc(volumes, func(a, b string) int { return len(b) - len(a) }) // …/godwit-slots before …/godwit
	out := slices.Clone(words)
	for i, w := range out {
		for _, v := range volumes {
			name, at, _ := strings.Cut(v, ":")
			if before, after, ok := strings.Cut(w, at); ok && (after == "" || after[0] == '/') {
				out[i] = before + s.Path("volumes", name) + after
				break
			}
		}
	}
	return out
}

// machine is a container's main process.
func (c composition) machine(t *testing.T, s *stage.Stage, service string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(s.Bin("godwit-node"), c.here(s, service, c.Services[service].Command)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Errorf("%s does not stop", service)
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", service, tail(log.Bytes(), 3000))
		}
	})
	return cmd
}

// healthy runs a service's health check, which must do without a shell.
func (c composition) healthy(t *testing.T, s *stage.Stage, service string, more ...string) error {
	t.Helper()
	test := c.Services[service].Healthcheck.Test
	if len(test) < 2 || test[0] != "CMD" {
		t.Fatalf("%s: health check %v", service, test)
	}
	words := append(c.here(s, service, test[1:]), more...)
	out, err := exec.Command(s.Bin(path.Base(words[0])), words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func TestTheCompositionsCommandsMakeACluster(t *testing.T) {
	t.Parallel()
	database := "--database-url=" + storetest.URL(t) // before the stage: it goes after it
	s := newStage(t)
	ctx := t.Context()
	c := compose(t, map[string]string{"GODWIT_NODE1_PORT": "0", "GODWIT_NODE2_PORT": "0"})
	for _, service := range []string{"postgres", "manager", "node1", "node2"} {
		if _, ok := c.Services[service]; !ok {
			t.Fatalf("the composition has no %s", service)
		}
	}
	// First run, on an external Postgres; then once more with all of the flags,
	// now that the port is known by which nodes reach it.
	if err := s.Start(ctx, database); err != nil {
		t.Fatal(err)
	}
	if err := s.FirstRun(ctx); err != nil {
		t.Fatal(err)
	}
	s.Manager.Stop()
	at, err := url.Parse(s.API.URL)
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{database}
	for _, f := range c.here(s, "manager", c.Services["manager"].Command)[1:] {
		name, _, _ := strings.Cut(f, "=")
		switch name {
		case "--data", "--listen": // the stage's own
		case "--public-url":
			flags = append(flags, "--public-url="+s.API.URL)
		case "--node-url":
			flags = append(flags, "--node-url=https://localhost:"+at.Port())
		case "--fleet-listen":
			flags = append(flags, "--fleet-listen=0.0.0.0:0")
		default:
			flags = append(flags, f)
		}
	}
	if err := s.Start(ctx, flags...); err != nil {
		t.Fatal(err)
	}
	address := []string{"--data", s.Path("data"), "--address", at.Host}
	eventually(t, 20*time.Second, "the manager to be healthy", func(context.Context) (bool, error) {
		err := c.healthy(t, s, "manager", address...)
		return err == nil, err
	})

	if c.healthy(t, s, "node1") == nil {
		t.Error("node1 is healthy before it runs")
	}
	first := c.machine(t, s, "node1")
	c.machine(t, s, "node2")
	for _, n := range []string{"node1", "node2"} {
		eventually(t, 20*time.Second, n+" to be healthy", func(context.Context) (bool, error) {
			err := c.healthy(t, s, n)
			return err == nil, err
		})
	}

	// What docs/docker.md says to do.
	must(t, s, "template", "create", "machines", "--provider", "attached", "--spec", `{"slots":["node1","node2"],"report_interval_s":1}`)
	policy := s.Path("policy.json")
	if err := os.WriteFile(policy, []byte(`{"min_available":1,"max_nodes":2,"report_timeout_s":8,"lost_grace_s":3,"scale_in_window_s":5,
		"signals":{"cpu":{"enabled":false,"cap":0},"buffer":{"enabled":false,"cap":0}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, s, "cluster", "create", "c", "--template", "machines", "--policy-file", policy)
	must(t, s, "cluster", "scale", "c", "2")
	two := func(what string) {
		t.Helper()
		eventually(t, 90*time.Second, what, func(ctx context.Context) (bool, error) {
			n, err := s.API.Running(ctx)
			return n == 2, err
		})
	}
	two("both nodes to run")
	if err := os.MkdirAll(s.Path("volumes", "storage"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTenant(ctx, "tenant", s.Path("volumes", "storage", "tenant")); err != nil {
		t.Fatal(err)
	}
	content := tree(t, s.Path("source"), 50, 4<<20)
	must(t, s, "cp", "-r", s.Path("source")+"/", "c:/first/")
	sameTree(t, s.Path("volumes", "storage", "tenant", "first"), content)

	// A container that is killed comes back, and so does a node in its slot.
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "node1 to be unhealthy", func(context.Context) (bool, error) { return c.healthy(t, s, "node1") != nil, nil })
	must(t, s, "cp", "-r", "c:/first/", s.Path("back")+"/")
	sameTree(t, s.Path("back"), content)
	eventually(t, 60*time.Second, "the loss to be noticed", func(ctx context.Context) (bool, error) {
		n, err := s.API.Running(ctx)
		return n == 1, err
	})
	c.machine(t, s, "node1")
	two("a node in the slot of the container that came back")

	// A slot that is not needed waits, keeps nothing, and is used again.
	must(t, s, "cluster", "scale", "c", "1")
	eventually(t, 90*time.Second, "a slot to be free", func(context.Context) (bool, error) {
		states, _ := filepath.Glob(s.Path("volumes", "slots", "*", "status.json"))
		return slices.ContainsFunc(states, func(f string) bool {
			raw, _ := os.ReadFile(f)
			return bytes.Contains(raw, []byte(`"waiting"`))
		}), nil
	})
	eventually(t, 10*time.Second, "one machine to keep nothing", func(context.Context) (bool, error) {
		one, _ := filepath.Glob(s.Path("volumes", "node1", "instances", "*"))
		other, _ := filepath.Glob(s.Path("volumes", "node2", "instances", "*"))
		return len(one)+len(other) == 1, nil
	})
	must(t, s, "cluster", "scale", "c", "2")
	two("the slot to be used again")
	must(t, s, "cp", "-r", s.Path("source")+"/", "c:/second/")
	sameTree(t, s.Path("volumes", "storage", "tenant", "second"), content)
}
