package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func at(s int) time.Time { return time.Unix(int64(1000+s), 0) }

func ended(s int) *time.Time { t := at(s); return &t }

func TestTheTimeLineTellsHowManyNodesRan(t *testing.T) {
	t.Parallel()
	events := []nodeEventRow{
		{NodeID: "a", At: at(0), From: "booting", To: "running"},
		{NodeID: "b", At: at(1), From: "booting", To: "running"},
		{NodeID: "c", At: at(5), From: "booting", To: "running"},
		{NodeID: "a", At: at(6), From: "running", To: "lost"},
		{NodeID: "d", At: at(7), From: "booting", To: "running"},
		{NodeID: "c", At: at(9), From: "running", To: "draining"},
	}
	start, peak, final := nodesOverTime(events, []sessionRow{{StartedAt: at(3)}, {StartedAt: at(2)}})
	if start != 2 || peak != 3 || final != 2 {
		t.Errorf("start %d, peak %d, final %d; want 2, 3, 2", start, peak, final)
	}
}

func TestOnlySessionsEndedByADrainCountAsKilled(t *testing.T) {
	t.Parallel()
	events := []nodeEventRow{{NodeID: "a", At: at(10), To: "draining"}, {NodeID: "u", At: at(10), To: "draining"}, {NodeID: "u", At: at(11), To: "running"}}
	for _, tc := range []struct {
		name string
		s    sessionRow
		want int
	}{
		{"done while draining", sessionRow{NodeID: "a", EndedAt: ended(12), EndReason: "done"}, 0},
		{"moved while draining", sessionRow{NodeID: "a", EndedAt: ended(12), EndReason: "moved"}, 0},
		{"cut while draining", sessionRow{NodeID: "a", EndedAt: ended(12), EndReason: "lost"}, 1},
		{"cut before the drain", sessionRow{NodeID: "a", EndedAt: ended(9), EndReason: "lost"}, 0},
		{"cut on a node that was un-drained", sessionRow{NodeID: "u", EndedAt: ended(12), EndReason: "lost"}, 0},
		{"cut on a node that died", sessionRow{NodeID: "x", EndedAt: ended(12), EndReason: "lost"}, 0},
	} {
		if got := killedByScaleIn(events, []sessionRow{tc.s}); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestAReportThatIsNotAsPromisedSaysWhat(t *testing.T) {
	t.Parallel()
	good := Report{NodesPeak: 4, NodesFinal: 2, PolicyMinimum: 2, TransfersTotal: 3, TransfersMoved: 1, Decisions: 9, ManagerRestarts: 1}
	if err := good.verdict(); err != nil {
		t.Errorf("a good report: %v", err)
	}
	for _, tc := range []struct {
		spoil func(*Report)
		says  string
	}{
		{func(r *Report) { r.NodesPeak = 2 }, "grew to 2"},
		{func(r *Report) { r.NodesFinal = 3 }, "3 nodes are left"},
		{func(r *Report) { r.TransfersFailed = 1 }, "1 transfers failed"},
		{func(r *Report) { r.HashMismatches = 1 }, "1 files differ"},
		{func(r *Report) { r.SessionsKilled = 1 }, "ended by scaling in"},
		{func(r *Report) { r.LeakedProcesses = 1 }, "left behind"},
		{func(r *Report) { r.DecisionsWithoutReason = 1 }, "no reason"},
		{func(r *Report) { r.Decisions = 0 }, "no reason"},
		{func(r *Report) { r.ManagerRestarts = 0 }, "not restarted"},
		{func(r *Report) { r.TransfersMoved = 0 }, "another node"},
	} {
		r := good
		tc.spoil(&r)
		if err := r.verdict(); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("verdict %v does not say %q", err, tc.says)
		}
	}
}

func TestMovedCountsTransfersNotSessions(t *testing.T) {
	t.Parallel()
	got := moved([]sessionRow{
		{TransferID: "1", NodeID: "a"}, {TransferID: "1", NodeID: "b"}, {TransferID: "1", NodeID: "c"},
		{TransferID: "2", NodeID: "a"}, {TransferID: "2", NodeID: "a"},
	})
	if got != 1 {
		t.Errorf("moved %d, want 1", got)
	}
}

func TestCleanTouchesNoDirectoryThatIsNotADemos(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(mine, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Clean(dir); err == nil || !strings.Contains(err.Error(), "not a demo's directory") {
		t.Errorf("clean of a stranger's directory: %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}
