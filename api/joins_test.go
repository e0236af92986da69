package api_test

import (
	"net/http"
	"testing"
	"time"
)

// Anybody can reach the nodes' endpoints: who guesses there is slowed down, and nodes that come in are not.
func TestRefusedJoinsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refuse := true
	w.joins = func(rw http.ResponseWriter, _ *http.Request) {
		if refuse {
			rw.WriteHeader(http.StatusForbidden)
		}
	}
	status := func() int { return w.call("POST", "/node/v1/join", "{}").StatusCode }
	for range 60 {
		if got := status(); got != http.StatusForbidden {
			t.Fatalf("%d within the burst", got)
		}
	}
	r := w.call("POST", "/node/v1/join", "{}")
	if r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
		t.Fatalf("%d", r.StatusCode)
	}
	w.clock.advance(2 * time.Second)
	refuse = false
	for range 100 {
		if got := status(); got != http.StatusOK {
			t.Fatalf("%d for a node that is let in", got)
		}
	}
}
