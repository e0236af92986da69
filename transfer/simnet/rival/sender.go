package rival

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/wire"
)

// control is a congestion control. Windows count packets, rates packets per second.
type control interface {
	acked(now time.Duration, s *Sender, a ack)
	lost(now time.Duration, s *Sender)
	timeout(now time.Duration, s *Sender)
	window() float64
	rate() float64 // 0: not paced
}

// ack is what one acknowledgement tells.
type ack struct {
	rtt       time.Duration
	delivered uint64  // packets, when the one acknowledged was sent
	rate      float64 // packets/s delivered between
}

type sent struct {
	at        time.Duration
	delivered uint64
	at0       time.Duration // when the latest before it was delivered
	open      bool
}

// Sender is the sending end of a model.
type Sender struct {
	peer netip.AddrPort
	cc   control

	ring      [1 << 16]sent
	next      uint64 // first is 1
	low       uint64 // lowest open
	flying    int
	delivered uint64
	lastAck   time.Duration
	srtt      time.Duration
	minRTT    time.Duration
	recover   uint64 // losses of packets below belong to an event that was answered
	credit    time.Duration
	rtoAt     time.Duration
}

// NewCubic returns a sender that uses CUBIC.
func NewCubic(peer netip.AddrPort) *Sender { return newSender(peer, &cubic{cwnd: 10, ssthresh: 1e9}) }

// NewBBR returns a sender that uses BBR.
func NewBBR(peer netip.AddrPort) *Sender {
	return newSender(peer, &bbr{gain: startupGain, cwndGain: startupGain})
}

func newSender(peer netip.AddrPort, cc control) *Sender {
	return &Sender{peer: peer, cc: cc, next: 1, low: 1, rtoAt: simnet.Never}
}

// HandleDatagram implements simnet.Endpoint.
func (s *Sender) HandleDatagram(now time.Duration, _ netip.AddrPort, b []byte) error {
	if len(b) != ackSize {
		return errForeign
	}
	n := binary.BigEndian.Uint64(b)
	if n < s.low || n >= s.next {
		return nil
	}
	p := &s.ring[n%uint64(len(s.ring))]
	if !p.open {
		return nil
	}
	p.open = false
	s.flying--
	s.delivered++
	rtt := now - p.at
	if s.srtt == 0 {
		s.srtt, s.minRTT = rtt, rtt
	}
	s.srtt += (rtt - s.srtt) / 8
	s.minRTT = min(s.minRTT, rtt)
	a := ack{rtt: rtt, delivered: p.delivered}
	if span := now - p.at0; span > 0 {
		a.rate = float64(s.delivered-p.delivered) / span.Seconds()
	}
	s.lastAck = now
	s.cc.acked(now, s, a)
	for ; s.low+3 <= n; s.low++ { // three later ones have arrived
		q := &s.ring[s.low%uint64(len(s.ring))]
		if !q.open {
			continue
		}
		q.open = false
		s.flying--
		if s.low >= s.recover {
			s.recover = s.next
			s.cc.lost(now, s)
		}
	}
	for s.low < s.next && !s.ring[s.low%uint64(len(s.ring))].open {
		s.low++
	}
	s.arm(now)
	return nil
}

func (s *Sender) arm(now time.Duration) {
	s.rtoAt = simnet.Never
	if s.flying > 0 {
		s.rtoAt = now + max(2*s.srtt, 200*time.Millisecond)
		if s.srtt == 0 {
			s.rtoAt = now + time.Second
		}
	}
}

// AppendDatagrams implements simnet.Endpoint.
func (s *Sender) AppendDatagrams(now time.Duration, b *wire.Batch) int {
	b.Addr = s.peer
	if now >= s.rtoAt { // all that is open is taken for lost
		for n := s.low; n < s.next; n++ {
			s.ring[n%uint64(len(s.ring))].open = false
		}
		s.low, s.flying, s.recover = s.next, 0, s.next
		s.cc.timeout(now, s)
		s.arm(now)
	}
	n := 0
	for s.mayNow(now) {
		room := b.Next(packetSize)
		if room == nil {
			break
		}
		binary.BigEndian.PutUint64(room, s.next)
		b.Commit(packetSize)
		at0 := s.lastAck
		if s.flying == 0 {
			at0 = now
		}
		s.ring[s.next%uint64(len(s.ring))] = sent{at: now, delivered: s.delivered, at0: at0, open: true}
		s.next++
		s.flying++
		if r := s.cc.rate(); r > 0 {
			s.credit = max(s.credit, now-time.Millisecond) + time.Duration(float64(time.Second)/r)
		}
		if s.rtoAt == simnet.Never {
			s.arm(now)
		}
		n++
	}
	return n
}

func (s *Sender) open() bool {
	return float64(s.flying) < s.cc.window() && s.next-s.low < uint64(len(s.ring))-1
}

func (s *Sender) mayNow(now time.Duration) bool {
	return s.open() && (s.cc.rate() == 0 || s.credit <= now)
}

// NextDeadline implements simnet.Endpoint.
func (s *Sender) NextDeadline() time.Duration {
	if s.open() {
		if s.cc.rate() == 0 {
			return 0
		}
		return min(s.credit, s.rtoAt)
	}
	return s.rtoAt
}
