package transfer

import (
	"sync"
	"time"
)

// ledger is what a client knows about a job over all of its sessions: which
// files ended and how, and how far the rest is.
type ledger struct {
	onEvent func(Event)
	start   time.Time
	events  sync.Mutex // one event at a time

	mu        sync.Mutex
	done      map[string]struct{} // source paths (push) or destination paths (pull) that ended
	r         Result
	committed int64 // bytes of ended files, skipped ones included
	partial   int64 // bytes of the live session's open files
	total     int64
	files     int64
	final     bool
	ended     int64
	meter     meter
	rtt       time.Duration
	loss      float64
	target    int64
	session   Event // session and node of the live session
}

func newLedger(onEvent func(Event), start time.Time) *ledger {
	return &ledger{onEvent: onEvent, start: start, done: map[string]struct{}{}}
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

// end records one file, directory or link that ended. It reports false for
// one that had ended before.
func (l *ledger) end(path string, size int64, regular bool, outcome string, fail *FileError) bool {
	l.mu.Lock()
	if _, ok := l.done[path]; ok {
		l.mu.Unlock()
		return false
	}
	l.done[path] = struct{}{}
	l.ended++
	switch {
	case outcome == outcomeFailed:
		if len(l.r.Failed) < MaxFileErrors {
			l.r.Failed = append(l.r.Failed, *fail)
		} else {
			l.r.FailedMore++
		}
	case outcome == outcomeSkipped:
		l.r.Skipped++
		l.committed += size
	case regular:
		l.r.Files++
		l.r.Bytes += size
		l.committed += size
	default:
		l.r.Other++
	}
	l.mu.Unlock()
	if regular || outcome != outcomeCommitted {
		l.emit(Event{Kind: EventFile, Path: path, Size: size, Outcome: outcome, FileError: fail})
	}
	return true
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
		Bytes: bytes, Total: total, TotalKnown: l.final, Files: l.ended, FilesTotal: max(l.files, l.ended),
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

func (l *ledger) emit(e Event) {
	if l.onEvent == nil {
		return
	}
	e.Progress = l.progress()
	l.mu.Lock()
	if e.SessionID == "" {
		e.SessionID = l.session.SessionID
	}
	if e.NodeID == "" {
		e.NodeID, e.NodeName = l.session.NodeID, l.session.NodeName
	}
	l.mu.Unlock()
	l.events.Lock()
	defer l.events.Unlock()
	l.onEvent(e)
}

const (
	outcomeCommitted = "committed"
	outcomeSkipped   = "skipped"
	outcomeFailed    = "failed"
)
