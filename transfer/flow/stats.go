package flow

import (
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/wire"
)

// Stats are a Sender's figures since the start. Bytes are those of IP packets.
type Stats struct {
	SentPackets, SentBytes   uint64
	DataPackets              uint64 // of SentPackets, those with a payload of the Source
	AckedPackets, AckedBytes uint64
	LostPackets              uint64 // declared, spurious ones included
	LossRuns                 uint64 // stretches of neighbours among them
	SpuriousPackets          uint64 // declared lost, arrived later
	LostTokens               uint64 // reported to the Source
	RepeatedPackets          uint64 // redundant copies
	ParityPackets            uint64 // for the end of what is sent
	ReceivedPackets          uint64 // what the receiver says has arrived
	ReceivedBytes            uint64
	InFlight                 int64
	PeerRate                 float64 // bit/s that the receiver can take; 0: no limit

	Rate, Delivered float64 // bit/s allowed, and arriving
	RTT, Queue      time.Duration
	Loss            float64 // of the path itself, as a fraction
	LimitedBy       string  // what bounds the rate, for people
	Phase           string  // of the congestion controller, for people
	Silence         time.Duration
	Peer            netip.AddrPort
	PeerProven      bool
	Moves           uint64 // changes of the peer's address
	Heard           uint64 // authentic datagrams that came in
	MTU             int
}

func (s *Stats) sent(p *sentPacket) {
	s.SentPackets++
	s.SentBytes += uint64(p.size)
}

func (s *Stats) feedback(st *wire.Status) {
	s.ReceivedPackets, s.ReceivedBytes = st.Packets, st.Bytes
	s.PeerRate = float64(st.MaxRate)
}

// Stats returns the figures at the moment now.
func (s *Sender) Stats(now time.Duration) Stats {
	t := s.stats
	c := s.cc.State()
	t.InFlight = s.inFlight
	t.Rate, t.Delivered = c.Rate*8, c.Anchor*8
	t.RTT, t.Queue, t.Loss = s.loss.srtt, c.Queue, c.Baseline
	t.Phase = c.Phase
	t.Silence = s.silence(now)
	t.Peer, t.PeerProven, t.Moves, t.MTU = s.path.addr, s.path.proven, s.path.moves, s.mtu
	switch {
	case !s.path.addr.IsValid():
		t.LimitedBy = "peer address unknown"
	case s.parked:
		t.LimitedBy = "parked"
	case s.stopped(now):
		t.LimitedBy = "silence"
	case !s.path.proven:
		t.LimitedBy = "address validation"
	case s.dry:
		t.LimitedBy = "application"
	case c.Reason == congestion.ByPath && s.inFlight >= s.cc.Window():
		t.LimitedBy = "window"
	default:
		t.LimitedBy = c.Reason.String()
	}
	return t
}

// Learnt is what a Sender has found out that the next one on the same path may
// begin with.
type Learnt struct {
	congestion.Learnt
	MTU int // UDP payload bytes that pass; 0: too few were sent to tell
}

// Learnt returns it.
func (s *Sender) Learnt() Learnt {
	l := Learnt{Learnt: s.cc.Learnt()}
	if s.bigAcked >= probeAfter {
		l.MTU = s.mtu
	}
	return l
}
