package flow

import (
	"math"
	"time"

	"github.com/godwit/godwit/transfer/mirror"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	queryMost   = 4096 // packets asked about at once
	repeatFirst = 64   // packets that may be repeated before any credit is earned
	repeatPer   = 64   // data packets that earn one repeat: 1.6 % at most, more where much is lost
	repeatMost  = 8192 // credit that can be saved up for the tail
	repeatKeep  = 4096 // of it, for when few are open: the last ones decide when all is there
	copiesMost  = 6    // of one packet
	fewOpen     = 2048 // packets in flight that may be repeated more than once
	// missMost is how many packets may be expected to be lost with all their copies.
	missMost = 1. / 8
	// burstPackets lie between copies of a packet: losses come in bursts.
	burstPackets = 64
)

// controlDeadline is when a control datagram is due.
func (s *Sender) controlDeadline() time.Duration {
	if !s.path.allowed(challengeRoom) {
		return Forever
	}
	d := s.path.deadline()
	if s.waitSince != Forever {
		d = min(d, s.syncAt)
	}
	if s.mirror != nil && !s.parked {
		if due := s.mirror.Due(); !s.stoppedAt(due) { // in silence, probes take it along
			d = min(d, due)
		}
	}
	return d
}

// appendControl writes a sync frame and what the path needs. In flight data is
// what makes syncs go out; in silence they are the probes.
func (s *Sender) appendControl(now time.Duration, b *wire.Batch) {
	const most = 256
	room := b.Next(most)
	if room == nil {
		return
	}
	body := s.path.append(now, room[wire.HeaderSize:wire.HeaderSize])
	sync := wire.Sync{Floor: s.ledger.oldest(), RTT: s.loss.srtt}
	sync.Low, sync.High = s.findHole(now)
	sync.Want = sync.High != 0 || now-s.lastData > s.loss.srtt/4 || s.stopped(now)
	body = sync.Append(body)
	if s.mirror != nil {
		body = s.mirror.Append(now, s.loss.srtt, body, min(mirror.Room, most-s.seal.extra-len(body)))
	}
	s.push(now, wire.KindControl, room, len(body), &sentPacket{at: now, fate: pending})
	b.Commit(len(body) + s.seal.extra)
	wait := s.syncEvery()
	if s.stopped(now) {
		s.probeWait = min(max(2*s.probeWait, 4*syncLeast), probeMost)
		wait = s.probeWait
	}
	if s.parked {
		wait = max(wait, parkedProbe)
	}
	s.syncAt = now + wait
	s.declareLosses(now)
	s.giveUpStuck(now)
}

// giveUpStuck declares the oldest open packet lost when reports keep coming and
// none ever mentions it: the receiver has forgotten it.
func (s *Sender) giveUpStuck(now time.Duration) {
	if s.ledger.floor != s.stuck || s.silence(now) > silenceMid {
		s.stuck, s.stuckSince = s.ledger.floor, now
		return
	}
	if now-s.stuckSince > max(8*s.loss.srtt, 3*time.Second) {
		if p := s.ledger.at(s.stuck); p != nil && p.fate == pending {
			s.declareLost(p)
			s.ledger.advance()
		}
	}
}

func (s *Sender) syncEvery() time.Duration { return max(s.loss.srtt/4, syncLeast) }

// findHole looks for packets that reports should have mentioned and did not,
// because the reports were lost. Each is asked for about once per RTT.
func (s *Sender) findHole(now time.Duration) (low, high uint64) {
	if now-s.holeReset > s.loss.srtt*5/4 {
		s.holeNext, s.holeReset = 0, now
	}
	due := now - s.loss.srtt - s.loss.srtt/4 - 2*syncLeast
	for n := max(s.ledger.floor, s.holeNext); n <= s.largest; n++ {
		p := s.ledger.at(n)
		if p.at > due {
			return 0, 0
		}
		if p.fate == pending && !p.missing {
			high = min(n+queryMost, s.largest)
			s.holeNext = high + 1
			return n, high
		}
	}
	return 0, 0
}

// again is what a Sender knows about sending the same again while its source has
// nothing new: the tail of a transfer then needs fewer rounds, for a packet and
// its copy are both lost far less often than one.
type again struct {
	next uint64        // where the present pass goes on, downwards
	pass uint8         // copies that each packet may have had when it is over
	at   time.Duration // when the next pass may begin
	left float64       // packets that may still be sent again
}

// begin starts over with the newest packet: the source ran dry.
func (a *again) begin(now time.Duration, newest uint64, wait time.Duration) {
	a.next, a.pass, a.at = newest, 1, now+wait
}

// earn adds credit for one data packet of a path with the given loss. Half an
// RTT of the tail is worth copying: what is older learns its fate as early.
func (a *again) earn(loss float64, inFlight int) {
	a.left = min(a.left+1./repeatPer+loss/2, repeatMost+4*loss*float64(inFlight))
}

// passes lets the next pass begin when it is due. Copies follow each other at a
// distance, because losses come in bursts.
func (s *Sender) passes(now time.Duration) {
	a := &s.again
	if s.dry && a.next < s.ledger.floor && now >= s.passAt() {
		a.next, a.at = s.ledger.next-1, now+s.apart()
		a.pass++
	}
}

// apart is how far a packet and its copy are from each other.
func (s *Sender) apart() time.Duration {
	burst := time.Duration(burstPackets * s.packet() / s.cc.Rate() * float64(time.Second))
	return min(burst, s.loss.srtt/8)
}

// passAt is when the next pass is due; Forever: none is.
func (s *Sender) passAt() time.Duration {
	a := &s.again
	if !s.dry || a.next >= s.ledger.floor || a.pass == 0 || a.left < 1 ||
		s.unsettled == 0 || s.unsettled > fewOpen || int(a.pass) >= s.copiesWanted() {
		return Forever
	}
	return a.at
}

// copiesWanted is how many copies of each open packet, of which there is one at
// least, make it likely that one of each arrives. A loss below a thousandth is not known that well.
func (s *Sender) copiesWanted() int {
	sends := math.Log(float64(s.unsettled)/missMost) / -math.Log(max(s.cc.Loss(), 1e-3))
	return min(max(int(math.Ceil(sends))-1, 1), copiesMost)
}

func (s *Sender) mayRepeat() bool {
	left := s.again.left
	if s.unsettled > fewOpen {
		left -= repeatKeep
	}
	return left >= 1 && s.again.next >= s.ledger.floor && s.again.next > 0
}

// repeat fills body with another copy of the newest packet whose fate is open.
func (s *Sender) repeat(now time.Duration, body []byte, p *sentPacket) int {
	a := &s.again
	for ; s.mayRepeat(); a.next-- {
		o := s.ledger.at(a.next)
		if o == nil || o.fate != pending || !o.data || o.told || o.origin != 0 || o.copies >= a.pass {
			continue
		}
		n := s.source.Repeat(now, o.token, body)
		if n == 0 {
			continue
		}
		p.origin = a.next
		o.copies++
		o.open++
		a.left--
		a.next--
		s.stats.RepeatedPackets++
		return n
	}
	return 0
}
