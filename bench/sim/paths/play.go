package paths

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"sort"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/simnet/rival"
	"github.com/godwit/godwit/transfer/wire"
)

// payload is what a full packet carries, packet what it takes on the wire.
const (
	payload = float64(flow.MTU4 - wire.Overhead)
	packet  = float64(flow.MTU4 + 28)

	// plotEvery is the grain of the rates that a run is judged by.
	plotEvery = 100 * time.Millisecond
	queueTick = 5 * time.Millisecond
)

// outcome is what one run showed between the case's From and To.
type outcome struct {
	Share  float64 // of the ceiling, all our flows together
	Rivals float64 // of the same, the others'
	Jain   float64 // of our flows
	Q95    float64 // ms that the bottleneck queued, 95th percentile
	CoV    float64 // of the first flow's rate in steps of 100 ms
	Waste  float64 // of what we sent: overflow, policing, copies; of all that passed where others send too
	T90    float64 // s until 90 % of the ceiling came for 300 ms; 0: never
}

// stage is a network with flows on it.
type stage struct {
	net      *simnet.Net
	up, down *simnet.Link
	ours     []*ours
	rivals   []*rival.Receiver
	seed     uint64
}

// ours is one of our flows. It is its Source and its Sink: content without end,
// of which only the amount counts.
type ours struct {
	s      *flow.Sender
	r      *flow.Receiver
	sh, rh *simnet.Host
	token  uint64
	lost   []uint64
	got    map[uint64]bool // of the pieces above low
	low    uint64
	bytes  uint64
	copies uint64
	idle   bool // the application has nothing
}

// Fill implements flow.Source: a piece is its number.
func (o *ours) Fill(_ time.Duration, buf []byte) (int, uint64) {
	if o.idle {
		return 0, 0
	}
	var n uint64
	if k := len(o.lost); k > 0 {
		n, o.lost = o.lost[k-1], o.lost[:k-1]
	} else {
		o.token++
		n = o.token
	}
	binary.BigEndian.PutUint64(buf, n)
	return len(buf), n
}

// Left implements flow.Source.
func (o *ours) Left() int64 { return -1 }

// Repeat implements flow.Source.
func (o *ours) Repeat(_ time.Duration, token uint64, buf []byte) int {
	binary.BigEndian.PutUint64(buf, token)
	return len(buf)
}

// Acked implements flow.Source.
func (o *ours) Acked(uint64) {}

// Lost implements flow.Source.
func (o *ours) Lost(token uint64) { o.lost = append(o.lost, token) }

// Deliver implements flow.Sink.
func (o *ours) Deliver(_ time.Duration, b []byte) error {
	n := binary.BigEndian.Uint64(b)
	if n <= o.low || o.got[n] {
		o.copies++
		return nil
	}
	o.got[n] = true
	o.bytes += uint64(len(b))
	for o.got[o.low+1] {
		o.low++
		delete(o.got, o.low)
	}
	return nil
}

func newStage(seed uint64, up, down simnet.Link) *stage {
	n := simnet.New(seed)
	return &stage{net: n, up: n.NewLink(up), down: n.NewLink(down), seed: seed}
}

func address(host byte, port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), uint16(port))
}

// add puts one of our flows on the path, now.
func (g *stage) add(policy congestion.Policy, rtt time.Duration) *ours {
	i := len(g.ours)
	o := &ours{got: map[uint64]bool{}}
	key := func(b byte) []byte {
		k := make([]byte, flow.SecretSize)
		for j := range k {
			k[j] = b
		}
		return k
	}
	random := reader{rand.New(rand.NewPCG(g.seed, uint64(i)))}
	id := wire.ConnID(i + 1)
	from, to := address(1, 1000+i), address(2, 1000+i)
	var err error
	o.s, err = flow.NewSender(flow.Config{ConnID: id, SendSecret: key(1), RecvSecret: key(2), Peer: to, Trusted: true, RTT: rtt, Policy: policy, Rand: random}, o)
	if err != nil {
		panic(fmt.Sprintf("sender: %v", err)) // of constants
	}
	o.r, err = flow.NewReceiver(flow.Config{ConnID: id, SendSecret: key(2), RecvSecret: key(1), RTT: rtt, Rand: random}, o)
	if err != nil {
		panic(fmt.Sprintf("receiver: %v", err))
	}
	o.sh, o.rh = g.net.NewHost(from, o.s, g.up), g.net.NewHost(to, o.r, g.down)
	g.ours = append(g.ours, o)
	return o
}

type reader struct{ *rand.Rand }

func (r reader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return len(b), nil
}

// compete puts a flow of somebody else on the path, now.
func (g *stage) compete(sender func(netip.AddrPort) *rival.Sender) {
	i := len(g.rivals)
	from, to := address(3, 1000+i), address(4, 1000+i)
	in := rival.NewReceiver()
	g.net.NewHost(from, sender(to), g.up)
	g.net.NewHost(to, in, g.down)
	g.rivals = append(g.rivals, in)
}

func (g *stage) bytes() (all float64) {
	for _, o := range g.ours {
		all += float64(o.bytes)
	}
	return all
}

func (g *stage) others() (all float64) {
	for _, r := range g.rivals {
		all += float64(r.Bytes)
	}
	return all
}

func (g *stage) vain() float64 {
	v := float64(g.up.Dropped + g.up.Policed)
	for _, o := range g.ours {
		v += float64(o.copies)
	}
	return v
}

// play runs a case with one seed.
func (c *Case) play(seed uint64) outcome {
	g := c.Set(seed)
	ceiling := c.Ceiling * payload / packet / 8 // bytes/s of content
	var out outcome
	g.net.At(0, func() { g.plot(c, ceiling, &out) })
	var queues []float64
	var look func()
	look = func() {
		if g.up.Rate > 0 {
			queues = append(queues, float64(g.up.Waiting())*8/g.up.Rate*1e3)
		}
		g.net.At(g.net.Now()+queueTick, look)
	}
	g.net.At(c.From, look)

	g.net.Run(c.From)
	each := make([]float64, len(g.ours))
	for i, o := range g.ours {
		each[i] = float64(o.bytes)
	}
	before, others, vain, sent := g.bytes(), g.others(), g.vain(), float64(g.up.Packets)
	steps := []float64{}
	last := before
	for at := c.From; at < c.To; at += plotEvery {
		g.net.Run(at + plotEvery)
		now := g.bytes()
		steps, last = append(steps, now-last), now
	}
	span := (c.To - c.From).Seconds()
	out.Share = (g.bytes() - before) / span / ceiling
	out.Rivals = (g.others() - others) / span / ceiling
	out.Waste = (g.vain() - vain) / (float64(g.up.Packets) - sent)
	var sum, squares float64
	for i, o := range g.ours {
		x := float64(o.bytes) - each[i]
		sum, squares = sum+x, squares+x*x
	}
	if squares > 0 {
		out.Jain = sum * sum / (float64(len(g.ours)) * squares)
	}
	out.CoV = variation(steps)
	sort.Float64s(queues)
	if len(queues) > 0 {
		out.Q95 = queues[len(queues)*95/100]
	}
	return out
}

// plot watches for the moment from which 90 % of the ceiling comes.
func (g *stage) plot(c *Case, ceiling float64, out *outcome) {
	const steps = 3
	var history [steps + 1]float64
	var look func()
	look = func() {
		copy(history[1:], history[:steps])
		history[0] = g.bytes() + g.others()
		span := (steps * plotEvery).Seconds()
		if g.net.Now() >= steps*plotEvery && (history[0]-history[steps])/span >= 0.9*ceiling {
			out.T90 = (g.net.Now() - steps*plotEvery).Seconds()
			return
		}
		if g.net.Now() < c.To {
			g.net.At(g.net.Now()+plotEvery, look)
		}
	}
	look()
}

func variation(v []float64) float64 {
	var sum, squares float64
	for _, x := range v {
		sum, squares = sum+x, squares+x*x
	}
	n := float64(len(v))
	mean := sum / n
	if mean == 0 {
		return 0
	}
	return math.Sqrt(max(squares/n-mean*mean, 0)) / mean
}
