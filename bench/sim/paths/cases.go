package paths

import (
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/simnet/rival"
)

// Case is one path, what goes over it, and what is expected.
type Case struct {
	Name     string
	From, To time.Duration // the stretch that is judged
	Ceiling  float64       // bit/s on the wire that could arrive
	Set      func(seed uint64) *stage

	// Bars for the median of the seeds; 0: none.
	Share, Jain, MostWaste float64
	// Least and most of Share where others compete: 0.5 to 2 times the fair one.
	Most float64
}

const (
	ms = time.Millisecond
	s  = time.Second
)

// line is a symmetric path; queue is in time.
type line struct {
	rate       float64
	rtt, queue time.Duration
	loss       float64
}

func (l line) links() (up, down simnet.Link) {
	up = simnet.Link{Rate: l.rate, Queue: max(int(l.rate/8*l.queue.Seconds()), int(2*packet)), Delay: l.rtt / 2, Loss: l.loss}
	down = up
	down.Loss = 0
	return up, down
}

func (l line) ceiling() float64 { return l.rate * (1 - l.loss) }

// alone is a case of one flow; change may alter the links before, events the
// run.
func (l line) alone(name string, from, to time.Duration, share float64, change func(up, down *simnet.Link), events func(g *stage, o *ours)) Case {
	return Case{Name: name, From: from, To: to, Ceiling: l.ceiling(), Share: share, MostWaste: .02, Set: func(seed uint64) *stage {
		up, down := l.links()
		if change != nil {
			change(&up, &down)
		}
		g := newStage(seed, up, down)
		o := g.add(congestion.Fair, l.rtt)
		if events != nil {
			events(g, o)
		}
		return g
	}}
}

// background is a case of one flow of policy low, which has nobody to make room for.
func (l line) background(name string, share float64, change func(up, down *simnet.Link)) Case {
	c := l.alone(name, 2*s, 15*s, share, nil, nil)
	c.Set = func(seed uint64) *stage {
		up, down := l.links()
		if change != nil {
			change(&up, &down)
		}
		g := newStage(seed, up, down)
		g.add(congestion.Low, l.rtt)
		return g
	}
	return c
}

// common is the path that most cases vary: 100 Mb/s, 40 ms, one BDP of queue.
var common = line{100e6, 40 * ms, 40 * ms, 0}

// Cases returns the matrix.
func Cases() []Case {
	return append(append(paths(), upsets()...), crowds()...)
}

// paths do not change while a flow uses them.
func paths() []Case {
	c := []Case{
		line{1e9, 100 * ms, 50 * ms, 0}.alone("1 Gb/s, 100 ms", 2*s, 6*s, .98, nil, nil),
		line{1e9, 100 * ms, 50 * ms, .01}.alone("1 Gb/s, 100 ms, 1 %", 2*s, 6*s, .98, nil, nil),
		line{1e9, 500 * ms, 50 * ms, .10}.alone("1 Gb/s, 500 ms, 10 %", 5*s, 12*s, .95, nil, nil),
	}
	// The first queue takes four packets, and so does a burst of the pacer at that rate:
	// bursts of two would use 95 % of it, for twice as many wake-ups everywhere.
	for _, b := range []struct {
		name  string
		part  float64
		share float64
	}{{"0.005", .005, .87}, {"0.02", .02, .93}, {"0.1", .1, .95}, {"0.5", .5, .97}, {"1", 1, .97}, {"4", 4, .97}} {
		l := line{100e6, 100 * ms, time.Duration(b.part * float64(100*ms)), 0}
		c = append(c, l.alone("queue of "+b.name+" BDP", 3*s, 15*s, b.share, nil, nil))
	}
	c = append(c, common.background("policy low", .95, nil),
		common.background("policy low, jitter of 20 ms, reordering", .90, func(up, _ *simnet.Link) { up.Jitter, up.Reorder = 20*ms, true }),
		common.background("policy low, jitter of 20 ms", .90, func(up, _ *simnet.Link) { up.Jitter = 20 * ms }),
		common.background("policy low, radio that sends every 4 ms, both ways", .90, func(up, down *simnet.Link) { up.Clump, down.Clump = 4*ms, 4*ms }))
	police := func(rate, bucket float64) func(up, down *simnet.Link) {
		return func(up, _ *simnet.Link) { up.Police = &simnet.Policer{Rate: rate, Bucket: bucket} }
	}
	limited := func(k Case, ceiling float64) Case { k.Ceiling = ceiling; return k }
	bursts := func(mean, length float64) func(up, down *simnet.Link) {
		return func(up, _ *simnet.Link) {
			up.Burst = &simnet.Bursts{Enter: mean / length / (1 - mean), Leave: 1 / length, Loss: 1}
		}
	}
	g := line{1e9, 40 * ms, 40 * ms, 0}
	c = append(c,
		limited(g.alone("policed to 100 Mb/s, bucket of 50 ms", 3*s, 15*s, .93, police(100e6, 625e3), nil), 100e6),
		limited(g.alone("policed to 100 Mb/s, bucket of 10 ms", 3*s, 15*s, .90, police(100e6, 125e3), nil), 100e6),
		limited(common.alone("policed to 20 Mb/s, bucket of 100 ms", 3*s, 15*s, .90, police(20e6, 250e3), nil), 20e6),
		limited(common.alone("bursts of 10 lost, 1 %", 2*s, 15*s, .93, bursts(.01, 10), nil), 99e6),
		limited(common.alone("bursts of 50 lost, 1 %", 2*s, 15*s, .90, bursts(.01, 50), nil), 99e6),
		limited(common.alone("bursts of 30 lost, 5 %", 2*s, 15*s, .85, bursts(.05, 30), nil), 95e6),
		line{100e6, 40 * ms, 40 * ms, .02}.alone("jitter of 10 ms, 2 %", 2*s, 15*s, .93, func(up, _ *simnet.Link) { up.Jitter = 10 * ms }, nil),
		common.alone("jitter of 20 ms, reordering", 2*s, 15*s, .93, func(up, _ *simnet.Link) { up.Jitter, up.Reorder = 20*ms, true }, nil),
		common.alone("jitter of 100 ms, reordering", 3*s, 15*s, .90, func(up, _ *simnet.Link) { up.Jitter, up.Reorder = 100*ms, true }, nil),
		common.alone("radio that sends every 4 ms, both ways", 2*s, 15*s, .93, func(up, down *simnet.Link) { up.Clump, down.Clump = 4*ms, 4*ms }, nil),
		common.alone("30 % of the feedback lost", 2*s, 15*s, .95, func(_, down *simnet.Link) { down.Loss = .3 }, nil),
		common.alone("way back narrow and full", 2*s, 15*s, .93, func(_, down *simnet.Link) { down.Rate, down.Queue, down.Jitter = 256e3, 8000, 30*ms }, nil),
		common.alone("receiver's clock 200 ppm fast", 2*s, 30*s, .95, nil, func(_ *stage, o *ours) { o.rh.Drift(200, time.Hour) }),
		common.alone("receiver's clock 200 ppm slow", 2*s, 30*s, .95, nil, func(_ *stage, o *ours) { o.rh.Drift(-200, time.Hour) }),
	)
	return c
}

// upsets happen to a flow that runs.
func upsets() []Case {
	at := func(when time.Duration, do func(g *stage, o *ours)) func(*stage, *ours) {
		return func(g *stage, o *ours) { g.net.At(when, func() { do(g, o) }) }
	}
	both := func(a, b func(*stage, *ours)) func(*stage, *ours) {
		return func(g *stage, o *ours) { a(g, o); b(g, o) }
	}
	ceiling := func(k Case, rate float64) Case { k.Ceiling = rate; return k }
	return []Case{
		common.alone("receiver's clock steps by 300 ms", 2*s, 16*s, .90, nil, at(4*s, func(_ *stage, o *ours) { o.rh.Step(300 * ms) })),
		common.alone("route 40 ms longer", 2*s, 16*s, .90, nil, at(4*s, func(g *stage, _ *ours) { g.up.Delay += 40 * ms })),
		line{100e6, 100 * ms, 100 * ms, 0}.alone("route 40 ms shorter", 2*s, 16*s, .90, nil, at(4*s, func(g *stage, _ *ours) { g.up.Delay -= 40 * ms })),
		ceiling(common.alone("capacity 100, 30, 100 Mb/s", 2*s, 16*s, .90, nil, both(
			at(5*s, func(g *stage, _ *ours) { g.up.Rate = 30e6 }), at(10*s, func(g *stage, _ *ours) { g.up.Rate = 100e6 }))), (9*100e6+5*30e6)/14),
		ceiling(common.alone("disk takes 30 Mb/s for 5 s", 2*s, 16*s, .90, nil, both(
			at(5*s, func(_ *stage, o *ours) { o.r.SetAdvertisedRate(30e6) }), at(10*s, func(_ *stage, o *ours) { o.r.SetAdvertisedRate(0) }))), (9*100e6+5*30e6)/14),
		ceiling(common.alone("application pauses every second", 2*s, 16*s, .90, nil, func(g *stage, o *ours) {
			var turn func()
			turn = func() {
				o.idle = !o.idle
				o.s.Wake()
				o.sh.Wake()
				g.net.At(g.net.Now()+500*ms, turn)
			}
			g.net.At(2*s, turn)
		}), 50e6),
	}
}

// crowds share the bottleneck.
func crowds() []Case {
	against := func(name string, l line, count int, policy congestion.Policy, first time.Duration, least, most float64, rivals func(g *stage)) Case {
		return Case{Name: name, From: first + 20*s, To: first + 60*s, Ceiling: l.ceiling(), Share: least, Most: most, Set: func(seed uint64) *stage {
			up, down := l.links()
			down.Rate = 0
			g := newStage(seed, up, down)
			arrive := func() {
				for range count {
					rivals(g)
				}
			}
			// Starts differ a little from seed to seed.
			late := time.Duration(seed%20) * 50 * ms
			if first > 0 {
				g.net.At(late, arrive)
				g.net.Run(first)
				g.add(policy, l.rtt)
			} else {
				g.add(policy, l.rtt)
				g.net.At(100*ms+late, arrive)
			}
			return g
		}}
	}
	cubic := func(g *stage) { g.compete(rival.NewCubic) }
	bbr := func(g *stage) { g.compete(rival.NewBBR) }
	link := func(queue float64) line { return line{100e6, 40 * ms, time.Duration(queue * float64(40*ms)), 0} }
	// A flow of policy low has the path when a cubic comes. The ten round trips
	// are judged that follow the first ten.
	yields := func(name string, l line) Case {
		const comes = 10 * s
		from := comes + 10*l.rtt
		return Case{Name: name, From: from, To: from + 10*l.rtt, Ceiling: l.ceiling(), Most: .15, Set: func(seed uint64) *stage {
			up, down := l.links()
			down.Rate = 0
			g := newStage(seed, up, down)
			g.add(congestion.Low, l.rtt)
			g.net.Run(comes + time.Duration(seed%20)*10*ms - 190*ms)
			cubic(g)
			return g
		}}
	}
	alike := func(policy congestion.Policy, name string, l line, apart time.Duration, from, to time.Duration, jain float64, extra ...time.Duration) Case {
		return Case{Name: name, From: from, To: to, Ceiling: l.ceiling(), Share: .93, Jain: jain, MostWaste: .05, Set: func(seed uint64) *stage {
			up, down := l.links()
			down.Rate = 0
			g := newStage(seed, up, down)
			late := time.Duration(seed%20) * ms
			for i, d := range extra {
				g.net.Run(time.Duration(i) * (apart + late))
				g.add(policy, l.rtt+d).sh.Delay(d)
			}
			return g
		}}
	}
	selves := func(name string, l line, apart, from, to time.Duration, jain float64, extra ...time.Duration) Case {
		return alike(congestion.Fair, name, l, apart, from, to, jain, extra...)
	}
	same := func(n int) []time.Duration { return make([]time.Duration, n) }
	return []Case{
		against("cubic, queue of 0.2 BDP", link(.2), 1, congestion.Fair, 0, .25, 1, cubic),
		against("cubic, queue of 1 BDP", link(1), 1, congestion.Fair, 0, .25, 1, cubic),
		against("cubic, queue of 4 BDP", link(4), 1, congestion.Fair, 0, .25, 1, cubic),
		against("cubic was there first, 1 BDP", link(1), 1, congestion.Fair, 20*s, .25, 1, cubic),
		against("cubic was there first, 4 BDP", link(4), 1, congestion.Fair, 20*s, .25, 1, cubic),
		against("four cubics, 1 BDP", link(1), 4, congestion.Fair, 0, .10, .40, cubic),
		against("bbr, 1 BDP", link(1), 1, congestion.Fair, 0, .05, 1, bbr),
		against("bbr, 4 BDP", link(4), 1, congestion.Fair, 0, .05, 1, bbr),
		against("policy low beside cubic, 1 BDP", link(1), 1, congestion.Low, 0, 0, .15, cubic),
		against("policy low, cubic was there first, 1 BDP", link(1), 1, congestion.Low, 20*s, 0, .30, cubic),
		selves("two of us", common, 0, 5*s, 30*s, .95, same(2)...),
		selves("four of us, 3 s apart", common, 3*s, 20*s, 50*s, .95, same(4)...),
		selves("sixteen of us", common, 100*ms, 10*s, 40*s, .90, same(16)...),
		yields("policy low, 10 RTTs after cubic came", link(1)),
		alike(congestion.Low, "two of policy low, 5 s apart", common, 5*s, 20*s, 60*s, .85, same(2)...),
		selves("20, 100 and 200 ms over 200 Mb/s", line{200e6, 20 * ms, 60 * ms, 0}, s, 15*s, 45*s, .90, 0, 80*ms, 180*ms),
		selves("two of us at 500 ms", line{100e6, 500 * ms, 250 * ms, 0}, 5*s, 60*s, 120*s, .85, same(2)...),
	}
}
