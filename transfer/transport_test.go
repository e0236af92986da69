package transfer

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func closed(err error) bool { return errors.Is(err, net.ErrClosed) }

// through makes a client that meets the node behind r and notes what data ride.
func (r *relay) client(t testing.TB) (*Client, func() []Transport) {
	var mu sync.Mutex
	var rode []Transport
	c := &Client{
		Specs: func(context.Context, Attempt) (Spec, error) { return r.spec, nil },
		Log:   testLog(t),
		OnEvent: func(e Event) {
			if e.Kind == EventTransport {
				mu.Lock()
				defer mu.Unlock()
				rode = append(rode, e.Transport)
			}
		},
	}
	return c, func() []Transport {
		mu.Lock()
		defer mu.Unlock()
		return rode
	}
}

// bothWays runs f for a push and a pull of a mixed tree between src and dst.
func bothWays(t *testing.T, f func(t *testing.T, n *node, job Job, src, dst string)) {
	bothWaysTuned(t, func(*Server) {}, f)
}

// bothWaysTuned is bothWays with a node that tune has seen.
func bothWaysTuned(t *testing.T, tune func(*Server), f func(t *testing.T, n *node, job Job, src, dst string)) {
	for _, dir := range []Direction{Push, Pull} {
		t.Run(string(dir), func(t *testing.T) {
			t.Parallel()
			n := startTuned(t, t.TempDir(), nil, tune)
			src, dst := filepath.Join(t.TempDir(), "src"), filepath.Join(n.root, "in/src")
			job := Job{Direction: dir, Sources: []string{src}, Destination: "in"}
			if dir == Pull {
				out := t.TempDir()
				src, dst = filepath.Join(n.root, "src"), filepath.Join(out, "src")
				job.Sources, job.Destination = []string{"src"}, out
			}
			tree(t, src, 200, 3, 5<<20)
			f(t, n, job, src, dst)
		})
	}
}

// TestDataRideTheControlConnectionWhereUDPIsBlocked: the same session with the
// same features, and the user is told.
func TestDataRideTheControlConnectionWhereUDPIsBlocked(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		r.blocked.Store(true)
		c, rode := r.client(t)
		res := mustRun(t, c, job)
		same(t, src, dst)
		if len(res.Sessions) != 1 || res.Files != 206 {
			t.Errorf("%+v", res)
		}
		if got := rode(); len(got) != 1 || got[0] != TransportTCP {
			t.Errorf("told of %v", got)
		}
		// Again: nothing travels, which the control connection alone can tell.
		if res = mustRun(t, c, job); res.Skipped != 208 || res.Files != 0 {
			t.Errorf("again: %+v", res)
		}
	})
}

func TestDataRideOnlyWhatTheUserWants(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		c, rode := r.client(t)
		job.Options.Transport = TransportTCP
		mustRun(t, c, job)
		same(t, src, dst)
		if r.toNode.Load() != 0 || r.toHere.Load() != 0 || len(rode()) != 0 {
			t.Errorf("%d datagrams to the node and %d back; told of %v", r.toNode.Load(), r.toHere.Load(), rode())
		}
		must(t, os.RemoveAll(dst))
		job.Options.Transport = TransportUDP
		mustRun(t, c, job)
		same(t, src, dst)
		if r.toNode.Load() == 0 || r.toHere.Load() == 0 || len(rode()) != 0 {
			t.Errorf("%d datagrams to the node and %d back; told of %v", r.toNode.Load(), r.toHere.Load(), rode())
		}
	})
}

// TestMuchMoreThanIsReadAheadRidesTheControlConnection: what is taken there makes
// room for more to be read.
func TestMuchMoreThanIsReadAheadRidesTheControlConnection(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		must(t, os.RemoveAll(src))
		tree(t, src, 0, 1, 40<<20)
		r := through(t, n)
		c, _ := r.client(t)
		job.Options.Transport = TransportTCP
		mustRun(t, c, job)
		same(t, src, dst)
	})
}

// TestDataLeaveUDPWhenItDiesAndReturn within one session.
func TestDataLeaveUDPWhenItDiesAndReturn(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		c, rode := r.client(t)
		job.Options = Options{Rate: 60e6}
		res, err := during(t, c, job, 1<<20, func(*Transfer) {
			r.blocked.Store(true)
			await(t, "change to the control connection", func() bool { return len(rode()) == 1 })
			before := n.Sessions()[0].Bytes
			await(t, "data there", func() bool { return len(n.Sessions()) == 0 || n.Sessions()[0].Bytes > before+1<<20 })
			r.blocked.Store(false)
			await(t, "return to UDP", func() bool { return len(rode()) == 2 })
		})
		if err != nil {
			t.Fatal(err)
		}
		same(t, src, dst)
		if got := rode(); got[0] != TransportTCP || got[1] != TransportUDP || len(res.Sessions) != 1 {
			t.Errorf("rode %v in %d sessions", got, len(res.Sessions))
		}
	})
}

// TestRatesHoldOnEveryTransport: 20 Mb/s make 2 MiB take 0.8 s at least.
func TestRatesHoldOnEveryTransport(t *testing.T) {
	t.Parallel()
	ratesHold(t, Options{Transport: TransportTCP}, 2<<20, 700*time.Millisecond)
}

// ratesHold has so many bytes travel at 20 Mb/s, by the client's wish and under a cap,
// and in no less than least.
func ratesHold(t *testing.T, o Options, size int, least time.Duration) {
	t.Helper()
	for _, dir := range []Direction{Push, Pull} {
		t.Run(string(dir), func(t *testing.T) {
			t.Parallel()
			n := startNode(t, t.TempDir(), nil)
			src := filepath.Join(t.TempDir(), "f")
			job := Job{Direction: dir, Sources: []string{src}, Destination: "g", Options: o}
			job.Options.Rate = 20e6
			if dir == Pull {
				src = filepath.Join(n.root, "f")
				job.Sources, job.Destination = []string{"f"}, t.TempDir()
			}
			write(t, src, size)
			began := time.Now()
			mustRun(t, client(t, n), job)
			if took := time.Since(began); took < least {
				t.Errorf("%d bytes at 20 Mb/s took %v", size, took)
			}
			// A node's cap holds too.
			n.SetCaps(20e6, 20e6)
			job.Options.Rate, job.Options.Overwrite = 0, OverwriteAlways
			began = time.Now()
			mustRun(t, client(t, n), job)
			if took := time.Since(began); took < least {
				t.Errorf("%d bytes under a cap of 20 Mb/s took %v", size, took)
			}
		})
	}
}

func TestSessionOverTCPResumes(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 16<<20)
	job := Job{Direction: Push, Sources: []string{src}, Destination: "f", Options: Options{Transport: TransportTCP, Rate: 100e6}}
	_, err := during(t, client(t, n), job, 8<<20, func(tr *Transfer) { tr.Cancel() })
	if CodeOf(err) != CodeCancelled {
		t.Fatalf("cancelled: %v", err)
	}
	await(t, "end of the session", func() bool { return len(n.Sessions()) == 0 })
	if r := mustRun(t, client(t, n), job); r.Files != 1 || r.Sent > 12<<20 {
		t.Errorf("second run sent %d bytes of %d: %+v", r.Sent, 16<<20, r)
	}
	same(t, filepath.Dir(src), n.root)
}
