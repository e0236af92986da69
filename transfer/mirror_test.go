package transfer

import (
	"context"
	"testing"
	"time"
)

// mirrored is a client that mirrors its control connections however near the node is.
func mirrored(t testing.TB, spec Spec) *Client {
	c := quickClient(t, spec)
	c.mirrorFrom = -1
	return c
}

// mirrors has a node do so.
func mirrors(s *Server) { s.mirrorFrom = -1 }

// TestSessionNeedsNoTCPConnectionWhileDatagramsPass: it begins over QUIC, and the
// connection that is to join it never says a word.
func TestSessionNeedsNoTCPConnectionWhileDatagramsPass(t *testing.T) {
	t.Parallel()
	bothWaysTuned(t, mirrors, func(t *testing.T, n *node, job Job, src, dst string) {
		r := throughLate(t, n, make(chan struct{}))
		began := time.Now()
		res := mustRun(t, mirrored(t, r.spec), job)
		same(t, src, dst)
		if took := time.Since(began); took > joinMost/2 {
			t.Errorf("took %v", took)
		}
		completed(t, n, res)
	})
}

// TestTCPMayStandStillInTheMiddle of a session, as it does where segments are lost
// again and again.
func TestTCPMayStandStillInTheMiddle(t *testing.T) {
	t.Parallel()
	bothWaysTuned(t, mirrors, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		c := mirrored(t, r.spec)
		c.quickFrom = 0
		c.OnEvent = func(e Event) {
			if e.Kind == EventSession {
				r.held.Store(true)
			}
		}
		res := mustRun(t, c, job)
		same(t, src, dst)
		completed(t, n, res)
	})
}

// completed waits for the node to know that the one session of res is complete.
func completed(t *testing.T, n *node, res Result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for len(n.Sessions()) > 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	got := n.Totals()
	if got.SessionsStarted != 1 || got.SessionsFailed != 0 || len(res.Sessions) != 1 {
		t.Errorf("%d sessions, of the node's %d failed %d", len(res.Sessions), got.SessionsStarted, got.SessionsFailed)
	}
}
