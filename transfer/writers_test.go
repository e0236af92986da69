package transfer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestASecondWriterIsRefusedAndTheFirstFinishes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("depends on the system's locks")
	}
	root := t.TempDir()
	a, b := startNode(t, root, nil), startNode(t, root, nil) // of one storage
	one, two := t.TempDir(), t.TempDir()
	write(t, filepath.Join(one, "f"), 40<<20)
	write(t, filepath.Join(two, "f"), 5<<20)
	write(t, filepath.Join(two, "small"), 1000)
	job := Job{Direction: Push, Sources: []string{one + "/"}, Destination: "in/", Options: Options{Rate: 20e6}}
	var second Result
	r, err := during(t, client(t, a), job, 2<<20, func(first *Transfer) {
		job.Sources, job.Options.Rate = []string{two + "/"}, 0
		var err error
		second, err = run(t, client(t, b), job)
		if err != nil {
			t.Errorf("the second job as a whole: %v", err)
		}
		first.SetRate(0)
	})
	if err != nil || r.Files != 1 || len(r.Failed) > 0 {
		t.Fatalf("the first writer: %v, %+v", err, r)
	}
	if len(second.Failed) != 1 || second.Failed[0].Code != CodeInUse || !strings.Contains(second.Failed[0].Message, "another transfer is writing it now") {
		t.Errorf("the second writer: %+v", second)
	}
	if second.Files != 1 {
		t.Errorf("%d of its other files arrived", second.Files)
	}
	must(t, os.Remove(filepath.Join(root, "in/small")))
	same(t, one, filepath.Join(root, "in"))
}

func TestAWriterWhoseClientIsGoneIsOutwaited(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := t.TempDir()
	write(t, filepath.Join(src, "f"), 16<<20)
	job := Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in/", Options: slow}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first, err := client(t, n).Start(ctx, job)
	must(t, err)
	await(t, "some progress", func() bool { return first.Progress().Bytes > 4<<20 })
	// The same command again, before the node knows that the first one died.
	second, err := client(t, n).Start(ctx, job)
	must(t, err)
	await(t, "a second session", func() bool { return len(n.Sessions()) == 2 })
	first.Cancel()
	if _, err := first.Wait(); CodeOf(err) != CodeCancelled {
		t.Errorf("the first: %v", err)
	}
	r, err := second.Wait()
	if err != nil || len(r.Failed) > 0 || r.Files != 1 {
		t.Fatalf("the second: %v, %+v", err, r)
	}
	if r.Sent > 14<<20 {
		t.Errorf("%d bytes travelled of %d, of which a quarter was durable", r.Sent, 16<<20)
	}
	same(t, src, filepath.Join(n.root, "in"))
}

func TestASourceThatChangesArrivesAsOneVersion(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := t.TempDir()
	at := filepath.Join(src, "f")
	write(t, at, 32<<20) // more than is read ahead
	job := Job{Direction: Push, Sources: []string{at}, Destination: "f", Options: slow}
	r, err := during(t, client(t, n), job, 3<<20, func(tr *Transfer) {
		f, err := os.OpenFile(at, os.O_RDWR, 0)
		must(t, err)
		_, err = f.WriteAt([]byte("new"), 10)
		must(t, errors.Join(err, f.Close()))
		tr.SetRate(0)
	})
	if err != nil || r.Files != 1 || len(r.Failed) > 0 {
		t.Fatalf("%v, %+v", err, r)
	}
	same(t, src, n.root)
}

func TestWhatNobodyResumesIsSwept(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), func(c *ServerConfig, _ *grants) { c.KeepParts = time.Millisecond })
	src := t.TempDir()
	write(t, filepath.Join(src, "given-up"), 16<<20)
	write(t, filepath.Join(src, "small"), 10)
	job := Job{Direction: Push, Sources: []string{filepath.Join(src, "given-up")}, Destination: "in/", Options: slow}
	_, err := during(t, client(t, n), job, 4<<20, func(tr *Transfer) { tr.Cancel() })
	if CodeOf(err) != CodeCancelled {
		t.Fatal(err)
	}
	await(t, "end of the session", func() bool { return len(n.Sessions()) == 0 })
	n.mu.Lock()
	n.swept = nil // a day goes by
	n.mu.Unlock()
	job.Sources = []string{filepath.Join(src, "small")}
	mustRun(t, client(t, n), job)
	await(t, "end of what was given up", func() bool {
		list, err := os.ReadDir(filepath.Join(n.root, "in"))
		return err == nil && len(list) == 1 && list[0].Name() == "small"
	})
}
