package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// traffic is copies that follow one another as long as anybody looks.
type traffic struct {
	s      *stage.Stage
	copies []*stage.Copy
	serial int
	ended  int
	moved  int
}

func (x *traffic) start(t *testing.T) *stage.Copy {
	t.Helper()
	x.serial++
	c, err := x.s.StartCopy(t.Context(), fmt.Sprint("traffic-", x.serial), x.s.Path("source")+"/", fmt.Sprintf("c:/traffic-%d/", x.serial))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// keep starts another copy for each that has ended, and wants that to have gone well.
func (x *traffic) keep(t *testing.T) {
	t.Helper()
	for i, c := range x.copies {
		if c.Running() {
			continue
		}
		x.settle(t, c)
		x.copies[i] = x.start(t)
	}
}

// settle waits for a copy, which must have sent every byte once.
func (x *traffic) settle(t *testing.T, c *stage.Copy) {
	t.Helper()
	if err := c.Wait(t.Context(), 60*time.Second); err != nil {
		t.Fatal(err)
	}
	r := c.Result
	if len(r.Failed) > 0 {
		t.Errorf("%s: %d files failed: %v", c.Name, len(r.Failed), r.Failed[0])
	}
	// Who begins anew sends everything twice; who moves, what was under way. What
	// was sent again after loss is neither.
	sent := int64(0)
	for _, u := range r.Sessions {
		sent += u.Bytes - u.Resent
	}
	if sent > r.Bytes*3/2 || len(r.Sessions) > r.Moved+1 {
		t.Errorf("%s sent %d bytes for %d in %d sessions with %d moves", c.Name, sent, r.Bytes, len(r.Sessions), r.Moved)
	}
	x.ended++
	x.moved += r.Moved
}

type rolloutStatus struct {
	State    string
	Total    int
	Replaced int
	Failures int
	Doing    string
	Reason   string
}

func statusOf(t *testing.T, s *stage.Stage) rolloutStatus {
	t.Helper()
	var r rolloutStatus
	if err := json.Unmarshal([]byte(must(t, s, "rollout", "status", "c", "-o", "json")), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// programs are the node programs of all running nodes, by node.
func programs(t *testing.T, s *stage.Stage) map[string]string {
	t.Helper()
	nodes, err := s.API.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for _, n := range nodes {
		if n.State != "running" {
			continue
		}
		processes, _ := filepath.Glob("/proc/[0-9]*")
		for _, p := range processes {
			arguments, _ := os.ReadFile(filepath.Join(p, "cmdline"))
			if program, err := os.Readlink(filepath.Join(p, "exe")); err == nil && strings.Contains(string(arguments), n.InstanceID) {
				of[n.ID] = filepath.Base(program)
			}
		}
	}
	return of
}

// A live cluster of three is upgraded to another node program while files are
// copied all along, and then to one that does not start: that is taken back by
// itself.
func TestALiveClusterIsUpgradedUnderTransfersAndASickProgramIsRolledBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if err := os.MkdirAll(s.Path("programs"), 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(s.Bin("godwit-node"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"godwit-node-2": program, "broken": []byte("#!/bin/sh\necho cannot start >&2\nexit 1\n")} {
		if err := os.WriteFile(s.Path("programs", name), content, 0o755); err != nil { //nolint:gosec // a program is executable
			t.Fatal(err)
		}
	}
	small(t, s, 3, 20, "--local-programs", s.Path("programs"))
	upgrade := func(program string) {
		spec := fmt.Sprintf(`{"report_interval_s": 1, "program": %q, "node": {"send_cap_mbps": 20, "receive_cap_mbps": 20, "max_sessions": 50}}`, program)
		if err := os.WriteFile(s.Path("spec.json"), []byte(spec), 0o644); err != nil {
			t.Fatal(err)
		}
		must(t, s, "template", "set", "c", "-f", s.Path("spec.json"))
	}
	tree(t, s.Path("source"), 40, 12<<20)
	before := programs(t, s)
	if len(before) != 3 {
		t.Fatalf("%v run", before)
	}
	x := &traffic{s: s}
	for range 3 {
		x.copies = append(x.copies, x.start(t))
	}

	upgrade("godwit-node-2")
	if out := must(t, s, "rollout", "start", "c"); !strings.Contains(out, "rolling") {
		t.Errorf("rollout start says\n%s", out)
	}
	refused(t, s, 2, "under way", "rollout", "start", "c")
	seen := map[int]bool{}
	eventually(t, 90*time.Second, "the rollout", func(context.Context) (bool, error) {
		x.keep(t)
		r := statusOf(t, s)
		seen[r.Replaced] = true
		if n, err := s.API.Running(t.Context()); err != nil || n < 3 {
			return false, fmt.Errorf("%d nodes run in the middle of a rollout: %w", n, err)
		}
		if r.State != "rolling" && r.State != "done" {
			t.Fatalf("it is %+v", r)
		}
		return r.State == "done", nil
	})
	for _, c := range x.copies {
		x.settle(t, c)
	}
	t.Logf("%d transfers ended well, %d moves; progress %v", x.ended, x.moved, seen)
	if x.moved == 0 || !seen[1] || !seen[2] || !seen[3] {
		t.Errorf("%d moves, progress %v", x.moved, seen)
	}
	after := programs(t, s)
	for id, program := range after {
		if _, old := before[id]; old || program != "godwit-node-2" {
			t.Errorf("node %s runs %s", id, program)
		}
	}

	upgrade("broken")
	out, errs, code := godwit(t, s, "rollout", "start", "c", "--watch", "--max-failures", "2")
	if code == 0 || !strings.Contains(errs, "2 new nodes came to nothing") || !strings.Contains(out, "rolled back") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if kept := programs(t, s); len(kept) != 3 || fmt.Sprint(kept) != fmt.Sprint(after) {
		t.Errorf("before it was rolled back %v ran, now %v", after, kept)
	}
	if out := must(t, s, "condition", "list", "--cluster", "c"); !strings.Contains(out, "rollout_rolled_back") {
		t.Errorf("nobody is told:\n%s", out)
	}
	must(t, s, "cp", s.Path("source", "big.bin"), "c:/after/")
}
