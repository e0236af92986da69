package simnet

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// Never is the deadline of an endpoint that waits for nothing.
const Never = time.Duration(1<<63 - 1)

// Endpoint is a sans-IO state machine, such as flow.Sender or flow.Receiver.
type Endpoint interface {
	HandleDatagram(now time.Duration, from netip.AddrPort, b []byte) error
	AppendDatagrams(now time.Duration, b *wire.Batch) int
	NextDeadline() time.Duration
}

// Net is the network and its clock.
type Net struct {
	now    time.Duration
	seq    uint64
	events []event
	hosts  map[netip.AddrPort]*Host
	free   []*packet
	rng    *rand.Rand
}

// New returns an empty network; every random choice in it follows from seed.
func New(seed uint64) *Net {
	return &Net{hosts: make(map[netip.AddrPort]*Host), rng: rand.New(rand.NewPCG(seed, 0x60D317))}
}

// Now returns the virtual time.
func (n *Net) Now() time.Duration { return n.now }

// Rand returns the network's source of randomness.
func (n *Net) Rand() *rand.Rand { return n.rng }

// At calls f at the moment t, or now if that has passed.
func (n *Net) At(t time.Duration, f func()) {
	n.push(event{at: max(t, n.now), call: f})
}

// Run lets time pass until the moment given.
func (n *Net) Run(until time.Duration) { n.RunWhile(until, func() bool { return true }) }

// RunWhile lets time pass until the moment given or until more returns false;
// it asks after every event.
func (n *Net) RunWhile(until time.Duration, more func() bool) {
	for len(n.events) > 0 && n.events[0].at <= until {
		e := n.pop()
		n.now = e.at
		switch {
		case e.link != nil && e.packet != nil:
			n.deliver(e.packet)
		case e.link != nil:
			e.link.serve()
		case e.host != nil:
			e.host.wake(e.at)
		default:
			e.call()
		}
		if !more() {
			return
		}
	}
	n.now = max(n.now, until)
}

type packet struct {
	from, to netip.AddrPort
	size     int // on the wire
	extra    time.Duration
	at       time.Duration // of arrival, in a socket
	buf      []byte
}

func (n *Net) packet(b []byte) *packet {
	var p *packet
	if k := len(n.free); k > 0 {
		p, n.free = n.free[k-1], n.free[:k-1]
	} else {
		p = &packet{buf: make([]byte, 0, 1536)}
	}
	p.buf = append(p.buf[:0], b...)
	return p
}

func (n *Net) release(p *packet) { n.free = append(n.free, p) }

func (n *Net) deliver(p *packet) {
	if h := n.hosts[p.to]; h != nil && h.take(p) {
		return
	}
	n.release(p)
}
