package service

import (
	"sync"
	"time"

	"github.com/godwit/godwit/transfer"
)

// maxQueued bounds events that the agent has not taken. It takes them within milliseconds; when it is gone, so is the child.
const maxQueued = 100_000

// Queue hands session events to the agent at least once. It is safe for concurrent use and its Add never blocks.
type Queue struct {
	mu      sync.Mutex
	events  []Event // unacknowledged, in order
	next    uint64
	handed  uint64 // events up to this have been read, and are not changed any more
	dropped uint64
	more    chan struct{}
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{next: 1, more: make(chan struct{})} }

// Add queues an event. A progress event takes the place of the same session's last one, if that was not read yet and nothing of the session follows it.
func (q *Queue) Add(e transfer.SessionEvent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.Kind == transfer.SessionProgress {
		for i := len(q.events) - 1; i >= 0 && i >= len(q.events)-256 && q.events[i].Seq > q.handed; i-- {
			old := &q.events[i]
			if old.Event.Session.ID != e.Session.ID {
				continue
			}
			if old.Event.Kind == transfer.SessionProgress {
				old.Event = e
				return
			}
			break
		}
	}
	if len(q.events) >= maxQueued {
		q.dropped++
		return
	}
	q.events = append(q.events, Event{Seq: q.next, Event: e})
	q.next++
	close(q.more)
	q.more = make(chan struct{})
}

// Ack forgets events up to seq.
func (q *Queue) Ack(seq uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.events) && q.events[n].Seq <= seq {
		n++
	}
	q.events = append([]Event(nil), q.events[n:]...)
}

// after returns the unacknowledged events past seq, and a channel that is closed when there are more.
func (q *Queue) after(seq uint64) ([]Event, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.events) && q.events[n].Seq <= seq {
		n++
	}
	if n < len(q.events) {
		q.handed = max(q.handed, q.events[len(q.events)-1].Seq)
	}
	return append([]Event(nil), q.events[n:]...), q.more
}

// Drain waits until every event is acknowledged, at most limit.
func (q *Queue) Drain(limit time.Duration) {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		q.mu.Lock()
		n := len(q.events)
		q.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
