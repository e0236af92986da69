package boot

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// play starts a manager whose nodes boot.
func play(t *testing.T) *stage.Stage {
	t.Helper()
	if rootFS == "" || bins == "" {
		t.Skip("needs root and a root file system: run make test-boot")
	}
	dir, err := os.MkdirTemp("", "boot-*")
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "bin")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Chmod(dir, 0o755), os.MkdirAll(own, 0o755), os.Symlink(self, filepath.Join(own, "godwit-manager")),
		os.Symlink(filepath.Join(bins, "godwit"), filepath.Join(own, "godwit")), os.Symlink(filepath.Join(bins, "godwit-node"), filepath.Join(own, "godwit-node")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := stage.New(dir, own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if t.Failed() {
			logs, _ := filepath.Glob(s.Path("machines", "*", "console"))
			for _, l := range append(logs, s.Path("logs", "manager.log")) {
				text, _ := os.ReadFile(l)
				t.Logf("%s:\n%s", l, text[max(0, len(text)-8000):])
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("something of the machines is left: %v", err)
		}
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.FirstRun(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The node's user on the machine is not one of this system's.
	share := s.Path("storage")
	if err := os.MkdirAll(share, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(share, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTenant(t.Context(), "tenant", "/srv/storage"); err != nil {
		t.Fatal(err)
	}
	return s
}

func cluster(t *testing.T, s *stage.Stage, name, script string, more ...map[string]any) {
	t.Helper()
	off := map[string]any{"enabled": false, "cap": 0}
	spec := map[string]any{"share": s.Path("storage"), "report_interval_s": 1, "first_boot_script": script, "sysctl": map[string]string{"net.ipv4.ip_local_port_range": "40000 50000"}}
	for _, fields := range more {
		maps.Copy(spec, fields)
	}
	policy := map[string]any{
		"max_nodes": 1, "min_available": 1, "launch_timeout_s": 120, "report_timeout_s": 8, "drain_timeout_s": 30,
		"signals": map[string]any{"cpu": off, "buffer": off},
	}
	if _, err := s.API.Do(t.Context(), http.MethodPost, "/api/v1/templates", map[string]any{"name": name, "provider": "nspawn", "spec": spec}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.API.Do(t.Context(), http.MethodPost, "/api/v1/clusters", map[string]any{"name": name, "template": name, "policy": policy}, nil); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, limit time.Duration, what string, done func(context.Context) (bool, error)) {
	t.Helper()
	if err := stage.WaitFor(t.Context(), limit, what, done); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, s *stage.Stage, name string) {
	t.Helper()
	if _, err := s.API.Do(t.Context(), http.MethodDelete, "/api/v1/clusters/"+name, nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the node to leave", func(ctx context.Context) (bool, error) {
		nodes, err := s.API.Nodes(ctx)
		return err == nil && len(nodes) == 0, err
	})
	if left, _ := os.ReadDir("/run/netns"); len(left) > 0 {
		t.Errorf("networks of machines are left: %v", left)
	}
}

func TestMachineBootsJoinsServesAndLeaves(t *testing.T) {
	s := play(t)
	begun := time.Now()
	lap := func(what string) { t.Logf("%5.1f s  %s", time.Since(begun).Seconds(), what) }
	cluster(t, s, "c", "#!/bin/sh\nset -eu\nid godwit\n! systemctl is-active godwit-node\necho first >/srv/storage/first-boot\n")
	eventually(t, 2*time.Minute, "the node to run", func(ctx context.Context) (bool, error) {
		n, err := s.API.Running(ctx)
		return n == 1, err
	})
	lap("booted, installed itself and joined")
	if proof, err := os.ReadFile(s.Path("storage", "first-boot")); err != nil || string(proof) != "first\n" {
		t.Errorf("the first-boot script left %q, %v", proof, err)
	}
	nodes, err := s.API.Nodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].Address != "10.77.0.10" || nodes[0].Port != 33001 {
		t.Errorf("nodes: %+v, %v", nodes, err)
	}

	sent := make([]byte, 20<<20)
	_, _ = rand.Read(sent)
	source, back := s.Path("source", "film.bin"), s.Path("back")
	if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(source, sent, 0o644); err != nil {
		t.Fatal(err)
	}
	copyFiles(t, s, "there", s.Path("source")+"/", "c:/in/")
	copyFiles(t, s, "back", "c:/in/", back+"/")
	for _, path := range []string{s.Path("storage", "in", "film.bin"), filepath.Join(back, "film.bin")} {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	lap("served a transfer there and back, verified")
	remove(t, s, "c")
	lap("drained and left, nothing of it is there")
}

func copyFiles(t *testing.T, s *stage.Stage, name, from, to string) {
	t.Helper()
	c, err := s.StartCopy(t.Context(), name, from, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
}

func TestFirstBootScriptThatFailsSaysWhy(t *testing.T) {
	s := play(t)
	cluster(t, s, "broken", "#!/bin/sh\necho looking for the scratch disk\necho no scratch disk >&2\nexit 3\n")
	var failed struct {
		ID     string `json:"id"`
		Reason string `json:"failure_reason"`
	}
	eventually(t, time.Minute, "a node to say that it failed", func(ctx context.Context) (bool, error) {
		var page struct {
			Items []json.RawMessage `json:"items"`
		}
		if _, err := s.API.Do(ctx, http.MethodGet, "/api/v1/nodes?limit=500&ended=true", nil, &page); err != nil {
			return false, err
		}
		for _, raw := range page.Items {
			if err := json.Unmarshal(raw, &failed); err == nil && failed.Reason != "" {
				return true, nil
			}
		}
		return false, nil
	})
	if want := "the first-boot script ended with code 3: looking for the scratch disk | no scratch disk"; failed.Reason != want {
		t.Errorf("the node says %q, want %q", failed.Reason, want)
	}
	var console struct {
		Text string `json:"text"`
	}
	if _, err := s.API.Do(t.Context(), http.MethodGet, "/api/v1/nodes/"+failed.ID+"/console", nil, &console); err != nil || !strings.Contains(console.Text, "no scratch disk") {
		t.Errorf("its console has %d bytes without the script's output (%v)", len(console.Text), err)
	}
	remove(t, s, "broken")
}

// The empty disk of a swap volume is swap when the first-boot script runs: found by its
// size among others, marked, turned on, and in the table for the next boot. What the
// kernel then moves there, and that a real machine's systemd turns it on at the next
// boot, which it leaves alone in containers, is not shown here.
func TestSwapVolumeIsSwapBeforeTheNodeServes(t *testing.T) {
	if _, err := os.Stat(zramControl); rootFS != "" && err != nil {
		t.Skip("this kernel has no zram, of which the disk is made")
	}
	s := play(t)
	cluster(t, s, "c", `#!/bin/sh
set -eu
tail -n +2 /proc/swaps >/srv/storage/swaps
disk=$(cut -d' ' -f1 /srv/storage/swaps)
blkid -p -o export "$disk" >/srv/storage/disk
grep swap /etc/fstab >/srv/storage/fstab
findmnt --verify --tab-file /etc/fstab >/srv/storage/verified 2>&1 || true
journalctl -b --no-pager -o cat | grep 'became swap' >/srv/storage/without || true
`, map[string]any{"swap_volume_gb": 1})
	eventually(t, 2*time.Minute, "the node to run", func(ctx context.Context) (bool, error) {
		n, err := s.API.Running(ctx)
		return n == 1, err
	})
	told := map[string]string{}
	for _, name := range []string{"swaps", "disk", "fstab", "verified", "without"} {
		text, err := os.ReadFile(s.Path("storage", name))
		if err != nil {
			t.Error(err)
		}
		told[name] = string(text)
	}
	on := strings.Fields(told["swaps"])
	if len(on) != 5 || !strings.HasPrefix(on[0], "/dev/zram") || on[1] != "partition" || on[2] != "1048572" { // KiB: 1 GiB without the header's page
		t.Errorf("the kernel swaps to %q", told["swaps"])
	}
	for _, word := range []string{"TYPE=swap", "LABEL=godwit-swap"} {
		if !strings.Contains(told["disk"], word) {
			t.Errorf("the disk lacks %s: %s", word, told["disk"])
		}
	}
	if told["fstab"] != "LABEL=godwit-swap none swap sw,nofail 0 0\n" || strings.Contains(told["verified"], "parse error") || told["without"] != "" {
		t.Errorf("the table says %q, which is seen as %q; the journal says %q", told["fstab"], told["verified"], told["without"])
	}
	remove(t, s, "c")
	left, err := os.ReadFile("/proc/swaps")
	if err != nil || len(on) > 0 && strings.Contains(string(left), on[0]) {
		t.Errorf("the machine is gone, and its swap is not: %s, %v", left, err)
	}
}
