package transfer

import (
	"time"

	"github.com/godwit/godwit/transfer/mirror"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	// mirrorRTT is the round trip from which a segment that TCP loses is worth
	// avoiding; nearby it costs less than the copies do.
	mirrorRTT = 5 * time.Millisecond
	// farewells is how often the last words are said.
	farewells = 3
	// lastWordsWithin is how far they may be behind what says that there are no more.
	lastWordsWithin = 500 * time.Millisecond
)

// mirror has the data path take along a copy of the control connection.
func (s *session) mirror() {
	m := s.ctl.mirror
	for _, l := range s.lanes {
		if l.fsnd != nil {
			l.fsnd.Mirror(m)
		} else {
			l.frcv.Mirror(m)
		}
	}
	if s.lanes[0].sock == nil || s.rtt > 0 && s.rtt < s.mirrorFrom {
		m.Off()
	} else {
		m.OnWrite(s.lanes[0].wake)
	}
	s.ctl.read.excused = func() bool { return m.Last() > 0 && s.now()-m.Last() < DeadPeer }
}

// reflect acts on frames that datagrams brought sooner than the connection; under
// the lock.
func (s *session) reflect() {
	for !s.ended() {
		t, body, ok, err := s.ctl.mirror.Next()
		switch {
		case err != nil:
			err = newError(CodeProtocol, s.peer+" broke the protocol", err)
		case !ok:
			return
		default:
			err = s.act(t, body)
		}
		if err != nil {
			s.fail(err)
		}
	}
}

// farewell has datagrams say what the peer does not know yet, when the pump has
// ended: a connection that has lost something would say it seconds later, or never,
// should it not have come yet. It reports whether it could.
func (s *session) farewell() bool {
	s.mu.Lock()
	l := s.living()
	s.mu.Unlock()
	if l.sock == nil || l.flow == nil {
		return false
	}
	batch, told := wire.NewBatch(), 0
	for left := farewells * s.ctl.mirror.Hurry(); left > 0; {
		s.mu.Lock()
		s.ctl.mirror.Hurry()
		now := s.now()
		batch.Reset()
		n := 0
		if s.ctl.mirror.Due() <= now {
			n = l.flow.AppendDatagrams(now, batch)
		}
		s.mu.Unlock()
		if n == 0 || l.sock.SendBatch(batch) != nil {
			break
		}
		told++
		left -= mirror.Least
	}
	return told >= farewells
}

// lastWords gives datagrams the time to say how the session ended, when its connection
// has broken before it came: QUIC's end, which says so, goes another way.
func (s *session) lastWords() {
	if s.ctl.attached() {
		return
	}
	select {
	case <-s.over:
	case <-time.After(lastWordsWithin):
	}
}
