package transfer

import (
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/job"
)

// ledger is what a client knows about a job over all of its sessions: which
// files ended and how, and how far the rest is.
type ledger struct {
	onEvent func(Event)
	start   time.Time
	dry     bool
	more    chan struct{}

	mu        sync.Mutex
	done      map[string]struct{} // source paths (push) or destination paths (pull) that ended
	names     map[string]struct{} // of a pull that deletes: below the destination; the session's lock guards it
	likely    map[string]struct{} // sent by a session that broke before it heard the verdict
	r         Result
	committed int64 // bytes of ended files, skipped ones included
	pieces    int64 // of committed: pieces of a stream that has not ended
	partial   int64 // bytes of the live session's open files
	total     int64
	files     int64
	final     bool
	ended     int64
	regular   int64 // of ended: files
	tooMany   int64 // extras that were not deleted, being more than may
	meter     meter
	rtt       time.Duration
	loss      float64
	target    int64
	queue     []Event
	session   Event // session and node of the live session
}

func newLedger(onEvent func(Event), start time.Time) *ledger {
	return &ledger{onEvent: onEvent, start: start, more: make(chan struct{}, 1), done: map[string]struct{}{}, likely: map[string]struct{}{}}
}

// has reports whether a path ended in an earlier session.
func (l *ledger) has(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.done[path]
	return ok
}

// safe is a count that rises when anything became durable.
func (l *ledger) safe() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed + l.ended + l.partial
}

// ended is one file, directory or link that ended.
type ended struct {
	path    string
	size    int64
	mtime   int64
	regular bool
	outcome string
	fail    *FileError
	hash    [32]byte
	local   string
}

// end records what ended. It reports false for what had ended before.
func (l *ledger) end(x ended) bool {
	l.mu.Lock()
	if _, ok := l.done[x.path]; ok {
		l.mu.Unlock()
		return false
	}
	l.done[x.path] = struct{}{}
	l.ended++
	if x.regular {
		l.regular++
	}
	l.partial = max(l.partial-x.size, 0) // until the next tick knows better
	switch {
	case x.outcome == outcomeFailed:
		l.fail(*x.fail)
	case x.outcome == outcomeSkipped:
		l.r.Skipped++
		l.committed += x.size
	case x.regular:
		l.r.Files++
		l.r.Bytes += x.size
		l.committed += x.size
	default:
		l.r.Other++
	}
	if x.outcome == outcomeCommitted && l.dry {
		x.outcome = outcomePlanned
	}
	l.mu.Unlock()
	if x.regular || x.outcome != outcomeCommitted {
		l.emit(Event{
			Kind: EventFile, Path: x.path, Size: x.size, Outcome: x.outcome, FileError: x.fail,
			ModTime: time.Unix(0, x.mtime), Hash: x.hash, Local: x.local,
		})
	}
	return true
}

// fail is under the ledger's lock.
func (l *ledger) fail(f FileError) {
	if len(l.r.Failed) < MaxFileErrors {
		l.r.Failed = append(l.r.Failed, f)
	} else {
		l.r.FailedMore++
	}
}

// failed records a file that never got as far as a verdict.
func (l *ledger) failed(path string, code Code, message string) {
	l.end(ended{path: path, regular: true, outcome: outcomeFailed, fail: &FileError{Path: path, Code: code, Message: message}})
}

// kept records a source that arrived, but could not be removed or moved.
func (l *ledger) kept(path string, code Code, message string) {
	f := FileError{Path: path, Code: code, Message: "it arrived, but its source stays: " + message}
	l.mu.Lock()
	l.fail(f)
	l.mu.Unlock()
	l.emit(Event{Kind: EventFile, Path: path, Outcome: outcomeFailed, FileError: &f})
}

// clean reports that nothing has failed so far.
func (l *ledger) clean() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.r.Failed) == 0
}

// removed records what was deleted at the destination.
func (l *ledger) removed(r control.Removed) {
	l.mu.Lock()
	l.r.Deleted += int64(len(r.Entries))
	l.tooMany = max(l.tooMany, r.TooMany)
	for _, f := range r.Failed {
		l.fail(FileError{Path: f.Path, Code: Code(f.Code), Message: f.Message})
	}
	l.mu.Unlock()
	for _, e := range r.Entries {
		l.emit(Event{Kind: EventDeleted, Path: e.Name, Size: e.Size})
	}
	for _, f := range r.Failed {
		l.emit(Event{Kind: EventFile, Path: f.Path, Outcome: outcomeFailed, FileError: &FileError{Path: f.Path, Code: Code(f.Code), Message: f.Message}})
	}
}

// piece records a piece of a stream that is durable.
func (l *ledger) piece(size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.committed += size
	l.pieces += size
	l.partial = max(l.partial-size, 0)
}

// totals records what the scan found.
func (l *ledger) totals(files, bytes int64, final bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files, l.total, l.final = max(l.files, files), max(l.total, bytes), l.final || final
}

func (l *ledger) progress() Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes := l.committed + l.partial
	total := max(l.total, bytes)
	return Progress{
		Bytes: bytes, Total: total, TotalKnown: l.final, Files: l.regular, FilesTotal: max(l.files, l.regular),
		Rate: l.meter.rate, Target: l.target, RTT: l.rtt, Loss: l.loss, Elapsed: time.Since(l.start),
	}
}

func (l *ledger) result() Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.r
	r.Failed = append([]FileError{}, l.r.Failed...)
	return r
}

// emit queues an event for the caller. Events are delivered by a goroutine of
// their own, so that a slow or calling-back listener holds up no session.
func (l *ledger) emit(e Event) {
	if l.onEvent == nil {
		return
	}
	e.Progress = l.progress()
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.SessionID == "" {
		e.SessionID = l.session.SessionID
	}
	if e.NodeID == "" {
		e.NodeID, e.NodeName = l.session.NodeID, l.session.NodeName
	}
	l.queue = append(l.queue, e)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// deliver hands events over until stop is closed and the queue is empty.
func (l *ledger) deliver(stop <-chan struct{}) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for last := false; ; {
		l.mu.Lock()
		queue := l.queue
		l.queue = nil
		l.mu.Unlock()
		for _, e := range queue {
			l.onEvent(e)
		}
		if last {
			return
		}
		select {
		case <-l.more:
		case <-tick.C:
			l.emit(Event{Kind: EventProgress})
		case <-stop:
			last = true
		}
	}
}

// progressEvery is the time between progress events.
const progressEvery = 200 * time.Millisecond

const (
	outcomeCommitted = "committed"
	outcomeSkipped   = "skipped"
	outcomeFailed    = "failed"
	outcomePlanned   = "planned"
)

// begin notes the session that is live now.
func (l *ledger) begin(e Event) {
	l.mu.Lock()
	l.session = e
	l.partial, l.meter = 0, meter{}
	l.mu.Unlock()
	l.emit(e)
}

// verdict records how an object ended; under the session's lock. Events go
// out with the next tick, since their receiver may take its time.
func (l *ledger) verdict(e job.Entry, path string, outcome control.Outcome, code Code, message, local string) {
	x := ended{path: path, size: e.Size, mtime: e.Mtime, regular: e.Kind == job.File, local: local, outcome: outcomeCommitted}
	switch outcome {
	case control.Committed:
	case control.Skipped:
		l.mu.Lock()
		if _, ours := l.likely[path]; !ours { // else an earlier session brought it
			x.outcome = outcomeSkipped
		}
		l.mu.Unlock()
	default:
		x.outcome, x.fail = outcomeFailed, &FileError{Path: path, Code: code, Message: message}
	}
	if x.outcome == outcomeCommitted {
		if root, ok := e.Root(); ok {
			x.hash = root
		}
		l.mu.Lock()
		l.committed -= l.pieces // counted as they came
		l.pieces = 0
		l.mu.Unlock()
	}
	l.end(x)
}

// broke notes what a session that ended early had sent.
func (l *ledger) broke(s *session) {
	if s.snd == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	s.snd.Complete(func(e job.Entry) { l.likely[e.Path] = struct{}{} })
}

// tick reads the session's figures; under its lock.
func (l *ledger) tick(s *session, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var moved int64
	if s.snd != nil {
		f := s.figures(now)
		l.rtt, l.loss = f.rtt, f.loss
		x := s.snd.Stats()
		moved = x.Sent - x.Resent
		l.partial = x.Progress
	} else {
		moved = s.rcv.Stats().Received
		l.partial = s.rcv.Stats().Progress
		l.rtt = s.rtt
	}
	l.target = s.target
	l.meter.add(now, moved)
}
