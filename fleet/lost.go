package fleet

import (
	"time"

	"github.com/godwit/godwit/fleet/report"
)

// lost keeps the last word on sessions whose own node tells no more of them: it fell silent, began anew or was dropped, or
// they moved away from it. What they had moved by then counts on: the node's own account may never come.
// By transfer and session; sessions without a transfer are not kept.
type lost map[string]map[string]*Live

func (l lost) put(s *Live) {
	id := s.GetTransferId()
	if id == "" {
		return
	}
	if l[id] == nil {
		l[id] = map[string]*Live{}
	}
	l[id][s.GetId()] = s
}

// found takes out a session that is told of again.
func (l lost) found(s *report.Session) {
	if of := l[s.GetTransferId()]; of != nil {
		delete(of, s.GetId())
		if len(of) == 0 {
			delete(l, s.GetTransferId())
		}
	}
}

// forget drops what is older than keep, unless it is of a transfer that goes on.
func (l lost) forget(now time.Time, keep time.Duration, goesOn func(transfer string) bool) {
	for id, of := range l {
		if goesOn(id) {
			continue
		}
		for session, s := range of {
			if now.Sub(s.At) > keep {
				delete(of, session)
			}
		}
		if len(of) == 0 {
			delete(l, id)
		}
	}
}

// Lost returns the last word on a transfer's sessions whose nodes tell no more of them, in no order.
// It is kept while the transfer has active sessions, and for as long as a silent node is.
func (x *Index) Lost(transfer string) []*Live {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var out []*Live
	for _, s := range x.lost[transfer] {
		out = append(out, s)
	}
	return out
}

// AllLost returns what Lost does, of all transfers.
func (x *Index) AllLost() []*Live {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var out []*Live
	for _, of := range x.lost {
		for _, s := range of {
			out = append(out, s)
		}
	}
	return out
}
