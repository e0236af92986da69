package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// small is a cluster that reacts within seconds.
func small(t *testing.T, s *stage.Stage, minNodes, capMbps int, flags ...string) {
	t.Helper()
	ctx := t.Context()
	if err := s.Start(ctx, flags...); err != nil {
		t.Fatal(err)
	}
	if err := s.FirstRun(ctx); err != nil {
		t.Fatal(err)
	}
	off := map[string]any{"enabled": false, "cap": 0}
	spec := map[string]any{"report_interval_s": 1, "node": map[string]any{"send_cap_mbps": capMbps, "receive_cap_mbps": capMbps, "max_sessions": 50}}
	policy := map[string]any{
		"max_nodes": minNodes + 1, "min_available": minNodes, "session_rate_mbps": 1, "scale_in_window_s": 5,
		"launch_timeout_s": 60, "report_timeout_s": 8, "degraded_grace_s": 5, "lost_grace_s": 3, "drain_timeout_s": 30,
		"signals": map[string]any{"cpu": off, "buffer": off},
	}
	if err := s.CreateCluster(ctx, "c", spec, policy); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.Path("storage"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTenant(ctx, "tenant", s.Path("storage")); err != nil {
		t.Fatal(err)
	}
	eventually(t, 90*time.Second, "the first nodes", func(ctx context.Context) (bool, error) {
		n, err := s.API.Running(ctx)
		return n >= minNodes, err
	})
}

// tree makes files of many sizes and returns their content by path.
func tree(t *testing.T, dir string, files int, big int64) map[string][]byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	content := map[string][]byte{}
	noise := rand.NewChaCha8([32]byte{7})
	write := func(name string, n int64) {
		b := make([]byte, n)
		_, _ = noise.Read(b)
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, b, 0o644); err != nil {
			t.Fatal(err)
		}
		content[name] = b
	}
	for i := range files {
		write(fmt.Sprintf("d%d/f%d.bin", i%7, i), r.Int64N(20_000))
	}
	write("empty", 0)
	write("name with spaces & ünïcode", 10)
	if big > 0 {
		write("big.bin", big)
	}
	return content
}

// sameTree checks that dir holds these files and nothing else.
func sameTree(t *testing.T, dir string, want map[string][]byte) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		content, known := want[name]
		if !known {
			t.Errorf("%s: nobody sent it", name)
			return nil
		}
		seen++
		got, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(got, content) {
			t.Errorf("%s differs: %d bytes, want %d", name, len(got), len(content))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if seen != len(want) {
		t.Errorf("%d of %d files arrived in %s", seen, len(want), dir)
	}
}

// serverOf waits until a running transfer is reported and returns its node.
func serverOf(t *testing.T, s *stage.Stage, transfer string) stage.Node {
	t.Helper()
	var serving stage.Node
	eventually(t, 20*time.Second, "transfer "+transfer+" to be reported", func(ctx context.Context) (bool, error) {
		var page struct {
			Items []struct {
				Name  string `json:"name"`
				Nodes []struct {
					ID string `json:"id"`
				} `json:"nodes"`
			} `json:"items"`
		}
		if _, err := s.API.Do(ctx, http.MethodGet, "/api/v1/transfers?live=true&limit=100", nil, &page); err != nil {
			return false, err
		}
		for _, x := range page.Items {
			if x.Name == transfer && len(x.Nodes) > 0 {
				var err error
				serving, err = s.API.Node(ctx, x.Nodes[0].ID)
				return err == nil, err
			}
		}
		return false, nil
	})
	return serving
}

// One story, because a cluster takes seconds to come up: files go both ways, a
// node dies under a transfer, the manager dies under another, nothing is lost.
func TestTransfersSurviveTheirNodeAndTheirManager(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	small(t, s, 2, 100)
	content := tree(t, s.Path("source"), 300, 112<<20)

	must(t, s, "cp", "-r", s.Path("source")+"/", "c:/first/")
	sameTree(t, s.Path("storage", "first"), content)
	must(t, s, "cp", "-r", "c:/first/", s.Path("back")+"/")
	sameTree(t, s.Path("back"), content)
	if out := must(t, s, "ls", "c:/first"); !bytes.Contains([]byte(out), []byte("big.bin")) {
		t.Errorf("ls does not show big.bin:\n%s", out)
	}

	// The cap makes 112 MiB last nine seconds and more; the node dies while it serves.
	c, err := s.StartCopy(t.Context(), "survivor", s.Path("source")+"/", "c:/second/")
	if err != nil {
		t.Fatal(err)
	}
	victim := serverOf(t, s, "survivor")
	if err := stage.KillInstance(victim.InstanceID); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context(), 90*time.Second); err != nil {
		t.Fatal(err)
	}
	if c.Result.Moved == 0 {
		t.Errorf("the transfer did not move although its node died: %+v", c.Result)
	}
	sameTree(t, s.Path("storage", "second"), content)
	eventually(t, 60*time.Second, "the dead node to be replaced", func(ctx context.Context) (bool, error) {
		n, err := s.API.Node(ctx, victim.ID)
		if err != nil || n.State == "running" {
			return false, err
		}
		running, err := s.API.Running(ctx)
		return running >= 2, err
	})

	before, err := s.API.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err = s.StartCopy(t.Context(), "patient", s.Path("source")+"/", "c:/third/")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Manager.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context(), 90*time.Second); err != nil {
		t.Fatal(err)
	}
	sameTree(t, s.Path("storage", "third"), content)
	eventually(t, 40*time.Second, "the nodes to be adopted", func(ctx context.Context) (bool, error) {
		for _, n := range before {
			now, err := s.API.Node(ctx, n.ID)
			if err != nil {
				return false, err
			}
			if n.State == "running" && now.State != "running" && now.State != "draining" && now.State != "terminated" {
				return false, fmt.Errorf("node %s is %s", now.Name, now.State)
			}
		}
		return true, nil
	})

	// Everything that was decided says why, and the history has every transfer.
	var decisions struct {
		Items []struct {
			ID      string `json:"id"`
			Reasons []struct {
				Text string `json:"text"`
			} `json:"reasons"`
		} `json:"items"`
	}
	if _, err := s.API.Do(t.Context(), http.MethodGet, "/api/v1/decisions?limit=500", nil, &decisions); err != nil {
		t.Fatal(err)
	}
	if len(decisions.Items) == 0 {
		t.Error("no decision was stored")
	}
	for _, d := range decisions.Items {
		if len(d.Reasons) == 0 || d.Reasons[0].Text == "" {
			t.Errorf("decision %s has no reason", d.ID)
		}
	}
	eventually(t, 30*time.Second, "every transfer to be done in the history", func(ctx context.Context) (bool, error) {
		var page struct {
			Items []struct {
				Name  string `json:"name"`
				State string `json:"state"`
				Error string `json:"error"`
			} `json:"items"`
		}
		if _, err := s.API.Do(ctx, http.MethodGet, "/api/v1/transfers?limit=500", nil, &page); err != nil {
			return false, err
		}
		if len(page.Items) != 4 {
			return false, fmt.Errorf("%d transfers, want 4: %+v", len(page.Items), page.Items)
		}
		for _, x := range page.Items {
			if x.State != "done" {
				return false, fmt.Errorf("transfer %+v is not done", x)
			}
		}
		return true, nil
	})
}

func TestADrainedNodesSessionsMoveAndItGoes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	small(t, s, 2, 40)
	content := tree(t, s.Path("source"), 20, 64<<20)
	c, err := s.StartCopy(t.Context(), "mover", s.Path("source")+"/", "c:/moved/")
	if err != nil {
		t.Fatal(err)
	}
	busy := serverOf(t, s, "mover")
	must(t, s, "node", "drain", busy.ID, "--reason", "test")
	if err := c.Wait(t.Context(), 60*time.Second); err != nil {
		t.Fatal(err)
	}
	sameTree(t, s.Path("storage", "moved"), content)
	if c.Result.Moved == 0 {
		t.Errorf("the session stayed on a draining node: %+v", c.Result)
	}
	eventually(t, 60*time.Second, "the drained node to end", func(ctx context.Context) (bool, error) {
		n, err := s.API.Node(ctx, busy.ID)
		return n.State == "terminated", err
	})
}

func TestATransferServiceThatDiesIsRestarted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	small(t, s, 1, 100)
	nodes, err := s.API.Nodes(t.Context())
	if err != nil || len(nodes) == 0 {
		t.Fatal(nodes, err)
	}
	out, err := exec.Command("pgrep", "-f", "transferd.*"+nodes[0].InstanceID).Output()
	if err != nil {
		t.Fatalf("the transfer service of %s: %v", nodes[0].InstanceID, err)
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the restart to be reported", func(ctx context.Context) (bool, error) {
		var n struct {
			Services []struct {
				Healthy  bool `json:"healthy"`
				Restarts int  `json:"restarts"`
			} `json:"services"`
		}
		_, err := s.API.Do(ctx, http.MethodGet, "/api/v1/nodes/"+nodes[0].ID, nil, &n)
		for _, x := range n.Services {
			if x.Restarts > 0 && x.Healthy {
				return true, nil
			}
		}
		return false, err
	})
	content := tree(t, s.Path("source"), 10, 0)
	must(t, s, "cp", "-r", s.Path("source")+"/", "c:/after/")
	sameTree(t, s.Path("storage", "after"), content)
}
