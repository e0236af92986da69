package pathbook

import (
	"net/netip"
	"time"
)

const (
	// Lifetime is how long an entry is good for. Networks are alike from one hour to
	// the next, not from day to day.
	Lifetime = 6 * time.Hour

	// The networks that count as one place (RFC 9040, 3, leaves the sizes to who
	// remembers): what a site or a home is given.
	bits4, bits6 = 24, 56

	// RateRTT is the least round trip of which a rate is worth remembering: on
	// shorter paths a start takes no time.
	RateRTT = 2 * time.Millisecond

	// A round trip is the same while it is no more than this apart: what differs
	// beyond it is another route, or a queue that was not there.
	sameShare = 0.1
	sameLeast = 4 * time.Millisecond

	// Bounds of what can be true, for what a file says.
	rateMost = 1e12
	rttMost  = time.Minute
	mtuMost  = 1 << 16
)

// Reach says whether datagrams got through.
type Reach string

// What is known of UDP on a path.
const (
	Unknown Reach = ""
	Open    Reach = "open"
	Blocked Reach = "blocked"
)

// Key names a path by the networks of its ends. Local is the zero Prefix for who is
// always in the same place.
type Key struct {
	Local, Peer netip.Prefix
}

// KeyOf is the path between two addresses, of which local may be invalid; false: it
// has no place in a book.
func KeyOf(local, peer netip.Addr) (Key, bool) {
	l, _ := network(local)
	p, ok := network(peer)
	return Key{Local: l, Peer: p}, ok
}

func network(a netip.Addr) (netip.Prefix, bool) {
	a = a.Unmap().WithZone("")
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	if !a.IsValid() || a.IsUnspecified() {
		return netip.Prefix{}, false
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

// Path is what was learnt of one. Fields that are zero are not known.
type Path struct {
	Seen time.Time     // when that was
	RTT  time.Duration // round trip without a queue
	Rate float64       // bit/s of IP packets that arrived while the path was all that limited them
	Loss float64       // of the path itself, as a fraction
	MTU  int           // UDP payload bytes that passed
	UDP  Reach
}

// valid reports whether all of it can be true.
func (p *Path) valid() bool {
	return !p.Seen.IsZero() && p.RTT >= 0 && p.RTT <= rttMost && p.Rate >= 0 && p.Rate <= rateMost &&
		p.Loss >= 0 && p.Loss < 1 && p.MTU >= 0 && p.MTU <= mtuMost && (p.UDP == Unknown || p.UDP == Open || p.UDP == Blocked)
}

// fresh reports whether it is recent at the moment now. What is from the future is
// of a clock that was set.
func (p *Path) fresh(now time.Time) bool {
	age := now.Sub(p.Seen)
	return age >= 0 && age < Lifetime
}

// SameRTT reports whether rtt is the path's round trip, so that its rate may be
// believed.
func (p *Path) SameRTT(rtt time.Duration) bool {
	apart := max(time.Duration(sameShare*float64(p.RTT)), sameLeast)
	return p.RTT >= RateRTT && p.Rate > 0 && rtt >= p.RTT-apart && rtt <= p.RTT+apart
}

// add puts what was learnt later over p; what it does not know stays.
func (p *Path) add(later Path) {
	if later.Rate > 0 {
		p.RTT, p.Rate, p.Loss = later.RTT, later.Rate, later.Loss
	}
	if later.MTU > 0 {
		p.MTU = later.MTU
	}
	if later.UDP != Unknown {
		p.UDP = later.UDP
	}
	p.Seen = later.Seen
}
