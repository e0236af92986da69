package fleet

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit/godwit/fleet/report"
)

func say(node string, seq uint64, sessions ...*report.Session) *report.Report {
	return &report.Report{Version: 1, NodeId: node, Boot: "b", BootUnixMs: 1, Seq: seq, Chunks: 1, Facts: &report.Facts{SendBps: 1}, Sessions: sessions}
}

func session(id, tenant string, started int64) *report.Session {
	return &report.Session{Id: id, Tenant: tenant, StartedUnixMs: started}
}

func TestOlderReportsAndOlderBootsAreIgnored(t *testing.T) {
	x := NewIndex(time.Now)
	x.Apply(say("n", 5))
	if x.Apply(say("n", 4)) {
		t.Error("a report from the past changed the picture")
	}
	reboot := say("n", 1)
	reboot.Boot, reboot.BootUnixMs = "c", 2
	if !x.Apply(reboot) {
		t.Error("the first report after a restart was ignored")
	}
	if x.Apply(say("n", 6)) {
		t.Error("a report of the boot before changed the picture")
	}
}

func TestReportCountsOnlyWhenWhole(t *testing.T) {
	x := NewIndex(time.Now)
	r := say("n", 1)
	for i := range 450 {
		r.Sessions = append(r.Sessions, session(fmt.Sprint(i), "a", int64(i)))
	}
	chunks := report.Split(r)
	if len(chunks) != 3 {
		t.Fatalf("%d chunks", len(chunks))
	}
	slices.Reverse(chunks)
	for i, c := range chunks {
		if changed := x.Apply(c); changed != (i == 2) {
			t.Errorf("chunk %d: changed %v", i, changed)
		}
	}
	if x.TenantSessions("a") != 450 {
		t.Errorf("%d sessions", x.TenantSessions("a"))
	}
}

func TestSilentNodeLeavesTotalsThenTheIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := NewIndex(time.Now)
		sub := x.Subscribe()
		defer sub.Close()
		x.Apply(say("n", 1, session("s", "a", 1)))
		time.Sleep(LiveAge - time.Second)
		if silent := x.Sweep(time.Hour); len(silent) != 0 || x.Totals().Nodes != 1 {
			t.Errorf("gone too early: %v", silent)
		}
		time.Sleep(2 * time.Second)
		if silent := x.Sweep(time.Hour); len(silent) != 1 {
			t.Errorf("not noticed: %v", silent)
		}
		if x.Totals() != (Totals{}) || x.TenantSessions("a") != 0 {
			t.Errorf("a silent node still counts: %+v", x.Totals())
		}
		if v, ok := x.Node("n"); !ok || !v.Stale(time.Now()) {
			t.Error("its last words are gone, or not stale")
		}
		x.Apply(say("n", 2, session("s", "a", 1)))
		if x.Totals().Nodes != 1 || x.TenantSessions("a") != 1 {
			t.Error("it came back and does not count")
		}
		time.Sleep(2 * time.Hour)
		x.Sweep(time.Hour)
		if len(x.Snapshot()) != 0 {
			t.Error("never forgotten")
		}
		if got := sub.Changed(); !slices.Equal(got, []string{"n"}) {
			t.Errorf("changed %v", got)
		}
	})
}

// The index after any history equals one built from the last report of each node, and pages list each session once, newest first.
func TestIndexEqualsItsLastReports(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := NewIndex(time.Now)
		last := map[string]*report.Report{}
		for seq := range rapid.Uint64Range(1, 30).Draw(t, "reports") {
			node := rapid.SampledFrom([]string{"n1", "n2", "n3"}).Draw(t, "node")
			if rapid.IntRange(0, 9).Draw(t, "remove") == 0 {
				x.Remove(node)
				delete(last, node)
				continue
			}
			r := say(node, seq+1)
			for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 6, rapid.ID).Draw(t, "sessions") {
				one := session(fmt.Sprint(node, id), rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "tenant"), int64(id%4))
				one.TransferId = rapid.SampledFrom([]string{"t1", "t2", ""}).Draw(t, "transfer")
				r.Sessions = append(r.Sessions, one)
			}
			x.Apply(r)
			last[node] = r
			if rapid.Bool().Draw(t, "look") { // sorting in between must not show later
				x.Page("a", Cursor{}, 2)
			}
		}
		for _, tenant := range []string{"a", "b", ""} {
			var want, got []string
			for _, r := range last {
				for _, s := range r.GetSessions() {
					if tenant == "" || s.GetTenant() == tenant {
						want = append(want, s.GetId())
					}
				}
			}
			var c Cursor
			previous := int64(1 << 60)
			for more := true; more; {
				var page []*Live
				page, c, more = x.Page(tenant, c, 2)
				for _, l := range page {
					if l.GetStartedUnixMs() > previous {
						t.Fatalf("order broken at %s", l.GetId())
					}
					previous = l.GetStartedUnixMs()
					got = append(got, l.GetId())
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Fatalf("tenant %q: pages list %v, reports have %v", tenant, got, want)
			}
		}
		moving := 0
		for node, r := range last {
			for _, s := range r.GetSessions() {
				if l, ok := x.Session(s.GetId()); !ok || l.NodeID != node {
					t.Fatalf("session %s is not found", s.GetId())
				}
				if s.GetTransferId() == "t1" {
					moving++
				}
			}
		}
		if got := len(x.Transfer("t1")); got != moving {
			t.Fatalf("transfer has %d sessions, reports have %d", got, moving)
		}
		if x.Totals().Nodes != len(last) {
			t.Fatalf("totals count %d nodes of %d", x.Totals().Nodes, len(last))
		}
	})
}
