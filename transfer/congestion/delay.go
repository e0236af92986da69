package congestion

import "time"

const (
	baseBuckets = 10 // of a second each: a route change is forgotten in 10 s at worst
	recentSlots = 64
	recentLeast = 100 // packets that the recent minimum looks at, at least
)

// delay turns relative one-way delays into a queueing delay.
type delay struct {
	bucket [baseBuckets]time.Duration
	second int64 // of the newest bucket
	valid  [baseBuckets]bool

	recent [recentSlots]struct {
		at, owd time.Duration
		packets uint64
	}
	next, have int

	base, queue time.Duration
}

// add takes the least delay of one report that covered packets new packets.
func (d *delay) add(now, owd time.Duration, packets uint64, rtt time.Duration) {
	d.roll(now)
	i := d.second % baseBuckets
	if !d.valid[i] || owd < d.bucket[i] {
		d.bucket[i], d.valid[i] = owd, true
	}
	d.recent[d.next].at, d.recent[d.next].owd, d.recent[d.next].packets = now, owd, packets
	d.next = (d.next + 1) % recentSlots
	d.have = min(d.have+1, recentSlots)
	d.update(now, rtt)
}

func (d *delay) roll(now time.Duration) {
	s := int64(now / time.Second)
	if d.have == 0 {
		d.second = s
	}
	for ; d.second < s; d.second++ {
		if s-d.second > baseBuckets {
			d.second = s - baseBuckets
		}
		d.valid[(d.second+1)%baseBuckets] = false
	}
}

func (d *delay) update(now, rtt time.Duration) {
	first := true
	for i, v := range d.bucket {
		if d.valid[i] && (first || v < d.base) {
			d.base, first = v, false
		}
	}
	least, packets := d.leastSince(now - max(10*time.Millisecond, rtt/4))
	if packets == 0 {
		return
	}
	d.queue = max(0, least-d.base)
}

// leastSince returns the least delay since the moment given, or over the last
// recentLeast packets if that reaches further back.
func (d *delay) leastSince(since time.Duration) (least time.Duration, packets uint64) {
	for i := range d.have {
		r := &d.recent[(d.next-1-i+2*recentSlots)%recentSlots]
		if r.at < since && packets >= recentLeast {
			break
		}
		if packets == 0 || r.owd < least {
			least = r.owd
		}
		packets += max(r.packets, 1)
	}
	return least, packets
}

// rebase forgets the base: the path is longer than it was.
func (d *delay) rebase(now, rtt time.Duration) {
	least, packets := d.leastSince(now - rtt)
	if packets == 0 {
		return
	}
	d.valid = [baseBuckets]bool{}
	i := d.second % baseBuckets
	d.bucket[i], d.valid[i] = least, true
	d.update(now, rtt)
}
