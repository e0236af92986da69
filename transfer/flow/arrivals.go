package flow

import (
	"math/bits"

	"github.com/godwit/godwit/transfer/wire"
)

const (
	arrivalsLeast = 1 << 13
	arrivalsMost  = 1 << 21 // packets: 500 ms at 10 Gb/s is 430,000
)

// arrivals remembers which packet numbers came: it is replay window and source
// of coverage at once. It grows with the distance between what the sender
// still wants to know and the newest packet.
type arrivals struct {
	bit   []uint64 // ring by number, of a power of two bits
	most  int      // bits at most
	top   uint64   // highest seen; 0: none
	floor uint64   // nothing below is remembered or accepted
}

func newArrivals(most int) *arrivals {
	return &arrivals{bit: make([]uint64, arrivalsLeast/64), most: most, floor: 1}
}

func (a *arrivals) size() uint64 { return uint64(len(a.bit)) * 64 }

func (a *arrivals) has(n uint64) bool {
	i := n & (a.size() - 1)
	return a.bit[i/64]&(1<<(i%64)) != 0
}

// fresh reports whether number n has not been seen and can be told apart.
func (a *arrivals) fresh(n uint64) bool {
	if n < a.floor || n+uint64(a.most) <= a.top || n+a.size() <= a.top {
		return false
	}
	return n > a.top || !a.has(n)
}

// add marks a fresh number.
func (a *arrivals) add(n uint64) {
	if n > a.top {
		for n-a.floor >= a.size() && int(a.size()) < a.most {
			a.grow()
		}
		a.clear(a.top+1, n)
		a.top = n
		if n >= a.size() {
			a.floor = max(a.floor, n-a.size()+1)
		}
	}
	i := n & (a.size() - 1)
	a.bit[i/64] |= 1 << (i % 64)
}

// clear zeroes numbers low…high, which are all above top.
func (a *arrivals) clear(low, high uint64) {
	if high-low >= a.size() {
		clear(a.bit)
		return
	}
	for n := low; n <= high; {
		i := n & (a.size() - 1)
		if i%64 == 0 && high-n >= 63 {
			a.bit[i/64] = 0
			n += 64
			continue
		}
		a.bit[i/64] &^= 1 << (i % 64)
		n++
	}
}

func (a *arrivals) grow() {
	old := *a
	a.bit = make([]uint64, 2*len(old.bit))
	for n := old.floor; n <= old.top; n++ {
		if old.has(n) {
			i := n & (a.size() - 1)
			a.bit[i/64] |= 1 << (i % 64)
		}
	}
}

// raise forgets everything below floor: the sender knows its fate.
func (a *arrivals) raise(floor uint64) {
	a.floor = max(a.floor, min(floor, a.top+1))
}

// run returns how many numbers from n downwards, not below low, are all
// received or all missing as wanted.
func (a *arrivals) run(n, low uint64, received bool) uint64 {
	var count uint64
	for n >= low {
		i := n & (a.size() - 1)
		w := a.bit[i/64]
		if !received {
			w = ^w
		}
		have := i%64 + 1 // bits of this word at and below n
		w <<= 64 - have
		ones := min(uint64(bits.LeadingZeros64(^w)), have, n-low+1)
		count += ones
		if ones < have || n-low+1 == ones {
			break
		}
		n -= ones
	}
	return count
}

// cover writes the coverage of high…low into c, newest first, in at most
// maxBytes of encoding and maxRuns runs beyond wanted: numbers from wanted up
// are covered as far as the bytes go, those below only while runs are few.
func (a *arrivals) cover(c *wire.Coverage, high, wanted, low uint64, maxBytes, fewRuns int) {
	c.Top, c.Runs = high, c.Runs[:0]
	low = max(low, a.floor, 1)
	size := 0
	for n, received := high, true; n >= low; received = !received {
		if n < wanted && len(c.Runs) >= fewRuns {
			return
		}
		r := a.run(n, low, received)
		size += (bits.Len64(r|1) + 6) / 7
		if size > maxBytes || len(c.Runs) == wire.MaxRuns {
			return
		}
		c.Runs = append(c.Runs, r)
		n -= r
	}
}
