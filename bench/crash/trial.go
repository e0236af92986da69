package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/godwit/godwit/bench/fileset"
	"github.com/godwit/godwit/transfer"
)

// bench is what all trials share: a served directory, the tree on either side.
type bench struct {
	godwit   string // the program
	dir      string
	identity string
	asked    int64  // size of the tree, about
	rate     string // of the copies, as godwit cp takes it; "": as fast as it goes
	bytes    int64
	usual    time.Duration // of a transfer that nobody kills, running

	server *server
}

// open makes the trees and starts the server.
func open(ctx context.Context, godwit, dir string, bytes int64, seed uint64) (*bench, error) {
	b := &bench{godwit: godwit, dir: dir, asked: bytes, identity: filepath.Join(dir, "identity")}
	set := fileset.Mixed(bytes)
	if err := errors.Join(os.MkdirAll(b.here(), 0o755), os.MkdirAll(b.there(), 0o755)); err != nil {
		return nil, err
	}
	if err := set.Make(b.here("src"), seed); err != nil {
		return nil, err
	}
	if err := mirror(b.here("src"), b.there("src")); err != nil {
		return nil, err
	}
	b.bytes = set.Bytes(seed)
	var err error
	b.server, err = runServer(ctx, godwit, b.identity, "127.0.0.1:0", b.there())
	return b, err
}

// mirror gives each file of one tree a second name in another.
func mirror(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Mkdir(filepath.Join(to, name), 0o755)
		}
		return os.Link(at, filepath.Join(to, name))
	})
}

func (b *bench) close() { b.server.kill() }

// here is a path on the client's side, there one on the server's.
func (b *bench) here(p ...string) string {
	return filepath.Join(append([]string{b.dir, "client"}, p...)...)
}
func (b *bench) there(p ...string) string {
	return filepath.Join(append([]string{b.dir, "server"}, p...)...)
}

// way is a direction and what it means for the paths.
type way struct {
	pull     bool
	src, dst string
}

func (b *bench) way(pull bool) way {
	if pull {
		return way{true, b.there("src"), b.here("dst")}
	}
	return way{false, b.here("src"), b.there("dst")}
}

func (w way) String() string {
	if w.pull {
		return "pull"
	}
	return "push"
}

// run starts the copy.
func (b *bench) run(ctx context.Context, w way) (*client, error) {
	args := []string{w.src + "/", b.server.address + "/dst/"}
	if w.pull {
		args = []string{b.server.address + "/src/", w.dst + "/"}
	}
	if b.rate != "" {
		args = append([]string{"--rate", b.rate}, args...)
	}
	return runClient(ctx, b.godwit, args...)
}

// clear takes away what a trial made.
func (b *bench) clear(w way) error { return os.RemoveAll(w.dst) }

// outcome is how one trial went.
type outcome struct {
	way     way
	victim  string
	after   time.Duration // when it was killed
	midway  bool          // before the copy was done
	durable int64         // bytes that were safe then
	again   int64         // bytes sent again of those
	litter  int           // files left over
}

func (o outcome) String() string {
	return fmt.Sprintf("%s, %s killed after %v with %d bytes durable: %d sent again", o.way, o.victim, o.after.Round(time.Millisecond), o.durable, o.again)
}

// trial copies the tree and kills one end on the way, as the seed says. It
// fails unless the copy ends well and what was durable stays where it is.
func (b *bench) trial(ctx context.Context, seed uint64) (o outcome, err error) {
	r := rand.New(rand.NewPCG(seed, 0x6b696c6c))
	w := b.way(r.IntN(2) == 1)
	o = outcome{way: w, victim: [...]string{"client", "server"}[r.IntN(2)]}
	o.after = time.Duration(r.Float64() * 1.02 * float64(b.usual))
	if err := b.clear(w); err != nil {
		return o, err
	}
	c, err := b.run(ctx, w)
	if err != nil {
		return o, err
	}
	defer c.kill()
	began := time.Now()
	select {
	case <-c.done:
		b.usual = time.Since(began) // the machine has less to do than it had
	case <-time.After(o.after):
		o.midway = true
	}
	res, err := b.afterwards(ctx, &o, c)
	if err != nil {
		return o, err
	}
	for _, s := range res {
		o.again += s.Bytes - s.Resent
	}
	o.again = max(o.again-(b.bytes-o.durable), 0)
	if o.again > o.durable/100 {
		return o, fmt.Errorf("%v: that is %.1f %%", o, 100*float64(o.again)/float64(o.durable))
	}
	left, err := litter(w.dst)
	if err != nil {
		return o, err
	}
	if o.litter = len(left); o.litter > 0 {
		return o, fmt.Errorf("%v: %d files are left over, such as %s", o, o.litter, left[0])
	}
	if err := fileset.Compare(w.src, w.dst); err != nil {
		return o, fmt.Errorf("%v: %w", o, err)
	}
	return o, nil
}

// afterwards kills the victim, notes what is durable, brings the copy to its
// end and says which sessions that took.
func (b *bench) afterwards(ctx context.Context, o *outcome, c *client) (sessions []transfer.SessionUse, err error) {
	if o.victim == "client" {
		c.kill()
		if o.durable, err = durable(o.way.src, o.way.dst); err != nil {
			return nil, err
		}
		second, err := b.run(ctx, o.way)
		if err != nil {
			return nil, err
		}
		defer second.kill()
		res, err := second.result()
		if err == nil && len(res.Failed) > 0 {
			err = fmt.Errorf("%v: the second run failed for %d files: %w", o, len(res.Failed), &transfer.Error{Code: res.Failed[0].Code, Message: res.Failed[0].Path + ": " + res.Failed[0].Message})
		}
		return res.Sessions, err
	}
	b.server.kill()
	o.durable, err = durable(o.way.src, o.way.dst)
	next, nerr := b.server.again(ctx, b.godwit, b.identity, b.there())
	if err := errors.Join(err, nerr); err != nil {
		return nil, err
	}
	b.server = next
	res, err := c.result()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", o, err)
	}
	if len(res.Failed) > 0 {
		return nil, fmt.Errorf("%v: it failed for %d files: %w", o, len(res.Failed), &transfer.Error{Code: res.Failed[0].Code, Message: res.Failed[0].Path + ": " + res.Failed[0].Message})
	}
	if n := len(res.Sessions); n > 0 && o.midway && res.Sessions[0].Reason != "" { // the first is that of the server that died
		return res.Sessions[1:], nil
	}
	if o.midway {
		return res.Sessions, nil
	}
	return nil, nil
}

// measure learns how long a copy takes.
func (b *bench) measure(ctx context.Context) error {
	for _, pull := range []bool{false, true} {
		w := b.way(pull)
		if err := b.clear(w); err != nil {
			return err
		}
		began := time.Now()
		c, err := b.run(ctx, w)
		if err != nil {
			return err
		}
		if _, err := c.result(); err != nil {
			return err
		}
		if err := fileset.Compare(w.src, w.dst); err != nil {
			return err
		}
		b.usual = max(b.usual, time.Since(began))
	}
	return nil
}

// replay is what a person may paste to see a trial again.
func (b *bench) replay(seed uint64) string {
	return fmt.Sprintf("make trial-kill TRIALS=1 SEED=%d BYTES=%d", seed, b.asked)
}
