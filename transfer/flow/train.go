package flow

import "time"

const (
	// trainSpan is the shortest time over which an arrival rate means anything: a
	// host that is woken late, or a network card that coalesces, hands over what
	// came in a quarter of a millisecond as if it had come at once. On a long path,
	// where a rate that is too high goes on for a long time before it is known,
	// bursts are longer and so is this, up to trainMost.
	trainSpan = 1500 * time.Microsecond
	trainMost = 2 * trainSpan
	trainRTT  = 160 // of these make a round trip
	// trainLeast is how many packets it takes.
	trainLeast = 8
	trainSlots = 64
	// trainTold is how often a peak is told: reports are lost, and a start without its
	// first peak is a slow one.
	trainTold = 3
	// trainGrain is what counts as one moment: the slots must reach over the span.
	trainGrain = 2 * trainMost / trainSlots
)

// train measures the fastest arrival over a short span. A burst that leaves
// faster than the bottleneck arrives at the bottleneck's rate, so the peak tells
// what the path can carry long before a flow sends that much.
type train struct {
	slot [trainSlots]struct {
		at             time.Duration
		bytes, packets uint64 // totals when the moment was over
	}
	head, tail int // newest and oldest of the window, ever rising
	span       time.Duration
	begun      bool                   // there is a newest
	peak       float64                // bytes/s since take
	told       [trainTold - 1]float64 // what peak was before the last takes
}

// long sets the span for a path with such a round trip.
func (t *train) long(rtt time.Duration) { t.span = min(max(rtt/trainRTT, trainSpan), trainMost) }

// arrived enters totals after one more packet.
func (t *train) arrived(now time.Duration, bytes, packets uint64) {
	if t.begun && now < t.slot[t.head%trainSlots].at+trainGrain {
		s := &t.slot[t.head%trainSlots]
		s.bytes, s.packets = bytes, packets
		t.judge()
		return
	}
	if t.begun {
		t.head++
	}
	t.begun = true
	s := &t.slot[t.head%trainSlots]
	s.at, s.bytes, s.packets = now, bytes, packets
	t.tail = max(t.tail, t.head-trainSlots+1)
	// The window is the shortest that means anything.
	for t.tail+1 < t.head {
		next := &t.slot[(t.tail+1)%trainSlots]
		if now-next.at < t.span || packets-next.packets < trainLeast {
			break
		}
		t.tail++
	}
	t.judge()
}

func (t *train) judge() {
	first, last := &t.slot[t.tail%trainSlots], &t.slot[t.head%trainSlots]
	span := last.at - first.at
	if span < t.span || last.packets-first.packets < trainLeast {
		return
	}
	t.peak = max(t.peak, float64(last.bytes-first.bytes)/span.Seconds())
}

// take returns the peak since one of the last trainTold calls in bytes/s; 0: not
// measured.
func (t *train) take() float64 {
	p := t.peak
	for _, told := range t.told {
		p = max(p, told)
	}
	copy(t.told[1:], t.told[:])
	t.told[0], t.peak = t.peak, 0
	return p
}
