package result

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRowIsTheMedianOfEachFigure(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	runs := []Run{
		{Case: "c", Set: "big", Peer: "p", Seconds: 10, Bytes: 1e9, Files: 10, Limit: 1000, CPU: 1, Waste: 0.03, Complete: true, At: at},
		{Case: "c", Set: "big", Peer: "p", Seconds: 8, Bytes: 1e9, Files: 10, Limit: 1000, CPU: 3, Waste: 0.01, Complete: true, At: at},
		{Case: "c", Set: "big", Peer: "p", Seconds: 16, Bytes: 1e9, Files: 10, Limit: 1000, CPU: 2, Waste: 0.02, Complete: true, At: at},
	}
	rows := Rows(runs)
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	want := Row{Case: "c", Set: "big", Peer: "p", Mbps: 800, OfLimit: 80, FilesRate: 1, CPUPerGB: 2, Waste: 0.02, Date: "2026-01-02"}
	if rows[0] != want {
		t.Fatalf("got %+v\nwant %+v", rows[0], want)
	}
}

func TestRunThatDidNotEndHasNoFilesPerSecond(t *testing.T) {
	t.Parallel()
	rows := Rows([]Run{{Seconds: 30, Bytes: 5e6, Files: 5000}})
	if rows[0].FilesRate != 0 || rows[0].Mbps == 0 {
		t.Fatalf("%+v", rows[0])
	}
}

func TestNewRunsReplaceTheirCellOnly(t *testing.T) {
	t.Parallel()
	old := []Run{{Case: "a", Peer: "x", Seed: 1}, {Case: "b", Peer: "x", Seed: 1}, {Case: "a", Peer: "x", Seed: 2}}
	all := Merge(old, []Run{{Case: "a", Peer: "x", Seed: 9}})
	if len(all) != 2 || all[0].Case != "b" || all[1].Seed != 9 {
		t.Fatalf("%+v", all)
	}
}

func TestRunsSurviveTheirFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "runs.json")
	if runs, err := Read[Run](name); err != nil || runs != nil {
		t.Fatalf("no file: %v, %v", runs, err)
	}
	runs := []Run{{Case: "a", Seconds: 1.5, At: time.Unix(1, 0).UTC()}, {Case: "b", Complete: true, At: time.Unix(2, 0).UTC()}}
	if err := Write(name, runs); err != nil {
		t.Fatal(err)
	}
	back, err := Read[Run](name)
	if err != nil || len(back) != 2 || back[0] != runs[0] || back[1] != runs[1] {
		t.Fatalf("%+v, %v", back, err)
	}
}

func TestJainKnowsEqualFromOne(t *testing.T) {
	t.Parallel()
	if j := Jain([]float64{3, 3, 3, 3}); j != 1 {
		t.Errorf("equal shares: %v", j)
	}
	if j := Jain([]float64{5, 0, 0, 0}); j != 0.25 {
		t.Errorf("one has all: %v", j)
	}
}

func TestInsertChangesOnlyWhatIsBetweenTheMarks(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("head\n<!-- x -->\nold\n<!-- /x -->\ntail\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(page, "x", "new\n"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil || string(text) != "head\n<!-- x -->\nnew\n<!-- /x -->\ntail\n" {
		t.Fatalf("%q, %v", text, err)
	}
	if err := Insert(page, "y", "new"); err == nil || !strings.Contains(err.Error(), "y") {
		t.Fatalf("missing marks: %v", err)
	}
}
