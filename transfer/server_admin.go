package transfer

import (
	"sort"
)

// Sessions returns every live session, oldest first.
func (s *Server) Sessions() []SessionStatus {
	s.mu.Lock()
	live := make([]*serverSession, 0, len(s.sessions))
	for _, x := range s.sessions {
		live = append(live, x)
	}
	s.mu.Unlock()
	out := make([]SessionStatus, len(live))
	for i, x := range live {
		out[i] = x.Status()
	}
	sort.Slice(out, func(i, j int) bool {
		if !out[i].Started.Equal(out[j].Started) {
			return out[i].Started.Before(out[j].Started)
		}
		return out[i].ID < out[j].ID
	})
	return out
}

// Totals returns the counters since the start.
func (s *Server) Totals() Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.totals
	if s.udp != nil {
		t.Stray = int64(s.udp.Strangers())
	}
	return t
}

// Load sums up what the sessions do now.
func (s *Server) Load() Load {
	sessions := s.Sessions()
	s.mu.Lock()
	load := Load{
		Sessions: len(sessions), MaxSessions: s.config.MaxSessions,
		SendCap: s.config.SendCap, ReceiveCap: s.config.ReceiveCap,
		Draining: s.draining != "",
	}
	s.mu.Unlock()
	for _, x := range sessions {
		if x.Direction == Push {
			load.ReceiveRate += x.Rate
		} else {
			load.SendRate += x.Rate
		}
		load.BufferFill = max(load.BufferFill, x.BufferFill)
	}
	return load
}

// SetRate changes the target rate of a live session in bit/s, 0 for none. It
// reports whether there is such a session.
func (s *Server) SetRate(session string, rate int64) bool {
	return s.with(session, func(x *serverSession) { x.setRate(rate) })
}

// SetPolicy changes the policy of a live session.
func (s *Server) SetPolicy(session string, p Policy) bool {
	return p != "" && p.Valid() && s.with(session, func(x *serverSession) { x.setPolicy(p) })
}

// Cancel ends a live session; the client sees why. A client retries only when
// the code of why is retryable; nil means [CodeCancelled].
func (s *Server) Cancel(session string, why *Error) bool {
	if why == nil {
		why = newError(CodeCancelled, "the transfer was cancelled by an operator of the node", nil)
	}
	return s.with(session, func(x *serverSession) { x.cancel(why) })
}

// Move asks the client of a live session to go on elsewhere, as soon as what
// is on its way has landed.
func (s *Server) Move(session string) bool {
	return s.with(session, func(x *serverSession) { x.move() })
}

// Drain refuses new sessions with [CodeDraining] and asks those that live to
// move. It returns at once; Sessions tells who is left.
func (s *Server) Drain(reason string) {
	if reason == "" {
		reason = "the node is draining"
	}
	s.mu.Lock()
	s.draining = reason
	s.mu.Unlock()
	for _, x := range s.live() {
		x.move()
	}
}

// Undrain takes new sessions again. Sessions that were asked to move go.
func (s *Server) Undrain() {
	s.mu.Lock()
	s.draining = ""
	s.mu.Unlock()
}

// SetCaps changes the node's bandwidth each way, bit/s, 0 for none, for live
// sessions too.
func (s *Server) SetCaps(send, receive int64) {
	s.mu.Lock()
	s.config.SendCap, s.config.ReceiveCap = send, receive
	s.mu.Unlock()
	s.send.SetCap(send)
	s.receive.SetCap(receive)
}

// SetMaxSessions changes the session limit for new sessions; n <= 0 means
// 1000.
func (s *Server) SetMaxSessions(n int) {
	if n <= 0 {
		n = 1000
	}
	s.mu.Lock()
	s.config.MaxSessions = n
	s.mu.Unlock()
}

// SetSessionRates changes the target of sessions whose client asks for none and
// the most that any session gets, bit/s, 0 for none. Live sessions follow.
func (s *Server) SetSessionRates(usual, most int64) {
	s.rates.Store(&sessionRates{usual: max(usual, 0), most: max(most, 0)})
	for _, x := range s.live() {
		x.apply()
	}
}

func (s *Server) sessionRates() (usual, most int64) {
	r := s.rates.Load()
	return r.usual, r.most
}

// SetCiphers changes the ciphers that new sessions may choose from; none means
// all. Live sessions keep theirs.
func (s *Server) SetCiphers(allowed []Cipher) error {
	if err := checkCiphers(allowed); err != nil {
		return err
	}
	s.mu.Lock()
	s.config.Ciphers = allowed
	s.mu.Unlock()
	return nil
}

func (s *Server) live() []*serverSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*serverSession, 0, len(s.sessions))
	for _, x := range s.sessions {
		out = append(out, x)
	}
	return out
}

func (s *Server) with(session string, do func(*serverSession)) bool {
	s.mu.Lock()
	x := s.sessions[session]
	s.mu.Unlock()
	if x == nil {
		return false
	}
	do(x)
	return true
}
