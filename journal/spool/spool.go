// Package spool keeps a node's events on its own disk until the journal has them, and some hours longer.
//
// Events are appended to segment files with a checksum each. A cursor says how far the journal has acknowledged; it is stored lazily, so that after a crash the last
// events may be sent again, which their ids make harmless. What is acknowledged stays for Keep, in case the journal's disk did not: Rewind sends it again. The spool is
// bounded: beyond MaxBytes acknowledged segments go first, then the oldest others, counted in Stats.Dropped, because a node must go on serving when its manager is away for days.
//
// An append survives the death of the process at once, and the death of the machine after at most SyncEvery. A torn tail is cut off when the spool is opened; damage in
// the middle of a segment loses the rest of that segment only.
package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/internal/atomicfile"
	"github.com/godwit/godwit/journal/event"
)

// Options of a Spool; zero values mean the defaults given.
type Options struct {
	SegmentBytes int64            // 1 MiB
	MaxBytes     int64            // 256 MiB
	Keep         time.Duration    // of acknowledged segments; 6 h
	SyncEvery    time.Duration    // 1 s
	Now          func() time.Time // time.Now
}

// Stats tell how a spool is doing.
type Stats struct {
	Pending uint64 // events not acknowledged
	Bytes   int64  // on disk
	Dropped uint64 // events lost to MaxBytes or damage since Open
}

// Spool is safe for concurrent use; Next has one reader.
type Spool struct {
	dir string
	o   Options

	mu       sync.Mutex
	segments []*segment // oldest first; the last is written to
	file     *os.File
	dirty    bool
	acked    uint64 // sequence numbers up to this are acknowledged
	stored   uint64 // value of acked on disk
	sent     uint64 // reader's position: up to this has been handed out
	dropped  uint64
	more     chan struct{} // closed and replaced on append
	closed   bool
	stop     chan struct{}
	done     chan struct{}
}

// segment is one file; it holds the events first … first+count-1.
type segment struct {
	first, count uint64
	size         int64
	newest       time.Time // of its events, for Keep
}

func (s *segment) last() uint64 { return s.first + s.count - 1 }

// Open opens or makes the spool in dir, which must be used by one process at a time.
func Open(dir string, o Options) (*Spool, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 1 << 20
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 20
	}
	if o.Keep == 0 {
		o.Keep = 6 * time.Hour
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{dir: dir, o: o, more: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	if err := s.load(); err != nil {
		return nil, err
	}
	go s.tend()
	return s, nil
}

func (s *Spool) path(g *segment) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x.seg", g.first))
}

func (s *Spool) load() error {
	if data, err := os.ReadFile(filepath.Join(s.dir, "acked")); err == nil {
		if s.acked, err = strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64); err != nil {
			return fmt.Errorf("spool %s: cursor: %w", s.dir, err)
		}
	}
	entries, err := os.ReadDir(s.dir) // sorted by name, and names sort by number
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	for _, e := range entries {
		hex, ok := strings.CutSuffix(e.Name(), ".seg")
		first, err := strconv.ParseUint(hex, 16, 64)
		if !ok || err != nil || first == 0 {
			continue
		}
		g := &segment{first: first}
		if err := s.scan(g); err != nil {
			return err
		}
		if n := len(s.segments); n > 0 && first > s.segments[n-1].last()+1 {
			s.dropped += first - s.segments[n-1].last() - 1
		}
		if g.count == 0 {
			if err := os.Remove(s.path(g)); err != nil {
				return fmt.Errorf("spool: %w", err)
			}
			continue
		}
		s.segments = append(s.segments, g)
	}
	next := s.acked + 1
	if n := len(s.segments); n > 0 {
		// A cursor beyond the data is of a spool whose last writes were lost with the machine.
		s.acked = min(s.acked, s.segments[n-1].last())
		next = s.segments[n-1].last() + 1
		s.acked = max(s.acked, s.segments[0].first-1)
	}
	s.stored, s.sent = s.acked, s.acked
	return s.begin(next)
}

// scan counts a segment's whole records and cuts off what follows the last of them.
func (s *Spool) scan(g *segment) error {
	data, err := os.ReadFile(s.path(g))
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	rest := data
	for len(rest) > 0 {
		payload, after, err := nextRecord(rest)
		if err != nil {
			break
		}
		var e event.Event
		if json.Unmarshal(payload, &e) != nil {
			break
		}
		if e.At.After(g.newest) {
			g.newest = e.At
		}
		g.count++
		rest = after
	}
	g.size = int64(len(data) - len(rest))
	if len(rest) > 0 {
		if err := os.Truncate(s.path(g), g.size); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
	return nil
}

// begin starts a new segment at sequence number first.
func (s *Spool) begin(first uint64) error {
	g := &segment{first: first}
	f, err := os.OpenFile(s.path(g), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if s.file != nil {
		if err := errors.Join(s.file.Sync(), s.file.Close()); err != nil {
			_ = f.Close()
			return fmt.Errorf("spool: %w", err)
		}
	}
	s.file, s.dirty = f, false
	s.segments = append(s.segments, g)
	return nil
}

// Append adds events in order. They are on their way from then on; an error means that none of them is.
func (s *Spool) Append(events ...event.Event) error {
	var data []byte
	var newest time.Time
	for _, e := range events {
		payload, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("spool: event %s: %w", e.ID, err)
		}
		if len(payload) > event.MaxSize {
			return fmt.Errorf("spool: event %s of %d bytes is larger than %d", e.Kind, len(payload), event.MaxSize)
		}
		if e.At.After(newest) {
			newest = e.At
		}
		data = appendRecord(data, payload)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("spool: closed")
	}
	g := s.segments[len(s.segments)-1]
	if g.size >= s.o.SegmentBytes {
		if err := s.begin(g.last() + 1); err != nil {
			return err
		}
		s.trim()
		g = s.segments[len(s.segments)-1]
	}
	if _, err := s.file.Write(data); err != nil {
		// Half of it may be there (disk full): back to the last whole record, so that what follows stays readable.
		return errors.Join(fmt.Errorf("spool: %w", err), s.file.Truncate(g.size))
	}
	g.size += int64(len(data))
	g.count += uint64(len(events))
	if newest.After(g.newest) {
		g.newest = newest
	}
	s.dirty = true
	close(s.more)
	s.more = make(chan struct{})
	return nil
}

// Next waits for events that were not handed out yet and returns up to limit of them with the sequence number of the last, to be given to Ack.
func (s *Spool) Next(ctx context.Context, limit int) ([]event.Event, uint64, error) {
	for {
		s.mu.Lock()
		events, last, err := s.read(limit)
		wait, closed := s.more, s.closed
		s.mu.Unlock()
		if err != nil || len(events) > 0 {
			return events, last, err
		}
		if closed {
			return nil, 0, errors.New("spool: closed")
		}
		select {
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		case <-wait:
		}
	}
}

// batchBytes bounds what Next returns at once, so that one batch stays well below what the fleet's connection takes.
const batchBytes = 512 << 10

func (s *Spool) read(limit int) ([]event.Event, uint64, error) {
	for _, g := range s.segments {
		if g.count == 0 || g.last() <= s.sent {
			continue
		}
		data, err := os.ReadFile(s.path(g))
		if err != nil {
			return nil, 0, fmt.Errorf("spool: %w", err)
		}
		data = data[:min(int64(len(data)), g.size)]
		var out []event.Event
		seq, bytes := g.first, 0
		for len(data) > 0 && len(out) < limit && bytes < batchBytes {
			payload, rest, err := nextRecord(data)
			if err != nil {
				break
			}
			data = rest
			if seq > s.sent {
				var e event.Event
				if err := json.Unmarshal(payload, &e); err != nil {
					break
				}
				out = append(out, e)
				bytes += len(payload)
			}
			seq++
		}
		if len(out) == 0 { // damaged since: the rest of the segment is lost
			s.dropped += g.last() - max(s.sent, g.first-1)
			s.sent = g.last()
			continue
		}
		s.sent = seq - 1
		return out, s.sent, nil
	}
	return nil, 0, nil
}

// Ack notes that everything up to last is in the journal.
func (s *Spool) Ack(last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = max(s.acked, min(last, s.sent))
}

// Retry hands out again what was handed out and not acknowledged.
func (s *Spool) Retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = s.acked
	close(s.more)
	s.more = make(chan struct{})
}

// Rewind hands out again every event kept that may be as young as since, acknowledged or not.
func (s *Spool) Rewind(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.segments {
		if g.count > 0 && !g.newest.Before(since) {
			s.acked = min(s.acked, g.first-1)
			break
		}
	}
	s.sent = min(s.sent, s.acked)
	close(s.more)
	s.more = make(chan struct{})
}

// Stats returns the spool's figures.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Dropped: s.dropped}
	for _, g := range s.segments {
		st.Bytes += g.size
	}
	if g := s.segments[len(s.segments)-1]; g.first+g.count-1 > s.acked {
		st.Pending = g.first + g.count - 1 - s.acked
	}
	return st
}

// trim drops segments that are past their use.
func (s *Spool) trim() {
	var total int64
	for _, g := range s.segments {
		total += g.size
	}
	old := s.o.Now().Add(-s.o.Keep)
	s.segments = slices.DeleteFunc(s.segments, func(g *segment) bool {
		if g == s.segments[len(s.segments)-1] {
			return false
		}
		done := g.last() <= s.acked
		if total <= s.o.MaxBytes && (!done || g.newest.After(old)) {
			return false
		}
		if os.Remove(s.path(g)) != nil {
			return false // again next time
		}
		total -= g.size
		if !done {
			s.dropped += g.last() - max(s.acked, g.first-1)
			s.acked = g.last()
			s.sent = max(s.sent, s.acked)
		}
		return true
	})
}

// tend syncs, stores the cursor and trims, every SyncEvery.
func (s *Spool) tend() {
	defer close(s.done)
	tick := time.NewTicker(s.o.SyncEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.mu.Lock()
			_ = s.flush() // tried again in a second; nothing acknowledged depends on it
			s.trim()
			s.mu.Unlock()
		}
	}
}

func (s *Spool) flush() error {
	if s.dirty {
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		s.dirty = false
	}
	if s.stored == s.acked {
		return nil
	}
	if err := atomicfile.Write(filepath.Join(s.dir, "acked"), []byte(strconv.FormatUint(s.acked, 10))); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.stored = s.acked
	return nil
}

// Close syncs and ends the spool.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.stop)
	close(s.more)
	s.more = make(chan struct{})
	s.mu.Unlock()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.flush(), s.file.Close())
}
