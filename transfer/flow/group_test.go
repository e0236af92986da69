package flow

import (
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/simnet/rival"
)

// several puts n flows of one session on the links.
func several(t testing.TB, net *simnet.Net, up, down *simnet.Link, n int) []*world {
	g := &congestion.Group{}
	g.Resize(n)
	flows := make([]*world, n)
	for i := range flows {
		flows[i] = attach(t, net, up, down, i, scenario{pieces: endless, sender: func(c *Config) { c.Group, c.Follows = g, i > 0 }})
	}
	for _, w := range flows[1:] {
		follow(net, flows[0], w)
	}
	return flows
}

// follow has w hear of what lead finds, as a session does.
func follow(n *simnet.Net, lead, w *world) {
	var again func()
	again = func() {
		if w.s.Follow(lead.s) {
			w.sh.Wake()
		}
		if n.Now() < 5*time.Second {
			n.At(n.Now()+time.Millisecond, again)
		}
	}
	n.At(0, again)
}

func arrived(flows []*world) (bytes float64) {
	for _, w := range flows {
		bytes += float64(w.r.bytes)
	}
	return bytes
}

// TestFlowsOfOneSessionWeighAsOne beside a CUBIC, whatever their number.
func TestFlowsOfOneSessionWeighAsOne(t *testing.T) {
	t.Parallel()
	share := func(rtt time.Duration, n int) float64 {
		net := simnet.New(1)
		u, d := symmetric(100e6, rtt, 50*time.Millisecond, 0)
		up, down := net.NewLink(u), net.NewLink(d)
		flows := several(t, net, up, down, n)
		in := rival.NewReceiver()
		from, to := addPort(clientAddr, 1000), addPort(nodeAddr, 1000)
		net.At(time.Second, func() {
			net.NewHost(from, rival.NewCubic(to), up)
			net.NewHost(to, in, down)
		})
		net.Run(5 * time.Second)
		own, other := arrived(flows), float64(in.Bytes)
		net.Run(25 * time.Second)
		own, other = arrived(flows)-own, float64(in.Bytes)-other
		t.Logf("round trip %v: %d flows have %.1f Mb/s, the other %.1f; %d dropped", rtt, n, own*8/20e6, other*8/20e6, up.Dropped)
		return own / (own + other)
	}
	sum := map[int]float64{}
	rtts := []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond, 80 * time.Millisecond}
	for _, n := range []int{1, 4} {
		for _, rtt := range rtts {
			sum[n] += share(rtt, n) / float64(len(rtts))
		}
	}
	t.Logf("shares by number of flows: %v", sum)
	// Uncoupled, four have more than 0.8.
	if sum[4] > sum[1]+.1 {
		t.Errorf("shares by number of flows: %v", sum)
	}
}

// TestFlowsThatAreLimitedOneByOneAddUp where each meets a policer of its own.
func TestFlowsThatAreLimitedOneByOneAddUp(t *testing.T) {
	t.Parallel()
	net := simnet.New(1)
	g := &congestion.Group{}
	g.Resize(4)
	var flows []*world
	for i := range 4 {
		up := net.NewLink(simnet.Link{Rate: 1e9, Queue: 6 << 20, Delay: 20 * time.Millisecond, Police: &simnet.Policer{Rate: 50e6, Bucket: 200_000}})
		down := net.NewLink(simnet.Link{Delay: 20 * time.Millisecond})
		flows = append(flows, attach(t, net, up, down, i, scenario{pieces: endless, sender: func(c *Config) { c.Group, c.Follows = g, i > 0 }}))
	}
	for _, w := range flows[1:] {
		follow(net, flows[0], w)
	}
	net.Run(3 * time.Second)
	before := arrived(flows)
	net.Run(13 * time.Second)
	if rate := (arrived(flows) - before) * 8 / 10; rate < .85*200e6 {
		t.Errorf("four flows of 50 Mb/s each have %.1f Mb/s together", rate/1e6)
	}
}
