package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

const (
	defaultFor = time.Minute
	// patience bounds the start of all nodes: joins cost both ends key work.
	patience = 20 * time.Minute
	tenants  = 100
)

type options struct {
	Nodes, Transfers        int
	For                     time.Duration
	Dir, Bins, Out, Browser string
	Profile                 string
	Hold                    bool
}

// run sets the scene, waits until all nodes and transfers are there, measures.
func run(ctx context.Context, o options) error {
	s, err := prepare(o)
	if err != nil {
		return err
	}
	say("starting the manager in %s", s.Dir)
	if err := s.Start(ctx, profiling(o)...); err != nil {
		return err
	}
	defer s.Manager.Stop()
	if err := s.FirstRun(ctx); err != nil {
		return err
	}
	cloud, err := startHands(ctx, s, o)
	if err != nil {
		return err
	}
	defer cloud.end()
	if err := populate(ctx, s, o); err != nil {
		return err
	}
	if err := arrive(ctx, s, o); err != nil {
		return err
	}
	figures, err := measure(ctx, s, cloud.cmd.Process.Pid, o)
	if err != nil {
		return err
	}
	failure := figures.look(ctx, s, o.Browser)
	if err := figures.write(o.Out); err != nil {
		return err
	}
	if o.Hold {
		say("console: %s, user admin, password %s; interrupt to end", s.API.URL, s.Password)
		<-ctx.Done()
	}
	return failure
}

func profiling(o options) []string {
	if o.Profile == "" {
		return nil
	}
	return []string{"--profile", o.Profile}
}

func say(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }

// prepare empties the directory and puts this program where the manager's is
// looked for.
func prepare(o options) (*stage.Stage, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	stage.EndAll(dir)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	bins := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bins, 0o755); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	from, err := filepath.Abs(o.Bins)
	if err != nil {
		return nil, err
	}
	for name, target := range map[string]string{
		"godwit-manager": self, "godwit": filepath.Join(from, "godwit"), "godwit-node": filepath.Join(from, "godwit-node"),
	} {
		if err := os.Symlink(target, filepath.Join(bins, name)); err != nil {
			return nil, err
		}
	}
	return stage.New(dir, bins)
}

// process is a child that ends with its parent.
type process struct{ cmd *exec.Cmd }

func startHands(ctx context.Context, s *stage.Stage, o options) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "hands", "--socket", s.Path(socketFile), "--dir", s.Path("nodes"), //nolint:noctx // ended in order, see end
		"--tenants", s.Path("tenants"), "--sessions", fmt.Sprint(max(1, o.Transfers/o.Nodes)))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("simulated cloud: %w", err)
	}
	return &process{cmd}, stage.WaitFor(ctx, 10*time.Second, "the simulated cloud", func(context.Context) (bool, error) {
		_, err := os.Stat(s.Path(socketFile))
		return err == nil, err
	})
}

func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// populate makes tenants and one cluster that wants all nodes at once.
func populate(ctx context.Context, s *stage.Stage, o options) error {
	var ids []string
	if err := os.MkdirAll(s.Path("storage"), 0o755); err != nil {
		return err
	}
	for i := range tenants {
		var key stage.AccessKey
		_, err := s.API.Do(ctx, http.MethodPost, "/api/v1/access-keys", map[string]any{
			"name": fmt.Sprintf("studio-%02d", i), "permissions": []string{"read", "write", "list"},
			"storage": map[string]any{"type": "local", "path": s.Path("storage")},
		}, &key)
		if err != nil {
			return err
		}
		ids = append(ids, key.ID)
	}
	if err := os.WriteFile(s.Path("tenants"), []byte(strings.Join(ids, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	if _, err := s.API.Do(ctx, http.MethodPost, "/api/v1/templates", map[string]any{
		"name": "crowd", "provider": providerName, "spec": map[string]any{},
	}, nil); err != nil {
		return err
	}
	_, err := s.API.Do(ctx, http.MethodPost, "/api/v1/clusters", map[string]any{
		"name": "crowd", "template": "crowd", "policy": map[string]any{
			"max_nodes": o.Nodes, "min_available": o.Nodes * 9 / 10, "launch_limit": map[string]any{"count": 2000, "per_seconds": 10},
			"launch_timeout_s": 3600, "report_timeout_s": 120, "session_rate_mbps": 50,
		},
	}, nil)
	if err != nil {
		return err
	}
	_, err = s.API.Do(ctx, http.MethodPost, "/api/v1/clusters/crowd/scale", map[string]any{"nodes": o.Nodes}, nil)
	return err
}

// arrive waits until everything that was asked for is live.
func arrive(ctx context.Context, s *stage.Stage, o options) error {
	began, told := time.Now(), time.Time{}
	sessions := max(1, o.Transfers/o.Nodes) * o.Nodes
	var asked time.Time
	err := stage.WaitFor(ctx, patience, "all simulated nodes", func(ctx context.Context) (bool, error) {
		if time.Since(asked) < 2*time.Second { // the answer is long: not to be a load of its own
			return false, errors.New("they are not all there")
		}
		asked = time.Now()
		running, live, err := count(ctx, s)
		if err != nil {
			return false, err
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			say("%4.0f s: %d of %d nodes run, %d of %d transfers are live", time.Since(began).Seconds(), running, o.Nodes, live, sessions)
		}
		if running < o.Nodes || live < sessions {
			return false, errors.New("they are not all there")
		}
		return true, nil
	})
	if err == nil {
		say("%.0f s: all are there", time.Since(began).Seconds())
	}
	return err
}
