// Package demo shows on one machine what Godwit is for: a manager with its
// private Postgres, nodes that policy launches and retires, and real files that
// travel through them while nodes and the manager itself are killed.
//
// Everything runs as in production and is driven from outside: the manager and
// the copies are processes of their own, the console's API is the only way in,
// and the report is derived from what the system's sha256sum and Postgres say.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// Config says where and how to play.
type Config struct {
	Dir  string // everything is kept below it; made when missing
	Once bool   // end after the story instead of staying up
	Out  io.Writer
}

// How much load there is.
const (
	bigFiles    = 4
	bigSize     = 256 << 20
	loadPushes  = 10
	loadPulls   = 2
	lateClients = 2
)

// The cluster of the demo. A node's cap is small, so that a handful of copies
// is real load, and the windows are short, so that the story fits minutes.
const (
	nodeCapMbps     = 160
	sessionRateMbps = 40
	minAvailable    = 2
	maxNodes        = 6
	scaleInSeconds  = 15
)

// Run plays the demo once and, unless told otherwise, stays up until ctx ends.
// Whatever happens, nothing that it started survives it. An error says that
// something did not go as promised.
func Run(ctx context.Context, cfg Config) (err error) {
	started := time.Now()
	d, err := prepare(cfg)
	if err != nil {
		return err
	}
	defer func() { //nolint:contextcheck // ctx may be over, and things must end all the same
		d.narrator.close()
		left := d.Close()
		err = errors.Join(err, removeOutside(d.Dir))
		if rep, rerr := d.closeReport(left); rerr != nil {
			err = errors.Join(err, rerr)
		} else if rep != nil {
			err = errors.Join(err, rep.verdict())
		}
	}()
	if err := d.play(ctx); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted before the story ended")
		}
		// What Postgres knows helps to find out why.
		if rerr := d.readPostgres(ctx, 0); rerr == nil {
			d.tell("the story broke off; logs and evidence are in %s", d.Dir)
		}
		return err
	}
	if err := d.collect(ctx, started); err != nil {
		return err
	}
	if cfg.Once {
		return nil
	}
	d.say("The console stays up at %s until Ctrl-C. To try it yourself:", d.API.URL)
	d.tell("  export GODWIT_CONFIG=%s", d.Profile())
	d.tell("  %s node list", d.Bin("godwit"))
	d.tell("  %s cp -r /usr/share/doc demo:/mine", d.Bin("godwit"))
	<-ctx.Done()
	d.say("Cleaning up.")
	return nil
}

// show is one running demo: a stage, and what is told about it.
type show struct {
	*stage.Stage
	cfg       Config
	started   time.Time
	restarts  int // of the manager
	narrator  *narrator
	collected *Report
}

func prepare(cfg Config) (*show, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, tool := range []string{"sha256sum", "find", "sort", "xargs", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("the demo needs %s: %w", tool, err)
		}
	}
	if err := Clean(cfg.Dir); err != nil {
		return nil, err
	}
	st, err := stage.New(cfg.Dir, filepath.Dir(self))
	if err != nil {
		return nil, err
	}
	// Go's source tree will lie below: a module of its own keeps it out of the
	// ./... of a checkout that the demo plays in.
	if err := os.WriteFile(st.Path("go.mod"), []byte("module demo\n"), 0o644); err != nil {
		return nil, fmt.Errorf("the demo's directory: %w", err)
	}
	d := &show{Stage: st, cfg: cfg, started: time.Now()}
	for _, sub := range []string{"evidence", "source", "storage", "pulled"} {
		if err := os.MkdirAll(d.Path(sub), 0o755); err != nil {
			return nil, fmt.Errorf("the demo's directory: %w", err)
		}
	}
	return d, nil
}

// say narrates one step with the time since the start.
func (d *show) say(format string, a ...any) {
	s := int(time.Since(d.started).Seconds())
	fmt.Fprintf(d.cfg.Out, "[%2d:%02d] %s\n", s/60, s%60, fmt.Sprintf(format, a...))
}

// tell prints a line below the last step.
func (d *show) tell(format string, a ...any) {
	fmt.Fprintf(d.cfg.Out, "        %s\n", fmt.Sprintf(format, a...))
}
