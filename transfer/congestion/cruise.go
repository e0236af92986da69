package congestion

import "time"

// never is a moment that does not come.
const never = time.Duration(1<<63 - 1)

const (
	nearCeiling = 0.985

	suspicious = 0.02 // baseline loss that is worth a test
	testEvery  = 64   // RTTs
	testLeast  = 2 * time.Second
	testShare  = 16   // of the time between them is spent on tests
	testDip    = 0.10 // below what passes, so that what flows overestimate together is gone too

	// stepSlack is how much longer than its target the queue of a flow that is alone
	// may be: what is delivered is measured a little high.
	stepSlack = 500 * time.Microsecond

	// On paths as long as longRTT a test of that length costs seconds. A part of a
	// round trip shows as much, once the fate of what was sent in it is known. Where
	// packets arrive in disorder that is not known for sure, so each shortTests-th
	// test is a long one.
	longRTT    = 300 * time.Millisecond
	shortLeast = 250 * time.Millisecond // clocks of hosts differ
	shortTests = 4
)

// long says that a round trip is dear here.
func (c *Controller) long() bool { return c.srtt >= longRTT }

// short is how long less is sent for a test on a long path.
func (c *Controller) short() time.Duration {
	enough := 3 * testPackets * float64(c.cfg.Packet) / max(c.anchor, leastRate)
	return max(c.srtt/2, shortLeast, min(seconds(enough), 2*c.srtt))
}

// beat is how long it is from one moment to the next at which flows of this
// round trip probe, or test their baselines: the power of two seconds that is
// no less than so many round trips. They come at multiples of it by the time of
// day.
//
// Flows on one bottleneck so do it together, also those whose round trips
// differ, as every beat is a multiple of the shorter ones. One that sends less
// alone sees neither the base of a queue that the others keep filled, nor that
// the loss which it takes for the path's is what they all overflow it by.
func (c *Controller) beat(rtts float64, least time.Duration) time.Duration {
	d := time.Second
	for d < least || d.Seconds() < rtts*c.srtt.Seconds() {
		d *= 2
	}
	return d
}

// probeAt is the next moment for a probe that is at least half a beat away.
func (c *Controller) probeAt(now time.Duration) time.Duration {
	d := c.beat(probeEvery, 0)
	gap := d - (c.cfg.Epoch+now)%d
	if gap < d/2 {
		gap += d
	}
	return now + gap
}

// testDue says that a moment for tests passed since the last report.
func (c *Controller) testDue(now time.Duration) bool {
	d := c.beat(testEvery, testLeast)
	return (c.cfg.Epoch+now)/d != (c.cfg.Epoch+c.lastNow)/d
}

func (c *Controller) cruise(s *Sample, target time.Duration) {
	queue, rtt := c.delay.queue, c.srtt
	if c.cfg.Policy == Low {
		queue = max(queue, c.crowd.above(target))
	}
	if c.pb.p > suspicious && !c.honesty && c.testDue(s.Now) && c.cfg.Policy != Fixed {
		c.enterProbe(s, true)
	}
	switch c.phase {
	case probe:
		if s.Now >= c.judge {
			c.endProbe(s)
		}
	case hold:
		if s.Now >= c.until {
			c.phase, c.since = cruise, s.Now
			c.speed, c.lowRounds = 1, 0
			c.nextProbe = c.probeAt(s.Now)
			c.restartLoss(s.Now)
		}
	case cruise:
		if (s.Now >= c.nextProbe || c.risen()) && c.cfg.Policy != Fixed {
			c.enterProbe(s, c.risen())
		}
	}
	base := c.anchor / (1 - c.lossNow)
	if c.phase == hold {
		c.rate = c.holdRate
		return
	}
	if s.Now-c.round >= rtt {
		c.round = s.Now
		c.pickSpeed(queue, target)
	}
	lean := leanGain * c.speed * (target - queue).Seconds() / rtt.Seconds()
	g := 1 + min(max(lean, -leanDown), leanUp)
	if c.cfg.Policy == Low && queue > 2*target {
		g = min(g, max(yieldGain, 1-yieldLean*(float64(queue)/float64(target)-2))) // somebody else fills it
	}
	if queue < target/2 {
		g = max(g, leastUp)
		if c.anchor < nearCeiling*c.ceiling {
			g = 1 + leanUp // back to what is known to pass
		}
	}
	if c.phase == probe && s.Now < c.until {
		g = min(g, 1-c.probeDip)
	}
	g = min(g, c.knownGain(target, rtt, queue))
	c.rate = g * base
	if s.Now < c.stepTill {
		c.rate *= c.step
	}
	if c.cfg.Policy == Low { // which leaves the path to whoever else wants it
		c.rate = c.yield.bound(s.Now, rtt, queue, target, c.measured, c.rate)
	} else {
		c.rate = max(c.rate, c.cfg.Group.floor.rate(s.Now, rtt, queue, target, float64(c.cfg.Packet), c.anchor, c.flows()))
	}
	c.watchPath(s, g, queue, target)
}

// pickSpeed doubles the lean after three rounds of an almost empty queue.
func (c *Controller) pickSpeed(queue, target time.Duration) {
	idle := c.idle > c.reports/2
	c.idle, c.reports = 0, 0
	if queue >= target/2 {
		c.speed, c.lowRounds = 1, 0
		return
	}
	if idle {
		return // less was sent than might have been: nothing was tried
	}
	if c.anchor >= nearCeiling*c.ceiling && c.ceiling > 0 {
		// Back where the queue was last seen: feel for it gently before going on.
		c.ceiling, c.speed, c.lowRounds = 0, 1, 0
		return
	}
	c.lowRounds++
	if c.lowRounds > 3 {
		// At once to what makes a difference: on a long path the queue to aim at is
		// next to nothing beside the round trip.
		least := growLeast / (leanGain * target.Seconds() / c.srtt.Seconds())
		c.speed = min(max(2*c.speed, least), speedMost)
	}
}

// knownGain keeps one round's growth from jumping over the rate at which the
// path was last seen to fill: a round at 8 % above it queues 8 % of an RTT.
func (c *Controller) knownGain(target, rtt, queue time.Duration) float64 {
	if queue >= target/2 {
		c.ceiling = c.anchor
	}
	if c.ceiling == 0 || c.anchor >= c.ceiling {
		return 1 + leanUp
	}
	return max(c.ceiling/c.anchor, 1+leanGain*target.Seconds()/rtt.Seconds(), leastUp)
}

// enterProbe empties the queue for a moment, to see the base again, and sets
// the fairness step: at a common queue each flow should have the rate whose
// target that queue is.
func (c *Controller) enterProbe(s *Sample, honesty bool) {
	mean := c.delay.queue
	if c.queueCount > 0 {
		mean = c.queueSum / time.Duration(c.queueCount)
	}
	c.queueSum, c.queueCount = 0, 0
	c.step = 1
	if mean > seconds(1.05*queueLeast) && mean < seconds(0.96*queueMost) {
		switch {
		case c.anchor > 1.5*c.fairAt(mean-stepSlack):
			c.step = 0.95
		case c.anchor < c.fairAt(mean)/1.5:
			c.step = 1.05
		}
	}
	dip := 2 * mean.Seconds() / c.srtt.Seconds()
	c.probeDip = min(max(dip, 0.04), 0.25)
	c.phase, c.since = probe, s.Now
	c.until = s.Now + c.srtt*3/2
	c.judge = c.until
	c.stepTill = c.until + c.srtt
	c.honesty = honesty
	c.holdCount /= 2 // a cycle without excess: what held us may be gone
	if c.honesty {
		c.probeDip = min(c.pb.p+testDip, 0.8)
		c.restartLoss(s.Now)
		c.until = s.Now + c.beat(testEvery, testLeast)/testShare
		c.judge = c.until
		if c.tests++; c.long() && c.tests%shortTests != 0 {
			c.lossFrom = s.Now + c.srtt*9/8 + feedbackSlow
			c.until = s.Now + c.short()
			c.judge = c.until + c.srtt
		}
	}
	c.frozenTill = c.until + c.srtt + c.span()
}

// fairAt is the rate whose target the queue is, and of that this flow's part.
func (c *Controller) fairAt(queue time.Duration) float64 {
	share := queueAtRef * c.cfg.Policy.weight() / queue.Seconds()
	return refRate * share * share / c.flows()
}

// risen says that the baseline grew since its last test, as it does when a
// policer's loss passes for the path's.
func (c *Controller) risen() bool { return c.pb.p > suspicious && c.pb.p > 1.5*c.tested+0.01 }

func (c *Controller) endProbe(s *Sample) {
	c.phase, c.since = cruise, s.Now
	c.frozenTill = s.Now + c.srtt + c.span()
	c.nextProbe = c.probeAt(s.Now)
	if c.honesty {
		c.honesty, c.tested = false, c.pb.p
		c.restartLoss(s.Now)
	}
}

// watchPath notices that the path became longer: we have sent less than is
// delivered for some rounds, and the "queue" did not move. As long as another flow
// of the session went on, that says nothing.
func (c *Controller) watchPath(s *Sample, g float64, queue, target time.Duration) {
	if g >= 0.995 || queue < 2*target || c.cfg.Group.floor.contested(s.Now, c.srtt) {
		c.backing = 0
		c.cfg.Group.pushed = s.Now
		return
	}
	if c.backing == 0 {
		c.backing, c.backRound = 1, s.Now
		c.backHigh, c.backLow = 0, queue
		return
	}
	if s.Now-c.backRound < 2*c.srtt { // what we sent before is still arriving
		c.backLow = queue
		return
	}
	c.backHigh, c.backLow = max(c.backHigh, queue), min(c.backLow, queue)
	if s.Now-c.backRound < 4*c.srtt {
		return
	}
	c.backing = 0
	if c.cfg.Group.pushed < c.backRound+2*c.srtt && c.backHigh-c.backLow < max(time.Millisecond, queue/10) {
		c.delay.rebase(s.Now, c.srtt)
	}
}
