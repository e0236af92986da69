package simnet

import (
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// ipHeaders is what IPv4 and UDP add to a datagram on the wire.
const ipHeaders = 28

// Host drives one endpoint.
type Host struct {
	net      *Net
	addr     netip.AddrPort
	endpoint Endpoint
	out      *Link
	extra    time.Duration
	batch    *wire.Batch
	wakeAt   time.Duration // of the wake event in the heap; Never: none
	clock    func(time.Duration) time.Duration
	unclock  func(time.Duration) time.Duration
	errs     map[string]int
	paused   bool
	away     int       // times that it is kept from its endpoint
	busy     bool      // what arrives goes into its socket
	socket   []*packet // what did
	filled   int       // bytes of them
}

// socketRoom is what a busy host's socket holds.
const socketRoom = 8 << 20

// A host takes lookEvery datagrams from its socket in lookTime: 7 Gb/s.
const (
	lookEvery = 64
	lookTime  = 100 * time.Microsecond
)

// waiter is an Endpoint that wants to know how long a datagram lay in the socket.
type waiter interface{ Waited(d time.Duration) }

// NewHost puts an endpoint on the network; what it sends enters the link out.
func (n *Net) NewHost(addr netip.AddrPort, e Endpoint, out *Link) *Host {
	same := func(t time.Duration) time.Duration { return t }
	h := &Host{net: n, addr: addr, endpoint: e, out: out, batch: wire.NewBatch(), wakeAt: Never,
		clock: same, unclock: same, errs: make(map[string]int)}
	n.hosts[addr] = h
	n.At(n.now, h.pump)
	return h
}

// Move gives the host another address, as a NAT does that forgot its binding.
func (h *Host) Move(addr netip.AddrPort) {
	delete(h.net.hosts, h.addr)
	h.addr = addr
	h.net.hosts[addr] = h
}

// Delay adds a one-way delay to what the host sends from now on.
func (h *Host) Delay(d time.Duration) { h.extra = d }

// Drift makes the host's clock run fast by the given parts per million, and
// start at offset. Call it before the first Run.
func (h *Host) Drift(ppm float64, offset time.Duration) {
	f := 1 + ppm/1e6
	h.clock = func(t time.Duration) time.Duration { return offset + time.Duration(float64(t)*f) }
	h.unclock = func(t time.Duration) time.Duration { return time.Duration(float64(t-offset)/f) + 1 }
}

// Step moves the host's clock forward at once.
func (h *Host) Step(d time.Duration) {
	clock, unclock := h.clock, h.unclock
	h.clock = func(t time.Duration) time.Duration { return clock(t) + d }
	h.unclock = func(t time.Duration) time.Duration { return unclock(t - d) }
	h.pump()
}

// Clock returns the host's own time.
func (h *Host) Clock() time.Duration { return h.clock(h.net.now) }

// Wake lets the endpoint send, after the application gave it something.
func (h *Host) Wake() { h.pump() }

// Errors counts what HandleDatagram returned, by message.
func (h *Host) Errors() map[string]int { return h.errs }

// take hands p to the endpoint; kept says that the host holds on to it instead.
func (h *Host) take(p *packet) (kept bool) {
	if h.paused {
		return false
	}
	if h.busy {
		if kept = h.filled+p.size <= socketRoom; kept {
			p.at = h.net.now
			h.filled += p.size
			h.socket = append(h.socket, p)
		}
		return kept
	}
	h.hand(p)
	h.pump()
	return false
}

func (h *Host) hand(p *packet) {
	if err := h.endpoint.HandleDatagram(h.clock(h.net.now), p.from, p.buf); err != nil {
		h.errs[err.Error()]++
	}
}

// Busy keeps the host from its endpoint for d: it sends nothing, and what arrives
// lies in its socket until then. It takes that a little at a time, as hosts do.
func (h *Host) Busy(d time.Duration) {
	h.away++
	h.busy = true
	h.net.At(h.net.now+d, func() {
		h.away--
		h.catchUp()
	})
}

func (h *Host) catchUp() {
	if h.away > 0 {
		return
	}
	ages, _ := h.endpoint.(waiter)
	n := min(len(h.socket), lookEvery)
	for _, p := range h.socket[:n] {
		if ages != nil {
			ages.Waited(h.net.now - p.at)
		}
		h.hand(p)
		h.filled -= p.size
		h.net.release(p)
	}
	h.socket = h.socket[n:]
	if h.busy = len(h.socket) > 0; h.busy {
		h.net.At(h.net.now+lookTime, h.catchUp)
	} else if ages != nil {
		ages.Waited(0)
	}
	h.pump()
}

// Pause stops or resumes the host: while stopped it neither receives nor sends.
func (h *Host) Pause(stop bool) {
	h.paused = stop
	h.pump()
}

func (h *Host) wake(at time.Duration) {
	if at != h.wakeAt {
		return // a later decision replaced this one
	}
	h.wakeAt = Never
	h.pump()
}

func (h *Host) pump() {
	if h.paused || h.away > 0 {
		return
	}
	now := h.clock(h.net.now)
	for range 10_000 { // an endpoint that never stops sending is a defect: let time go on
		h.batch.Reset()
		if h.endpoint.AppendDatagrams(now, h.batch) == 0 {
			break
		}
		for d := range h.batch.All() {
			p := h.net.packet(d)
			p.from, p.to, p.size, p.extra = h.addr, h.batch.Addr, len(d)+ipHeaders, h.extra
			h.out.enqueue(p)
		}
	}
	d := h.endpoint.NextDeadline()
	if d == Never {
		return
	}
	at := max(h.unclock(d), h.net.now+1)
	if at < h.wakeAt || h.wakeAt <= h.net.now {
		h.wakeAt = at
		h.net.push(event{at: at, host: h})
	}
}
