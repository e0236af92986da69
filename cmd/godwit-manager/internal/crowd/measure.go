package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/internal/stage"
	"github.com/godwit/godwit/internal/version"
)

// figures are what is measured. Processor time is in cores: 1 is one core busy
// all the time.
type figures struct {
	At              time.Time       `json:"at"`
	Commit          string          `json:"commit"`
	Machine         string          `json:"machine"`
	Nodes           int             `json:"nodes"`
	Transfers       int             `json:"transfers"`
	Seconds         float64         `json:"seconds"`
	ManagerCores    float64         `json:"manager_cores"`
	PostgresCores   float64         `json:"postgres_cores"`
	CrowdCores      float64         `json:"crowd_cores"`
	ManagerResident int64           `json:"manager_resident_bytes"`
	Requests        []latency       `json:"requests"`
	Browser         json.RawMessage `json:"browser,omitempty"`
}

// latency of one kind of request, one after the other on a kept connection.
type latency struct {
	Path     string  `json:"path"`
	Bytes    int     `json:"bytes"`
	MedianMS float64 `json:"median_ms"`
	WorstMS  float64 `json:"worst_ms"`
}

// asked are the requests that the console makes most.
var asked = []string{
	"/api/v1/overview",
	"/api/v1/nodes?limit=100",
	"/api/v1/transfers?limit=100",
	"/api/v1/transfers?limit=100&state=running",
	"/api/v1/decisions?limit=100",
}

// count asks the API how many nodes run and how many sessions they have.
func count(ctx context.Context, s *stage.Stage) (running, sessions int, err error) {
	var page struct {
		Sessions int `json:"sessions"`
		Nodes    []struct {
			State string `json:"state"`
		} `json:"nodes"`
	}
	if _, err := s.API.Do(ctx, http.MethodGet, "/api/v1/overview", nil, &page); err != nil {
		return 0, 0, err
	}
	for _, n := range page.Nodes {
		if n.State == "running" {
			running++
		}
	}
	return running, page.Sessions, nil
}

// measure watches the processes while nobody but this asks the manager
// anything, then asks it.
func measure(ctx context.Context, s *stage.Stage, crowd int, o options) (*figures, error) {
	f := &figures{
		At: time.Now().UTC().Truncate(time.Second), Commit: version.Version, Nodes: o.Nodes, Transfers: max(1, o.Transfers/o.Nodes) * o.Nodes,
		Machine: fmt.Sprintf("%s, %d cores, %s", processor(), runtime.NumCPU(), runtime.Version()),
	}
	say("measuring for %s", o.For)
	began, before := time.Now(), usage(s.Manager.PID(), crowd)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(o.For):
	}
	after := usage(s.Manager.PID(), crowd)
	f.Seconds = time.Since(began).Seconds()
	f.ManagerCores = (after.manager - before.manager) / f.Seconds
	f.PostgresCores = (after.postgres - before.postgres) / f.Seconds
	f.CrowdCores = (after.crowd - before.crowd) / f.Seconds
	f.ManagerResident = after.resident
	for _, path := range asked {
		l, err := ask(ctx, s, path)
		if err != nil {
			return nil, err
		}
		f.Requests = append(f.Requests, l)
	}
	return f, nil
}

// look lets the browser look, if there is one.
func (f *figures) look(ctx context.Context, s *stage.Stage, browser string) error {
	if browser == "" {
		return nil
	}
	out, err := exec.CommandContext(ctx, "node", browser, s.API.URL, "admin", s.Password, s.Path("pictures")).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return fmt.Errorf("browser: %w", err)
	}
	f.Browser = out
	return nil
}

func ask(ctx context.Context, s *stage.Stage, path string) (latency, error) {
	l := latency{Path: path}
	var took []float64
	for range 20 {
		var body json.RawMessage
		began := time.Now()
		if _, err := s.API.Do(ctx, http.MethodGet, path, nil, &body); err != nil {
			return l, err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		l.Bytes = len(body)
	}
	slices.Sort(took)
	l.MedianMS, l.WorstMS = took[len(took)/2], took[len(took)-1]
	return l, nil
}

func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}

func (f *figures) write(path string) error {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	_, err = os.Stdout.Write(data)
	return err
}
