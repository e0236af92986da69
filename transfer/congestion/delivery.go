package congestion

import "time"

const deliverySlots = 256

// delivery measures the rate at which bytes arrive, on the receiver's clock:
// jitter of the feedback does not touch it.
type delivery struct {
	slot [deliverySlots]struct {
		at    time.Duration
		bytes uint64
	}
	next, have int
}

func (d *delivery) add(at time.Duration, bytes uint64) {
	d.slot[d.next].at, d.slot[d.next].bytes = at, bytes
	d.next = (d.next + 1) % deliverySlots
	d.have = min(d.have+1, deliverySlots)
}

// over returns the rate in bytes/s over at least the given span, or over less
// (and full=false) while the flow is younger.
func (d *delivery) over(span time.Duration) (rate float64, full bool) {
	if d.have < 2 {
		return 0, false
	}
	last := d.slot[(d.next-1+deliverySlots)%deliverySlots]
	first := last
	for i := 1; i < d.have; i++ {
		first = d.slot[(d.next-1-i+2*deliverySlots)%deliverySlots]
		if last.at-first.at >= span {
			full = true
			break
		}
	}
	dt := last.at - first.at
	if dt <= 0 || last.bytes < first.bytes {
		return 0, false
	}
	return float64(last.bytes-first.bytes) / dt.Seconds(), full
}
