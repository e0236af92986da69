package fleet

import (
	"slices"
	"sync"
)

// Subscription hears which nodes changed. Changes coalesce: a slow reader gets each node once, however often it reported.
type Subscription struct {
	// C gets a value when there is something for Changed to return.
	C <-chan struct{}

	index   *Index
	signal  chan struct{}
	mu      sync.Mutex
	changed map[string]struct{}
}

// Subscribe starts to listen to changes. Close it when done.
func (x *Index) Subscribe() *Subscription {
	ch := make(chan struct{}, 1)
	s := &Subscription{C: ch, signal: ch, index: x, changed: map[string]struct{}{}}
	x.mu.Lock()
	x.subs[s] = struct{}{}
	x.mu.Unlock()
	return s
}

// Changed returns the nodes that changed since the last call, ordered: reported anew, became stale or went away.
func (s *Subscription) Changed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, 0, len(s.changed))
	for id := range s.changed {
		out = append(out, id)
	}
	clear(s.changed)
	slices.Sort(out)
	return out
}

// Close ends the subscription. It may be called twice.
func (s *Subscription) Close() {
	s.index.mu.Lock()
	delete(s.index.subs, s)
	s.index.mu.Unlock()
}

// notify is called with the index locked.
func (x *Index) notify(node string) {
	for s := range x.subs {
		s.mu.Lock()
		s.changed[node] = struct{}{}
		s.mu.Unlock()
		select {
		case s.signal <- struct{}{}:
		default:
		}
	}
}
