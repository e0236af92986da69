package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test be the programs that it starts.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "godwit-manager" || len(os.Args) > 1 && os.Args[1] == "hands" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := start(ctx, os.Args)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The whole path with a small crowd: nodes join, report and are counted.
func TestCrowdComesAlive(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "crowd") // not t.TempDir: socket paths are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bins := filepath.Join(dir, "bins")
	if err := os.Mkdir(bins, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bins+"/", "github.com/godwit/godwit/cmd/godwit", "github.com/godwit/godwit/cmd/godwit-node")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	o := options{Nodes: 10, Transfers: 50, For: time.Second, Dir: filepath.Join(dir, "stage"), Bins: bins, Out: filepath.Join(dir, "out.json")}
	if err := run(t.Context(), o); err != nil {
		log, _ := os.ReadFile(filepath.Join(o.Dir, "logs", "manager.log"))
		t.Fatalf("%v\n%s", err, log)
	}
	data, err := os.ReadFile(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	var f figures
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if f.Nodes != 10 || f.Transfers != 50 || len(f.Requests) != len(asked) || f.ManagerResident == 0 {
		t.Errorf("figures are incomplete: %s", data)
	}
	for _, r := range f.Requests {
		if r.Bytes < 100 {
			t.Errorf("%s answered only %d bytes", r.Path, r.Bytes)
		}
	}
}
