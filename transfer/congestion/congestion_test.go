package congestion

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestPoliciesHaveNames(t *testing.T) {
	t.Parallel()
	for _, p := range []Policy{Fair, High, Low, Fixed} {
		if got, err := ParsePolicy(p.String()); err != nil || got != p {
			t.Errorf("%v parses as %v, %v", p, got, err)
		}
	}
	if _, err := ParsePolicy("greedy"); err == nil {
		t.Error("an unknown policy is accepted")
	}
}

func TestQueueTargetGivesEqualShares(t *testing.T) {
	t.Parallel()
	if got := Fair.target(100e6 / 8); got != 5*ms {
		t.Errorf("target at 100 Mb/s is %v, want 5 ms", got)
	}
	// At a common queue of 4 ms, the rates whose target that is differ by the weights' squares.
	rate := func(p Policy) float64 {
		lo, hi := 1e5, 1e9
		for range 100 {
			mid := math.Sqrt(lo * hi)
			if p.target(mid) > 4*ms {
				lo = mid
			} else {
				hi = mid
			}
		}
		return lo
	}
	if r := rate(High) / rate(Fair); math.Abs(r-2) > .01 {
		t.Errorf("high has %.3f of fair's share, want 2", r)
	}
	if r := rate(Low) / rate(Fair); math.Abs(r-.5) > .01 {
		t.Errorf("low has %.3f of fair's share, want 0.5", r)
	}
	if Fair.target(1e12) != ms || Fair.target(1) != 25*ms || Fair.target(0) != 25*ms {
		t.Error("targets leave 1 to 25 ms")
	}
}

func TestBaseForgetsInTenSeconds(t *testing.T) {
	t.Parallel()
	var d delay
	at := time.Duration(0)
	feed := func(owd, span time.Duration) {
		for end := at + span; at < end; at += 10 * ms {
			d.add(at, owd, 100, 40*ms)
		}
	}
	feed(100*ms, 3*time.Second)
	if d.queue != 0 {
		t.Fatalf("queue %v on an empty path", d.queue)
	}
	feed(130*ms, 5*time.Second)
	if d.queue != 30*ms {
		t.Fatalf("queue %v, want 30 ms", d.queue)
	}
	feed(130*ms, 6*time.Second)
	if d.queue != 0 {
		t.Fatalf("queue %v after the base left the window", d.queue)
	}
	feed(150*ms, time.Second)
	d.rebase(at, 40*ms)
	if d.queue != 0 {
		t.Fatalf("queue %v after the base was moved", d.queue)
	}
}

func TestExcessNeedsEvidence(t *testing.T) {
	t.Parallel()
	var b baseline
	b.add(fates{3000, 300, 270})
	for _, c := range []struct {
		n, lost float64
		exceeds bool
		under   bool
	}{
		{300, 33, false, false}, {300, 40, false, false}, {300, 75, true, false},
		{10, 3, false, false}, {5000, 500, false, false}, {5000, 900, true, false},
		{1000, 0, false, true}, {300, 25, false, false},
	} {
		if got := b.exceeded(fates{c.n, c.lost, c.lost}); got != c.exceeds {
			t.Errorf("%v of %v lost: exceeded %v, want %v", c.lost, c.n, got, c.exceeds)
		}
		if got := b.undercut(fates{c.n, c.lost, c.lost}); got != c.under {
			t.Errorf("%v of %v lost: undercut %v, want %v", c.lost, c.n, got, c.under)
		}
	}
	if b.exceeded(fates{3000, 500, 16}) {
		t.Error("sixteen bursts are taken for more than three hundred losses")
	}
	var none baseline
	if none.exceeded(fates{300, 200, 200}) {
		t.Error("nothing is known, so nothing is exceeded")
	}
}

// TestRateStaysWithinLimits: whatever reports say, the rate is a number within
// the limits, and the window lets a flow start.
func TestRateStaysWithinLimits(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 5))
		cfg := Config{Policy: Policy(r.IntN(4)), Packet: 1500, RTT: time.Duration(r.IntN(500)) * ms}
		if r.IntN(2) == 0 {
			cfg.Target = 50e6
		}
		c := New(cfg)
		s := Sample{}
		for range 2000 {
			s.Now += time.Duration(r.IntN(50)) * ms
			s.PeerClock += time.Duration(r.IntN(100)-20) * ms
			s.RTT = time.Duration(r.Int64N(int64(2 * time.Second)))
			s.Packets += r.Uint64N(5000)
			s.Bytes += r.Uint64N(5_000_000)
			s.OWD, s.HasOWD = time.Duration(r.Int64()>>r.IntN(60)), r.IntN(2) == 0
			s.Acked += r.Uint64N(3000)
			s.Lost += r.Uint64N(1000)
			s.Lost -= min(s.Lost, r.Uint64N(800))
			s.Runs += r.Uint64N(500)
			s.Peak = r.Float64() * 1e9 * float64(r.IntN(2))
			s.Limited = r.IntN(3) == 0
			if r.IntN(10) == 0 {
				s.PeerRate = float64(r.IntN(2)) * 20e6
			}
			c.OnReport(&s)
			if r.IntN(50) == 0 {
				c.OnSilence()
			}
			rate := c.Rate()
			if !(rate >= leastRate) || math.IsInf(rate, 0) {
				t.Fatalf("seed %d: rate %v in %+v", seed, rate, c.State())
			}
			if cfg.Target > 0 && rate > cfg.Target/8 || s.PeerRate > 0 && rate > s.PeerRate/8 {
				t.Fatalf("seed %d: rate %v exceeds a limit: %+v", seed, rate, c.State())
			}
			if c.Window() < 2*1500 {
				t.Fatalf("seed %d: window %d", seed, c.Window())
			}
		}
	}
}

// path is an ideal bottleneck fed with the controller's own rate, in steps of a
// report: a fluid model that shows the loop without a packet.
type path struct {
	capacity, loss float64 // bytes/s
	rtt, interval  time.Duration
	queue          float64 // bytes
	sent           []float64
}

func (p *path) run(c *Controller, s *Sample, span time.Duration) (delivered float64) {
	lag := int(p.rtt / p.interval)
	for end := s.Now + span; s.Now < end; {
		s.Now += p.interval
		s.PeerClock += p.interval
		dt := p.interval.Seconds()
		p.sent = append(p.sent, c.Rate()*dt)
		if len(p.sent) <= lag {
			continue
		}
		in := p.sent[len(p.sent)-1-lag]
		p.queue = max(p.queue+in-p.capacity*dt, 0)
		out := min(in+p.queue, p.capacity*dt) * (1 - p.loss)
		delivered += out
		s.Bytes += uint64(out)
		s.Packets = s.Bytes / 1500
		s.Acked = s.Packets
		s.Lost = uint64(float64(s.Acked) * p.loss / (1 - p.loss))
		s.OWD, s.HasOWD = seconds(p.queue/p.capacity), true
		s.RTT = p.rtt + s.OWD
		c.OnReport(s)
	}
	return delivered / span.Seconds()
}

func TestLoopFillsThePathAndKeepsTheQueueSmall(t *testing.T) {
	t.Parallel()
	for _, rtt := range []time.Duration{10 * ms, 100 * ms, 500 * ms} {
		for _, loss := range []float64{0, .01, .1} {
			p := &path{capacity: 100e6 / 8, loss: loss, rtt: rtt, interval: max(rtt/10, 5*ms)}
			c := New(Config{Packet: 1500, RTT: rtt})
			var s Sample
			p.run(c, &s, 40*rtt+4*time.Second)
			got := p.run(c, &s, 40*rtt+4*time.Second) / (p.capacity * (1 - loss))
			if got < .95 {
				t.Errorf("rtt %v, loss %v: %.3f of the path: %+v", rtt, loss, got, c.State())
			}
			if q := seconds(p.queue / p.capacity); q > 25*ms {
				t.Errorf("rtt %v, loss %v: queue %v", rtt, loss, q)
			}
		}
	}
}

func TestSilenceHalves(t *testing.T) {
	t.Parallel()
	c := New(Config{Initial: 80e6})
	c.OnSilence()
	if c.Rate() != 5e6 || c.State().Reason != BySilence {
		t.Fatalf("rate %v by %v", c.Rate(), c.State().Reason)
	}
	for range 100 {
		c.OnSilence()
	}
	if c.Rate() != leastRate {
		t.Fatalf("rate %v, want the least", c.Rate())
	}
}

// TestSlowReceiverIsNotThePath: once it takes all again, what the path is known
// to carry is sent at once, however long the round trip.
func TestSlowReceiverIsNotThePath(t *testing.T) {
	t.Parallel()
	const rtt = 500 * ms
	p := &path{capacity: 100e6 / 8, rtt: rtt, interval: 25 * ms}
	c := New(Config{Packet: 1500, RTT: rtt})
	var s Sample
	p.run(c, &s, 20*time.Second)
	s.PeerRate = 30e6
	p.run(c, &s, 10*rtt)
	if c.State().Reason != ByPeer {
		t.Fatalf("%+v", c.State())
	}
	s.PeerRate = 0
	p.run(c, &s, 2*rtt) // the first of it is still on its way
	if got := p.run(c, &s, 2*rtt) / p.capacity; got < .9 {
		t.Errorf("%.2f of the path: %+v", got, c.State())
	}
}

func TestFlowsProbeAtTheSameTimeOfDay(t *testing.T) {
	t.Parallel()
	const day = 20_000 * 24 * time.Hour
	rng := rand.New(rand.NewPCG(1, 2))
	for _, rtt := range []time.Duration{ms, 20 * ms, 40 * ms, 90 * ms, 200 * ms, 600 * ms} {
		var beat time.Duration
		for range 100 {
			started := time.Duration(rng.Int64N(int64(time.Hour)))
			c := New(Config{RTT: rtt, Epoch: day + started})
			now := time.Duration(rng.Int64N(int64(time.Hour)))
			at := c.probeAt(now)
			if gap := at - now; gap < 6*rtt || gap < time.Second/2 || gap > max(2*time.Second, 36*rtt) {
				t.Errorf("with a round trip of %v the next probe is %v away", rtt, gap)
			}
			beat = c.beat(probeEvery, 0)
			if (day+started+at)%beat != 0 || beat%time.Second != 0 {
				t.Errorf("with a round trip of %v a flow probes at %v", rtt, started+at)
			}
		}
		if long := New(Config{RTT: 1000 * ms}).beat(probeEvery, 0); long%beat != 0 {
			t.Errorf("flows of %v and 1 s meet every %v and %v", rtt, beat, long)
		}
	}
}

// TestLittleIsUnderWayBeforeTheFirstReport: sockets that many flows share hold
// what all of them send at once, and a short round trip lets each begin fast.
func TestLittleIsUnderWayBeforeTheFirstReport(t *testing.T) {
	t.Parallel()
	for _, rtt := range []time.Duration{100 * time.Microsecond, 2 * ms, 20 * ms} {
		c := New(Config{RTT: rtt})
		if w := c.Window(); w < 300e3 || w > 600e3 {
			t.Errorf("%v: %d bytes", rtt, w)
		}
		// A report that comes late and tells nothing of the rate changes nothing.
		c.OnReport(&Sample{Now: 2 * time.Second, RTT: 2 * time.Second, PeerClock: time.Second, Packets: 1, Bytes: 1500})
		if w := c.Window(); w > 600e3 {
			t.Errorf("%v, with a late report: %d bytes", rtt, w)
		}
	}
}

// TestAProbeOfAFlowAloneIsSmall: what startup made of the queue, and a little more
// than the target at a high rate, are no reason to send much less.
func TestAProbeOfAFlowAloneIsSmall(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		name      string
		old, late time.Duration // queue at first and for as long before the probe
		dip, step float64
	}{
		{"a queue of startup", 12 * ms, 1600 * time.Microsecond, .04, 1},
		{"a little over the target", 2 * ms, 2200 * time.Microsecond, .044, 1},
		{"another's queue", 8 * ms, 8 * ms, .16, .95},
	} {
		c := New(Config{RTT: 100 * ms})
		c.anchor = 125e6
		c.enterCruise(&Sample{Now: time.Second})
		for i := range 80 {
			if c.delay.queue = v.old; i >= 40 {
				c.delay.queue = v.late
			}
			c.averageQueue(c.cfg.Policy.target(c.anchor))
		}
		c.enterProbe(&Sample{Now: 2 * time.Second}, false)
		if math.Abs(c.probeDip-v.dip) > .003 || c.step != v.step {
			t.Errorf("%s: %.3f less is sent, then %.2f; want %.3f and %.2f", v.name, c.probeDip, c.step, v.dip, v.step)
		}
	}
}
