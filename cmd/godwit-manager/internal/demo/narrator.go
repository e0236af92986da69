package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// narrator tells what the cluster does while the story plays: every node that
// changes state, and every decision that acts.
type narrator struct {
	d    *show
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	seen map[string]string // node → state
	last string            // newest decision told
}

func narrate(ctx context.Context, d *show) *narrator {
	ctx, stop := context.WithCancel(ctx)
	n := &narrator{d: d, stop: stop, seen: map[string]string{}}
	n.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			// A manager that is down for a moment is part of the story.
			n.lookAtNodes(ctx)
			n.lookAtDecisions(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return n
}

func (n *narrator) close() {
	if n == nil {
		return
	}
	n.stop()
	n.done.Wait()
}

func (n *narrator) lookAtNodes(ctx context.Context) {
	nodes, err := n.d.API.Nodes(ctx)
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now, running := map[string]string{}, 0
	for _, x := range nodes {
		now[x.ID] = x.State
		if x.State == "running" {
			running++
		}
		if n.seen[x.ID] != x.State {
			n.d.tell("node %s: %s", x.Name, x.State)
		}
	}
	for id := range n.seen {
		if _, still := now[id]; !still {
			n.d.tell("a node has gone; %d run", running)
		}
	}
	n.seen = now
}

func (n *narrator) lookAtDecisions(ctx context.Context) {
	var page struct {
		Items []struct {
			ID      string `json:"id"`
			Kind    string `json:"kind"`
			Summary string `json:"summary"`
			Plan    struct {
				Actions []struct {
					Kind   string `json:"kind"`
					Count  int    `json:"count"`
					Reason struct {
						Text string `json:"text"`
					} `json:"reason"`
				} `json:"actions"`
			} `json:"plan"`
		} `json:"items"`
	}
	q := url.Values{"changes": {"true"}, "limit": {"10"}}
	if _, err := n.d.API.Do(ctx, http.MethodGet, "/api/v1/decisions?"+q.Encode(), nil, &page); err != nil || len(page.Items) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.last
	n.last = page.Items[0].ID
	for i := len(page.Items) - 1; i >= 0; i-- {
		item := page.Items[i]
		if item.ID <= last {
			continue
		}
		for _, a := range item.Plan.Actions {
			what := a.Kind
			if a.Count > 0 {
				what = fmt.Sprintf("%s %d", a.Kind, a.Count)
			}
			n.d.tell("decided: %s, because %s", what, a.Reason.Text)
		}
	}
}
