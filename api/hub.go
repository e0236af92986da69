package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// hub keeps the latest events for all who follow. A follower is a position in its ring: a slow one costs nothing and,
// when it falls behind the ring, is told to read anew.
type hub struct {
	epoch string // names this run: positions of another mean nothing

	mu        sync.Mutex
	followers map[string]int // by topic; "" follows all
	events    []event        // oldest first
	next      uint64         // sequence of the next event
	bytes     int
	wake      chan struct{} // closed by the next publish
}

type event struct {
	seq   uint64
	topic string
	name  string
	data  []byte // one line of JSON
}

// Bounds of the ring: minutes of a busy cluster's events, and never more memory than a page of a browser.
const (
	hubEvents = 1024
	hubBytes  = 16 << 20
)

func newHub(epoch string) *hub {
	return &hub{epoch: epoch, followers: map[string]int{}, next: 1, wake: make(chan struct{})}
}

// follow counts a follower of topics (none: all) until left is called.
func (h *hub) follow(topics []string) (left func()) {
	if len(topics) == 0 {
		topics = []string{""}
	}
	count := func(by int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, t := range topics {
			h.followers[t] += by
		}
	}
	count(1)
	return func() { count(-1) }
}

// followed tells whether anybody would hear of topic.
func (h *hub) followed(topic string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.followers[topic]+h.followers[""] > 0
}

// publish appends an event for the followers of topic ("" is for all).
func (h *hub) publish(topic, name string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event{seq: h.next, topic: topic, name: name, data: b})
	h.next++
	h.bytes += len(b)
	drop := 0
	for len(h.events)-drop > 1 && (len(h.events)-drop > hubEvents || h.bytes > hubBytes) {
		h.bytes -= len(h.events[drop].data)
		drop++
	}
	h.events = slices.Delete(h.events, 0, drop)
	close(h.wake)
	h.wake = make(chan struct{})
	return nil
}

// now is the position behind all events so far.
func (h *hub) now() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next
}

// since returns the events from position on that topics (empty: all) want, and the position after them. missed says
// that some before them are gone. wake is closed when there are more.
func (h *hub) since(position uint64, topics []string) (out []event, next uint64, missed bool, wake <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.next
	if len(h.events) > 0 {
		first = h.events[0].seq
	}
	missed = position < first || position > h.next
	for _, e := range h.events {
		if e.seq >= position && (e.topic == "" || len(topics) == 0 || slices.Contains(topics, e.topic)) {
			out = append(out, e)
		}
	}
	return out, h.next, missed, h.wake
}

// id is the event's name for Last-Event-ID.
func (h *hub) id(seq uint64) string { return h.epoch + "-" + strconv.FormatUint(seq, 10) }

// resume returns the position after the event that a follower saw last; ok is false for an id of another run.
func (h *hub) resume(last string) (position uint64, ok bool) {
	epoch, seq, _ := strings.Cut(last, "-")
	n, err := strconv.ParseUint(seq, 10, 63)
	if epoch != h.epoch || err != nil {
		return 0, false
	}
	return n + 1, true
}
