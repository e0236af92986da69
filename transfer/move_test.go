package transfer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// during runs a job and calls act once the job has moved the given share of
// its bytes.
func during(t *testing.T, c *Client, job Job, bytes int64, act func(*Transfer)) (Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tr, err := c.Start(ctx, job)
	must(t, err)
	await(t, "some progress", func() bool { return tr.Progress().Bytes >= bytes })
	act(tr)
	return tr.Wait()
}

// await polls until ok, for a while.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// slow keeps a job long enough to do something to it.
var slow = Options{Rate: 100e6, RetryMin: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond}

func TestJobGoesOnAtAnotherNodeWhenOneDies(t *testing.T) {
	t.Parallel()
	for _, dir := range []Direction{Push, Pull} {
		t.Run(string(dir), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir() // shared storage
			a, b := startNode(t, root, nil), startNode(t, root, nil)
			src := filepath.Join(t.TempDir(), "src")
			if dir == Pull {
				src = filepath.Join(root, "src")
			}
			for i := range 200 {
				write(t, filepath.Join(src, fmt.Sprintf("small/%d", i)), 100*i)
			}
			write(t, filepath.Join(src, "big"), 12<<20)
			job := Job{Direction: dir, Sources: []string{src}, Destination: "dst", Options: slow}
			dst := filepath.Join(root, "dst/src")
			if dir == Pull {
				out := t.TempDir()
				job.Sources, job.Destination = []string{"src"}, out
				dst = filepath.Join(out, "src")
			}
			r, err := during(t, client(t, a, b), job, 5<<20, func(*Transfer) { a.die() })
			if err != nil {
				t.Fatalf("%v: %+v", err, r)
			}
			if len(r.Failed) > 0 || r.Moved != 1 || len(r.Sessions) != 2 || r.Sessions[0].Reason != CodeLost {
				t.Errorf("result: %+v", r)
			}
			if r.Files != 201 {
				t.Errorf("%d files counted, want each once: 201", r.Files)
			}
			same(t, src, dst)
		})
	}
}

func TestDrainMovesSessions(t *testing.T) {
	t.Parallel()
	for _, dir := range []Direction{Push, Pull} {
		t.Run(string(dir), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			a, b := startNode(t, root, nil), startNode(t, root, nil)
			src := filepath.Join(t.TempDir(), "f")
			job := Job{Direction: dir, Sources: []string{src}, Destination: "in/f", Options: slow}
			dst := filepath.Join(root, "in/f")
			if dir == Pull {
				src = filepath.Join(root, "out/f")
				dst = filepath.Join(t.TempDir(), "f")
				job.Sources, job.Destination = []string{"out/f"}, dst
			}
			write(t, src, 12<<20)
			r, err := during(t, client(t, a, b), job, 3<<20, func(*Transfer) { a.Drain("test") })
			if err != nil || len(r.Failed) > 0 || r.Moved != 1 || r.Files != 1 {
				t.Fatalf("%v: %+v", err, r)
			}
			if r.Sessions[0].Reason != CodeMoved {
				t.Errorf("the first session ended with %q, want moved", r.Sessions[0].Reason)
			}
			same(t, filepath.Dir(src), filepath.Dir(dst))
			await(t, "end of the first node's session", func() bool { return len(a.Sessions()) == 0 })
			if n := a.Totals(); n.SessionsMoved != 1 || n.SessionsFailed != 0 {
				t.Errorf("totals of the drained node: %+v", n)
			}
			// What was durable did not travel again.
			if r.Sent > 12<<20+3<<20 {
				t.Errorf("%d bytes travelled for a file of %d", r.Sent, 12<<20)
			}
			// And it takes nobody new until it is told to.
			_, err = run(t, client(t, a), Job{Direction: Pull, Sources: []string{"x"}, Destination: dst, Options: Options{Retries: -1}})
			if CodeOf(err) != CodeDraining {
				t.Errorf("new session at a draining node: %v", err)
			}
			a.Undrain()
			_, err = run(t, client(t, a), Job{Direction: Pull, Sources: []string{"x"}, Destination: dst})
			if CodeOf(err) != CodeNotFound {
				t.Errorf("new session after the drain: %v", err)
			}
		})
	}
}

func TestKilledClientResumesByRunningAgain(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := t.TempDir()
	write(t, filepath.Join(src, "f"), 16<<20)
	job := Job{Direction: Push, Sources: []string{filepath.Join(src, "f")}, Destination: "f", Options: slow}
	_, err := during(t, client(t, n), job, 8<<20, func(tr *Transfer) { tr.Cancel() })
	if CodeOf(err) != CodeCancelled {
		t.Fatalf("cancelled: %v", err)
	}
	await(t, "end of the session", func() bool { return len(n.Sessions()) == 0 })
	r := mustRun(t, client(t, n), job)
	if r.Files != 1 || r.Sent > 12<<20 {
		t.Errorf("second run sent %d bytes of %d: %+v", r.Sent, 16<<20, r)
	}
	same(t, src, n.root)
}

func TestAPartThatWasDamagedMeanwhileIsSentAgainWhereItDiffers(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := t.TempDir()
	write(t, filepath.Join(src, "f"), 16<<20)
	job := Job{Direction: Push, Sources: []string{filepath.Join(src, "f")}, Destination: "f", Options: slow}
	_, err := during(t, client(t, n), job, 8<<20, func(tr *Transfer) { tr.Cancel() })
	if CodeOf(err) != CodeCancelled {
		t.Fatalf("cancelled: %v", err)
	}
	await(t, "end of the session", func() bool { return len(n.Sessions()) == 0 })
	parts, err := filepath.Glob(filepath.Join(n.root, ".godwit-*.part"))
	if err != nil || len(parts) != 1 {
		t.Fatal(parts, err)
	}
	f, err := os.OpenFile(parts[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 4096), 1<<20+5); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r := mustRun(t, client(t, n), job)
	if r.Files != 1 || r.Sent > 13<<20 {
		t.Errorf("second run sent %d bytes of %d: %+v", r.Sent, 16<<20, r)
	}
	same(t, src, n.root)
}

func TestBusyNodeIsTriedAgain(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "f"), 3<<20)
	full := startNode(t, root, func(c *ServerConfig, _ *grants) { c.MaxSessions = 1 })
	other := startNode(t, root, nil)
	long := Job{Direction: Pull, Sources: []string{"f"}, Destination: filepath.Join(t.TempDir(), "f"), Options: Options{Rate: 5e6}}
	_, err := during(t, client(t, full), long, 1, func(tr *Transfer) {
		_, err := run(t, client(t, full), Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir(), Options: Options{Retries: -1}})
		var e *Error
		if CodeOf(err) != CodeBusy || !asError(err, &e) || e.RetryAfter <= 0 {
			t.Errorf("at a full node: %v", err)
		}
		c := client(t, full, other)
		waited := false
		c.OnEvent = func(e Event) { waited = waited || e.Kind == EventWaiting && CodeOf(e.Err) == CodeBusy }
		r := mustRun(t, c, Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir()})
		if !waited || r.Moved != 1 {
			t.Errorf("waited %v, result %+v", waited, r)
		}
		tr.Cancel()
	})
	if CodeOf(err) != CodeCancelled {
		t.Errorf("long job: %v", err)
	}
}

func TestRateChangesWhileItRuns(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 24<<20)
	job := Job{Direction: Push, Sources: []string{src}, Destination: "f", Options: Options{Rate: 4e6}}
	r, err := during(t, client(t, n), job, 100_000, func(tr *Transfer) {
		// At 4 Mb/s the file takes 50 s, longer than this test may.
		tr.SetRate(400e6)
		await(t, "new target at the node", func() bool {
			s := n.Sessions()
			return len(s) == 1 && s[0].Target == 400e6
		})
		tr.SetPolicy(High)
		await(t, "new policy at the node", func() bool {
			s := n.Sessions()
			return len(s) == 0 || s[0].Policy == High
		})
	})
	if err != nil || r.Files != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
}

func TestNodesSessionRatesHoldForLiveAndNewSessions(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "f"), 8<<20)
	n := startNode(t, root, func(c *ServerConfig, _ *grants) { c.SessionRate, c.SessionCap = 3e6, 5e6 })
	target := func(want int64) func() bool {
		return func() bool {
			s := n.Sessions()
			return len(s) == 1 && s[0].Target == want
		}
	}
	job := Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir()}
	_, err := during(t, client(t, n), job, 1, func(tr *Transfer) {
		await(t, "the usual rate for a client that asks for none", target(3e6))
		tr.SetRate(50e6)
		await(t, "the cap for a client that asks for more", target(5e6))
		n.SetSessionRates(0, 20e6)
		await(t, "the new cap on the live session", target(20e6))
		n.SetSessionRates(0, 0)
		await(t, "what the client wants once there is no cap", target(50e6))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCiphersChangeForNewSessionsOnly(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "f"), 4<<20)
	n := startNode(t, root, func(c *ServerConfig, _ *grants) { c.Ciphers = []Cipher{AES128} })
	job := Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir(), Options: Options{Rate: 30e6}}
	_, err := during(t, client(t, n), job, 1, func(*Transfer) {
		if err := n.SetCiphers([]Cipher{"rot13"}); err == nil {
			t.Error("an unknown cipher was taken over")
		}
		if err := n.SetCiphers([]Cipher{ChaCha20}); err != nil {
			t.Error(err)
		}
		if s := n.Sessions(); len(s) != 1 || s[0].Cipher != AES128 {
			t.Errorf("live session: %+v", s)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	job.Destination = t.TempDir()
	_, err = during(t, client(t, n), job, 1, func(*Transfer) {
		if s := n.Sessions(); len(s) != 1 || s[0].Cipher != ChaCha20 {
			t.Errorf("new session: %+v", s)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOperatorLimitsAndCancels(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "f"), 4<<20)
	n := startNode(t, root, nil)
	job := Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir(), Options: Options{Rate: 8e6}}
	_, err := during(t, client(t, n), job, 1, func(*Transfer) {
		id := n.Sessions()[0].ID
		if !n.SetRate(id, 2e6) || n.SetRate("another", 1) {
			t.Error("SetRate does not know its sessions")
		}
		if s := n.Sessions()[0]; s.Target != 2e6 {
			t.Errorf("target %d", s.Target)
		}
		n.Cancel(id, nil)
	})
	if CodeOf(err) != CodeCancelled {
		t.Errorf("cancelled by the operator: %v", err)
	}
	await(t, "end of the session", func() bool { return len(n.Sessions()) == 0 })
}

func TestNodeCapIsShared(t *testing.T) {
	t.Parallel()
	const limit = 80e6
	root := t.TempDir()
	for i := range 3 {
		write(t, filepath.Join(root, fmt.Sprint(i)), 8<<20)
	}
	n := startNode(t, root, func(c *ServerConfig, _ *grants) { c.SendCap = limit })
	began := time.Now()
	done := make(chan error, 3)
	for i := range 3 {
		go func() {
			_, err := run(t, client(t, n), Job{Direction: Pull, Sources: []string{fmt.Sprint(i)}, Destination: t.TempDir()})
			done <- err
		}()
	}
	await(t, "three sessions under the cap", func() bool {
		var sum int64
		s := n.Sessions()
		for _, x := range s {
			sum += x.Share
			if x.Share == 0 {
				return false
			}
		}
		return len(s) == 3 && sum <= limit
	})
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	// 24 MiB at 80 Mb/s take 2.5 s; first bursts and the last tick may win a little.
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("24 MiB took %v, less than the cap allows", took)
	}
}

// A path that is faster than the node's cap carries no file before the sender
// knows of the cap.
func TestNodeCapHoldsFromTheFirstReport(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "file")
	write(t, source, 4<<20)
	n := startNode(t, t.TempDir(), func(c *ServerConfig, _ *grants) { c.ReceiveCap = 16e6 })
	began := time.Now()
	if _, err := run(t, client(t, n), Job{Direction: Push, Sources: []string{source}, Destination: "."}); err != nil {
		t.Fatal(err)
	}
	// At 16 Mb/s it takes 2.1 s, but for what leaves before the first report, which a
	// busy machine delays; without a cap a tenth of that.
	if took := time.Since(began); took < time.Second {
		t.Errorf("4 MiB took %v, less than the cap allows", took)
	}
}

// TestJobSurvivesManyDeaths: node after node dies at some moment of a mixed
// tree; each file arrives, once, and what was durable does not travel again.
func TestJobSurvivesManyDeaths(t *testing.T) {
	t.Parallel()
	for _, dir := range []Direction{Push, Pull} {
		t.Run(string(dir), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			nodes := make([]*node, 5)
			for i := range nodes {
				nodes[i] = startNode(t, root, nil)
			}
			src, dst := filepath.Join(t.TempDir(), "src"), filepath.Join(root, "in/src")
			job := Job{Direction: dir, Sources: []string{src}, Destination: "in", Options: slow}
			if dir == Pull {
				out := t.TempDir()
				src, dst = filepath.Join(root, "src"), filepath.Join(out, "src")
				job.Sources, job.Destination = []string{"src"}, out
			}
			tree(t, src, 150, 2, 5<<20)
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			tr, err := client(t, nodes...).Start(ctx, job)
			must(t, err)
			total := int64(12 << 20)
			for i, n := range nodes[:4] {
				await(t, "progress", func() bool {
					return tr.Progress().Bytes >= total*int64(i+1)/6 && len(n.Sessions()) == 1
				})
				n.die()
			}
			r, err := tr.Wait()
			if err != nil || len(r.Failed) > 0 || r.Moved != 4 || r.Files != 155 || r.Skipped != 0 {
				t.Fatalf("%v: %+v", err, r)
			}
			same(t, src, dst)
		})
	}
}
