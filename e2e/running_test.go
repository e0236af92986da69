package e2e

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// bigContent is what a running copy takes some seconds for.
var bigContent = bytes.Repeat([]byte("godwit! "), 3<<20)

// running is a copy that something is changed under.
type running struct {
	s    *stage.Stage
	node string
	copy *stage.Copy
}

// bigFile writes what is to be copied.
func bigFile(t *testing.T, s *stage.Stage) string {
	t.Helper()
	path := s.Path("big.bin")
	if err := os.WriteFile(path, bigContent, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startRunning copies bigFile to a place whose last part is big.bin, and comes back
// when the node has the session.
func startRunning(t *testing.T, s *stage.Stage, node, name, to string) *running {
	t.Helper()
	c, err := s.StartCopy(t.Context(), name, bigFile(t, s), to)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{s, node, c}
	eventually(t, 20*time.Second, "the session", func(ctx context.Context) (bool, error) {
		if !c.Running() {
			t.Fatalf("the copy ended early: %v", c.Wait(ctx, time.Second))
		}
		n, err := r.sessions(ctx)
		return n == 1, err
	})
	return r
}

func (r *running) sessions(ctx context.Context) (int, error) {
	n, err := r.s.API.Node(ctx, r.node)
	return n.Sessions, err
}

// unmoved holds the copy against its promise: it still runs now, after the change,
// and ends whole, in the session that it began.
func (r *running) unmoved(t *testing.T) {
	t.Helper()
	if n, err := r.sessions(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sessions at the time of the exchange, %v: it was not under a running one", n, err)
	}
	if err := r.copy.Wait(t.Context(), 90*time.Second); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(r.s.Path("storage", "big.bin")); err != nil || !bytes.Equal(got, bigContent) {
		t.Errorf("%d bytes arrived, %v", len(got), err)
	}
	if r.copy.Result.Moved != 0 {
		t.Errorf("the transfer moved: %+v", r.copy.Result)
	}
}
