package flow

import (
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// The size of datagrams is what a path of 1,500 bytes carries, until probes find
// more, or losses of full datagrams alone show that it is less (RFC 8899). A
// probe is a control datagram filled up to the size in question. Its loss says
// nothing about congestion and is not counted.

const (
	probeAfter = 64                     // full packets that arrive first: a small transfer does without
	probeTries = 3                      // losses that rule a size out
	probeGap   = 20 * time.Millisecond  // least time between probes
	probeRate  = 50                     // probes that a second at the present rate holds at least
	searchWait = 500 * time.Millisecond // after a fall, before something between is tried
	searchNext = 10 * time.Minute       // RFC 8899 §5.1.1: PMTU_RAISE_TIMER

	blackHole      = 16 // full-size packets lost in a row while small ones pass
	blackHoleLeast = 150 * time.Millisecond
)

// packetSizes are the IP packets worth trying: tunnels and PPPoE below 1,500,
// then Wi-Fi, clouds and jumbo Ethernet.
var packetSizes = [...]int{1280, 1400, 1420, 1440, 1460, 1480, 1492, 1500, 2304, 4000, 8500, 8896, 9000}

// search looks for the largest datagram.
type search struct {
	bound  int // index in packetSizes of the least size known not to pass
	tried  bool
	probe  int // index of the size that is tried; 0: none
	flying bool
	losses int
	next   time.Duration // when to probe again
}

func newSearch() search { return search{bound: len(packetSizes)} }

// setFamily adapts to the peer's address, which a node learns late.
func (s *Sender) setFamily(a netip.Addr) {
	overhead := packetOverhead(a)
	if overhead == s.overhead || !a.IsValid() {
		return
	}
	s.mtu = max(s.mtu+s.overhead-overhead, SafeMTU)
	s.overhead = overhead
}

// index is the position of the size in use.
func (s *Sender) index() int {
	for i := len(packetSizes) - 1; i > 0; i-- {
		if packetSizes[i]-s.overhead <= s.mtu {
			return i
		}
	}
	return 0
}

// probeDue reports whether a probe should go now, and chooses its size: the
// largest first, as most paths carry either that or nothing more, then the
// middle of what is left.
func (s *Sender) probeDue(now time.Duration) bool {
	f := &s.search
	if f.flying || now < f.next || s.bigAcked < probeAfter || !s.path.proven || s.parked || s.stopped(now) || s.cfg.MTU > 0 {
		return false
	}
	low := s.index()
	if low+1 >= f.bound {
		f.bound, f.tried, f.next = len(packetSizes), false, now+searchNext
		return false
	}
	if f.probe <= low || f.probe >= f.bound {
		f.probe, f.losses = (low+f.bound)/2, 0
		if !f.tried {
			f.probe = f.bound - 1
		}
	}
	return s.cc.Rate() >= probeRate*float64(packetSizes[f.probe])
}

// appendProbe writes one probe, alone in its batch.
func (s *Sender) appendProbe(now time.Duration, b *wire.Batch) {
	f := &s.search
	size := packetSizes[f.probe] - s.overhead
	room := b.Next(size)
	if room == nil || !s.path.allowed(size) {
		return
	}
	sync := wire.Sync{Floor: s.ledger.oldest(), RTT: s.loss.srtt}
	body := pad(sync.Append(room[wire.HeaderSize:wire.HeaderSize]), size-s.seal.extra)
	s.push(now, wire.KindControl, room, len(body), &sentPacket{at: now, fate: pending, probe: true})
	b.Commit(len(body) + s.seal.extra)
	f.flying = true
	f.next = now + max(s.loss.srtt, probeGap)
}

// probed takes the fate of a probe.
func (s *Sender) probed(size int, arrived bool) {
	f := &s.search
	if f.probe == 0 || size != packetSizes[f.probe] {
		return // of an earlier search
	}
	f.flying = false
	switch {
	case arrived:
		s.mtu = size - s.overhead
		f.probe, f.tried = 0, true
	default:
		if f.losses++; f.losses >= probeTries {
			f.bound, f.probe, f.tried = f.probe, 0, true
		}
	}
}

// TooLong says that the socket refused a datagram of so many bytes.
func (s *Sender) TooLong(size int) {
	f := &s.search
	if f.flying && size == packetSizes[f.probe]-s.overhead {
		f.flying = false
		f.bound, f.probe, f.tried = f.probe, 0, true
		return
	}
	s.mtu = SafeMTU
}

// watchMTU falls back to a size that passes. A short outage loses packets of
// every size, so it takes more than that.
func (s *Sender) watchMTU(now time.Duration) {
	if s.mtu <= SafeMTU || s.bigLost < blackHole || s.smallAcked < 3 ||
		s.bigUntil-s.bigSince < max(2*s.loss.srtt, blackHoleLeast) {
		return
	}
	s.search = search{bound: s.index(), next: now + max(2*s.loss.srtt, searchWait)}
	usual := 1500 - s.overhead
	if s.mtu > usual {
		s.mtu = usual
	} else {
		s.mtu = SafeMTU
	}
	s.bigLost, s.bigAcked = 0, probeAfter // a search is worth its while
}
