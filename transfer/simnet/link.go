package simnet

import "time"

// Link is one direction of a path. Its fields may be changed between events:
// queued packets see the new values.
type Link struct {
	net *Net

	Rate   float64       // bit/s of the bottleneck; 0: infinitely fast
	Queue  int           // bytes that wait at most; 0: one BDP is not assumed, nothing waits
	Delay  time.Duration // propagation
	Loss   float64       // probability after the bottleneck
	Jitter time.Duration // uniform addition to the delay
	// Reorder lets jitter change the order of packets; without it a late
	// packet holds up those behind it.
	Reorder bool
	// Clump lets packets arrive at multiples of it only, as a radio does that sends
	// them off together.
	Clump     time.Duration
	Duplicate float64
	Corrupt   float64 // probability that a random bit flips
	MTU       int     // bytes of the largest IP packet that passes; 0: 1500
	Burst     *Bursts
	Police    *Policer

	// What happened so far.
	Packets, Bytes             uint64 // entered
	Delivered, DeliveredBytes  uint64 // left
	Dropped, Policed, LostHere uint64 // by queue, policer, chance
	TooLong                    uint64
	QueueMost                  int

	queue   []*packet // ring would be overkill: head moves, slice is compacted
	head    int
	queued  int
	serving bool
	last    time.Duration // latest arrival so far, to keep order
}

// Waiting returns the bytes that wait for the bottleneck.
func (l *Link) Waiting() int { return l.queued }

// NewLink returns a link for one direction.
func (n *Net) NewLink(l Link) *Link {
	l.net = n
	return &l
}

// Bursts is a Gilbert–Elliott model: packets are lost with probability Loss
// while the state is bad.
type Bursts struct {
	Enter, Leave float64 // per packet
	Loss         float64
	bad          bool
}

// Policer drops what exceeds a token bucket.
type Policer struct {
	Rate   float64 // bit/s
	Bucket float64 // bytes
	tokens float64
	last   time.Duration
	begun  bool
}

func (p *Policer) pass(now time.Duration, size int) bool {
	if !p.begun {
		p.begun, p.tokens, p.last = true, p.Bucket, now
	}
	p.tokens = min(p.Bucket, p.tokens+p.Rate/8*(now-p.last).Seconds())
	p.last = now
	if p.tokens < float64(size) {
		return false
	}
	p.tokens -= float64(size)
	return true
}

func (l *Link) enqueue(p *packet) {
	l.Packets++
	l.Bytes += uint64(p.size)
	most := l.MTU
	if most == 0 {
		most = 1500
	}
	if p.size > most {
		l.TooLong++ // a black hole: nobody is told
		l.net.release(p)
		return
	}
	if l.Police != nil && !l.Police.pass(l.net.now, p.size) {
		l.Policed++
		l.net.release(p)
		return
	}
	if l.Rate == 0 {
		l.propagate(p)
		return
	}
	if l.serving && l.queued+p.size > l.Queue {
		l.Dropped++
		l.net.release(p)
		return
	}
	l.queue = append(l.queue, p)
	l.queued += p.size
	l.QueueMost = max(l.QueueMost, l.queued)
	if !l.serving {
		l.serving = true
		l.transmit()
	}
}

// transmit starts the packet at the head.
func (l *Link) transmit() {
	size := l.queue[l.head].size
	took := time.Duration(float64(size) * 8 / l.Rate * float64(time.Second))
	l.net.push(event{at: l.net.now + took, link: l})
}

// serve ends the transmission of the packet at the head.
func (l *Link) serve() {
	p := l.queue[l.head]
	l.queue[l.head] = nil
	l.head++
	l.queued -= p.size
	if l.head == len(l.queue) {
		l.queue, l.head, l.serving = l.queue[:0], 0, false
	} else {
		if l.head > 4096 && l.head > len(l.queue)/2 {
			l.queue = l.queue[:copy(l.queue, l.queue[l.head:])]
			l.head = 0
		}
		l.transmit()
	}
	l.propagate(p)
}

func (l *Link) lost() bool {
	r := l.net.rng
	if b := l.Burst; b != nil {
		if b.bad {
			b.bad = r.Float64() >= b.Leave
		} else {
			b.bad = r.Float64() < b.Enter
		}
		if b.bad && r.Float64() < b.Loss {
			return true
		}
	}
	return l.Loss > 0 && r.Float64() < l.Loss
}

func (l *Link) propagate(p *packet) {
	if l.lost() {
		l.LostHere++
		l.net.release(p)
		return
	}
	r := l.net.rng
	if l.Duplicate > 0 && r.Float64() < l.Duplicate {
		q := l.net.packet(p.buf)
		q.from, q.to, q.size, q.extra = p.from, p.to, p.size, p.extra
		l.arrive(q)
	}
	if l.Corrupt > 0 && r.Float64() < l.Corrupt {
		p.buf[r.IntN(len(p.buf))] ^= 1 << r.IntN(8)
	}
	l.arrive(p)
}

func (l *Link) arrive(p *packet) {
	l.Delivered++
	l.DeliveredBytes += uint64(p.size)
	at := l.net.now + l.Delay + p.extra
	if l.Jitter > 0 {
		at += time.Duration(l.net.rng.Int64N(int64(l.Jitter)))
	}
	if l.Clump > 0 {
		at = (at + l.Clump - 1).Truncate(l.Clump)
	}
	if !l.Reorder {
		if p.extra == 0 {
			at = max(at, l.last)
			l.last = at
		}
	}
	l.net.push(event{at: at, link: l, packet: p})
}
