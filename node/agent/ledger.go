package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/godwit/godwit/internal/atomicfile"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/journal/spool"
	"github.com/godwit/godwit/transfer"
)

const (
	// progressEvery thins out progress for the journal; the live picture comes by reports.
	progressEvery = 15 * time.Second
	// filesPerEvent keeps an event of ended files well under event.MaxSize, with paths of usual length.
	filesPerEvent = 200
)

// ledger turns the transfer service's events into the journal's, and knows which sessions are open, on disk too: whoever started is said to have ended, even when the service
// or the agent was killed in between.
type ledger struct {
	path  string
	spool *spool.Spool

	mu   sync.Mutex
	open map[string]*openSession
}

type openSession struct {
	Last  transfer.SessionStatus `json:"last"`
	noted time.Time              // when progress was last spooled
}

// openLedger reads the sessions that an agent before left open, and ends them.
func openLedger(dir string, s *spool.Spool) (*ledger, error) {
	l := &ledger{path: filepath.Join(dir, "open.json"), spool: s, open: map[string]*openSession{}}
	data, err := os.ReadFile(l.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return l, nil
	case err != nil:
		return nil, fmt.Errorf("open sessions: %w", err)
	}
	if json.Unmarshal(data, &l.open) != nil {
		l.open = map[string]*openSession{} // cut off by a crash of the machine
	}
	return l, l.abandon("the node's agent was restarted")
}

// take spools what the journal needs of e. An error means that it must be taken again.
func (l *ledger) take(e transfer.SessionEvent) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := e.Session
	switch e.Kind {
	case transfer.SessionStarted:
		if err := l.spool.Append(sessionEvent(event.SessionStarted, e.At, s)); err != nil {
			return err
		}
		l.open[s.ID] = &openSession{Last: s, noted: e.At}
		return l.save()
	case transfer.SessionProgress:
		o := l.open[s.ID]
		if o == nil {
			return nil
		}
		o.Last = s
		if e.At.Sub(o.noted) < progressEvery {
			return nil
		}
		o.noted = e.At
		return l.spool.Append(sessionEvent(event.SessionProgress, e.At, s))
	case transfer.SessionFiles:
		return l.spool.Append(fileEvents(e)...)
	case transfer.SessionEnded:
		if err := l.spool.Append(append(fileEvents(e), sessionEvent(event.SessionEnded, e.At, s))...); err != nil {
			return err
		}
		delete(l.open, s.ID)
		return l.save()
	}
	return nil
}

// abandon ends all open sessions as lost.
func (l *ledger) abandon(why string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) == 0 {
		return nil
	}
	now := time.Now()
	for id, o := range l.open {
		s := o.Last
		s.Ended, s.Code, s.Message = now, transfer.CodeLost, why
		if err := l.spool.Append(sessionEvent(event.SessionEnded, now, s)); err != nil {
			return err
		}
		delete(l.open, id)
	}
	return l.save()
}

// save does not wait for the disk, as the spool does not: sessions begin and end here.
func (l *ledger) save() error {
	data, err := json.Marshal(l.open)
	if err == nil {
		err = atomicfile.Put(l.path, data)
	}
	if err != nil {
		return fmt.Errorf("open sessions: %w", err)
	}
	return nil
}

func sessionEvent(kind string, at time.Time, s transfer.SessionStatus) event.Event {
	data := event.Session{
		Direction: string(s.Direction), Paths: s.Paths, Peer: s.Peer, Policy: string(s.Policy), Cipher: string(s.Cipher),
		StartedAt: s.Started, EndedAt: s.Ended, RateBps: s.Rate, Bytes: s.Bytes, BytesTotal: s.TotalBytes, BytesResent: s.Resent,
		Files: s.Files, FilesTotal: s.FilesTotal, FilesFailed: s.Failed, FilesSkipped: s.Skipped,
		Code: string(s.Code), Message: s.Message,
		Moved: s.Code == transfer.CodeMoved || s.Code == transfer.CodeDraining,
	}
	const mostPaths = 32 // enough for a person; the tree itself is in the events of its files
	if len(data.Paths) > mostPaths {
		data.Paths = data.Paths[:mostPaths]
	}
	e := event.New(kind, at, data)
	e.Session, e.Transfer, e.AccessKey = s.ID, s.TransferID, s.Tenant
	return e
}

func fileEvents(e transfer.SessionEvent) []event.Event {
	var out []event.Event
	for files := e.Files; len(files) > 0; {
		n := min(len(files), filesPerEvent)
		var data event.Files
		for _, f := range files[:n] {
			data.Files = append(data.Files, event.File{Path: f.Path, Size: f.Size, Outcome: f.Outcome, Code: string(f.Code), Message: f.Message})
		}
		files = files[n:]
		ev := event.New(event.FilesEnded, e.At, data)
		ev.Session, ev.Transfer, ev.AccessKey = e.Session.ID, e.Session.TransferID, e.Session.Tenant
		out = append(out, ev)
	}
	return out
}
