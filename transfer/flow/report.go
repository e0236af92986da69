package flow

import (
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// takeReport takes the status and coverage of an authentic control datagram.
func (s *Sender) takeReport(now time.Duration, number uint64) {
	c := &s.control
	s.waitSince, s.halved = now, false
	s.probeWait = 0
	rtt := time.Duration(0)
	fresh := c.HasStatus && number > s.newestNote && c.Status.Largest < s.ledger.next
	if fresh {
		s.newestNote = number
		if p := s.ledger.at(c.Status.Largest); p != nil && c.Status.Largest > s.largest {
			rtt = max(now-s.waited-p.at-c.Status.Delay, time.Microsecond)
			s.largest = c.Status.Largest
			s.loss.reached(p.at, rtt)
			s.pacer.reach(min(rtt, s.loss.srtt))
		}
	}
	for i := range c.Coverage {
		s.takeCoverage(now, &c.Coverage[i])
	}
	s.declareLosses(now)
	if fresh {
		s.feed(now, rtt, &c.Status)
	}
	s.ledger.advance()
	if !s.waits() {
		s.waitSince = Forever
	}
	s.watchMTU(now)
}

// peakMost bounds what a peer may claim, kB/s: 1 Tb/s.
const peakMost = 125e6

// feed gives the controller its sample.
func (s *Sender) feed(now, rtt time.Duration, st *wire.Status) {
	s.sample.Now, s.sample.RTT = now, rtt
	s.sample.PeerClock = st.Clock
	s.sample.Packets = st.Packets
	s.sample.Bytes = st.Bytes + st.Packets*uint64(s.overhead)
	s.sample.OWD, s.sample.HasOWD = st.OWD, st.HasOWD
	if s.sample.Peak = 0; !s.cfg.Follows && st.Peak != s.peakTold { // else it is told once more
		s.sample.Peak = min(float64(st.Peak), peakMost) * 1e3 * s.packet() / float64(s.mtu)
	}
	s.peakTold = st.Peak
	s.sample.Acked, s.sample.Lost = s.stats.AckedPackets, s.stats.LostPackets-s.stats.SpuriousPackets
	s.sample.Runs = s.stats.LossRuns
	// By the source or by this host: what was not sent says nothing about the path.
	s.sample.Limited = s.pacer.late(now) || s.limited
	s.sample.PeerRate = float64(st.MaxRate)
	s.limited = s.dry
	s.cc.OnReport(&s.sample)
	s.pacer.rate = s.cc.Rate()
	if st.MaxRate > 0 { // a burst that was begun before the peer said so is not for its sake
		s.pacer.hold(float64(st.MaxRate) / 8 * s.loss.srtt.Seconds())
	}
	s.stats.feedback(st)
}

func (s *Sender) takeCoverage(now time.Duration, c *wire.Coverage) {
	if c.Top >= s.ledger.next {
		return // of packets never sent: the peer is confused
	}
	oldest := s.ledger.oldest()
	c.Spans(func(span wire.Span) {
		for n := max(span.Low, oldest); n <= span.High; n++ {
			p := s.ledger.at(n)
			switch {
			case p.fate == settled:
			case span.Received:
				s.acked(now, p)
			case p.fate == pending:
				p.missing = true
			}
		}
	})
}

func (s *Sender) acked(now time.Duration, p *sentPacket) {
	if p.fate == lost {
		s.loss.spurious(now - p.at)
		s.stats.SpuriousPackets++
	} else {
		s.settle(p)
	}
	p.fate = settled
	s.stats.AckedPackets++
	s.stats.AckedBytes += uint64(p.size)
	switch {
	case p.probe:
		s.probed(int(p.size), true)
	case int(p.size)-s.overhead > SafeMTU:
		s.bigLost = 0
		s.bigAcked++
	default:
		s.smallAcked++
		if p.data && int(p.size) >= s.mtu+s.overhead {
			s.bigAcked++
		}
	}
	if !p.data || p.blind {
		return
	}
	if o := s.origin(p); o != nil && !o.told {
		o.told = true
		s.source.Acked(o.token)
	}
}

// settle takes a pending packet out of the flight.
func (s *Sender) settle(p *sentPacket) {
	if !p.data {
		return
	}
	s.inFlight -= int64(p.size)
	s.unsettled--
	if o := s.origin(p); o != nil {
		o.open--
	}
}

// origin returns the packet that p is a copy of, or p. It is in the books while
// p is pending: it was pending itself when p was made, and the ring holds twice
// what is in flight.
func (s *Sender) origin(p *sentPacket) *sentPacket {
	if p.origin == 0 {
		return p
	}
	return s.ledger.at(p.origin)
}

func (s *Sender) declareLosses(now time.Duration) {
	for n := s.ledger.floor; n <= s.largest; n++ {
		p := s.ledger.at(n)
		if p.fate != pending || !p.missing {
			continue
		}
		if !s.loss.lost(now, p.at, s.largest-n) {
			if s.loss.tooYoung(now, p.at) {
				break
			}
			continue
		}
		if before := s.ledger.at(n - 1); !p.blind && (before == nil || before.fate != lost) {
			s.stats.LossRuns++
		}
		s.declareLost(p)
	}
	s.ledger.advance()
}

func (s *Sender) declareLost(p *sentPacket) {
	s.settle(p)
	if p.probe {
		p.fate = settled // its size is to blame, not the path's load
		s.probed(int(p.size), false)
		return
	}
	if p.blind {
		p.fate = settled // it may have come before the receiver was there
		return
	}
	p.fate = lost
	s.stats.LostPackets++
	if int(p.size)-s.overhead > SafeMTU {
		if s.bigLost == 0 {
			s.bigSince, s.smallAcked = p.at, 0
		}
		s.bigLost++
		s.bigUntil = p.at
	}
	if !p.data {
		return
	}
	o := s.origin(p)
	if o == nil || o.told || o.open > 0 {
		return // another copy may make it
	}
	s.stats.LostTokens++
	s.dry = false
	s.source.Lost(o.token)
}
