package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Stage is a directory with one manager and what was started around it. Use
// its methods from one goroutine, except where they say otherwise.
type Stage struct {
	Dir  string // absolute; everything is kept below it
	Bins string // directory of godwit, godwit-manager and godwit-node

	Manager *Manager // nil before Start
	API     *API     // nil before Start; as administrator after FirstRun
	Copies  []*Copy

	Password string // of the user admin, after FirstRun
	Key      AccessKey
}

// New makes dir and checks that the commands are there.
func New(dir, bins string) (*Stage, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Stage{Dir: dir, Bins: bins}
	for _, b := range []string{"godwit", "godwit-manager", "godwit-node"} {
		if _, err := os.Stat(s.Bin(b)); err != nil {
			return nil, fmt.Errorf("%w; build all commands with: make build", err)
		}
	}
	if err := os.MkdirAll(s.Path("logs"), 0o755); err != nil {
		return nil, err
	}
	return s, nil
}

// Bin is the path of a command.
func (s *Stage) Bin(name string) string { return filepath.Join(s.Bins, name) }

// Path joins elements below the stage's directory.
func (s *Stage) Path(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// Profile is the file with the command line's sign-in, for GODWIT_CONFIG.
func (s *Stage) Profile() string { return s.Path("profiles.json") }

// Close ends everything in order: copies, then the cluster's nodes as an
// operator would, then the manager. It returns how many processes outlived
// that and had to be killed.
func (s *Stage) Close() int {
	for _, c := range s.Copies {
		c.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
	defer cancel()
	if s.API != nil && s.Manager.running() {
		s.deleteClusters(ctx)
	}
	s.Manager.Stop()
	deadline := time.Now().Add(5 * time.Second)
	for len(Processes(s.Dir)) > 0 && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
	return EndAll(s.Dir)
}

func (s *Stage) deleteClusters(ctx context.Context) {
	clusters, err := s.API.Clusters(ctx)
	if err != nil {
		return
	}
	for _, c := range clusters {
		_, _ = s.API.Do(ctx, "DELETE", "/api/v1/clusters/"+c, nil, nil)
	}
	_ = WaitFor(ctx, 40*time.Second, "the last nodes to go", func(ctx context.Context) (bool, error) {
		nodes, err := s.API.Nodes(ctx)
		return err == nil && len(nodes) == 0, err
	})
}

// WaitFor polls until done says so. When it never does, the error says what
// was waited for and the last thing that done complained of.
func WaitFor(ctx context.Context, limit time.Duration, what string, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := done(ctx)
		if ok {
			return nil
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		select {
		case <-ctx.Done():
			if last != nil {
				return fmt.Errorf("waited %s for %s: %w", limit, what, last)
			}
			return fmt.Errorf("waited %s in vain for %s", limit, what)
		case <-tick.C:
		}
	}
}

// FreeBytes is the space left for files below dir.
func FreeBytes(dir string) (uint64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}
