package transfer

import (
	"net/netip"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/pathbook"
)

// acquaintance is what a session has to do with the memory of its path. The zero
// value has none.
type acquaintance struct {
	book *pathbook.Book // nil: none
	key  pathbook.Key
	path pathbook.Path // as it was remembered when the session began
	met  bool          // there was something
}

// acquaint looks a path up; local may be invalid.
func acquaint(b *pathbook.Book, local, peer netip.Addr) (a acquaintance) {
	key, ok := pathbook.KeyOf(local, peer)
	if b == nil || !ok {
		return a
	}
	a.book, a.key = b, key
	a.path, a.met = b.Path(key)
	return a
}

// brief has a flow that sends begin with what is known, as far as its round trip
// says that the path is still the same.
func (a *acquaintance) brief(cfg *flow.Config) {
	if !a.met {
		return
	}
	cfg.KnownMTU = a.path.MTU
	if a.path.SameRTT(cfg.RTT) {
		cfg.Resume = congestion.Resume{Rate: a.path.Rate, Loss: a.path.Loss}
	}
}

// learn writes down what the session has found out; under the lock, or when the
// session has ended.
func (s *session) learn() {
	a := &s.known
	if a.book == nil {
		return
	}
	p := pathbook.Path{}
	datagrams, other := uint64(0), s.via.in != nil && s.via.in.bytes > 0 || s.via.out != nil && s.via.out.taken > 0
	for _, l := range s.lanes {
		if l.frcv != nil {
			datagrams += l.frcv.Stats(s.now()).Packets
			continue
		}
		datagrams += l.heard()
		x := l.fsnd.Learnt()
		p.RTT, p.Rate, p.Loss, p.MTU = x.RTT, p.Rate+x.Rate, max(p.Loss, x.Loss), max(p.MTU, x.MTU)
	}
	switch {
	case datagrams > 0:
		p.UDP = pathbook.Open
	case other && s.lanes[0].sock != nil && s.via.wish == TransportAuto:
		p.UDP = pathbook.Blocked
	}
	if p != (pathbook.Path{}) {
		a.book.Learn(a.key, p)
	}
}

// heard is how many datagrams the receiver has sent.
func (l *lane) heard() uint64 { return l.fsnd.Stats(l.session.now()).Heard }

// shuns reports whether what is sent had better ride the control connection at
// first: datagrams did not get through the last time, and nothing says yet that
// they do now. They are tried beside it.
func (s *session) shuns() bool {
	return s.snd != nil && s.known.path.UDP == pathbook.Blocked && s.via.able && s.via.wish == TransportAuto && s.lanes[0].heard() == 0
}
