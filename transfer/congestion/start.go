package congestion

import "time"

// settleMost bounds the wait for a loss sample where packets are few.
const settleMost = time.Second

const (
	startQueue  = 8 * time.Millisecond
	startGrowth = 1.25
	startFlat   = 3
	startMost   = 0.25 // loss

	// A burst of so many packets, or of what the rate sends in so long, shows what
	// the bottleneck passes: at 1 Gb/s the receiver sees it come over 2 ms.
	// Both are for round trips up to burstRTT; on longer paths bursts are longer, for
	// a rate that a short one made too high would go on for a round trip.
	burstPackets = 160
	burstSpan    = 3 * time.Millisecond
	burstRTT     = 200 * time.Millisecond
	burstLong    = 2.5                   // times as long at most
	burstTarget  = 25 * time.Millisecond // of the target rate, where there is one
	burstDoubles = 4                     // how often a burst is doubled at most, twice for each rise of the peak
	peakFirst    = 0.85                  // of a peak that was seen once
	peakAgain    = 0.98                  // of one that more was sent to confirm
	peakMost     = 16.0                  // times what is delivered: the first burst is all there is to go by
	confirmed    = 0.85                  // of the peak, delivered: time to try more
	trialGain    = 1.10
	trialGrowth  = 1.04
	trialsLong   = 3
	blindGain    = 1.8  // without peaks to go by
	settledLeast = 1500 // packets whose fate tells the loss of the path
)

// How far the trial of more than the peak is.
const (
	trialNone uint8 = iota
	trialRuns
	trialPassed
)

// Burst returns how many bytes to send at once now, on top of the rate, and
// forgets them.
func (c *Controller) Burst() float64 {
	b := c.burst
	c.burst = 0
	return b
}

// Again asks for another burst if none has shown anything yet.
func (c *Controller) Again() {
	if c.phase == startup && c.peak == 0 {
		c.armBurst()
	}
}

// FirstBurst is how many packets the first burst has on a path with such a round trip.
func FirstBurst(rtt time.Duration) int { return int(burstPackets * longer(rtt)) }

func longer(rtt time.Duration) float64 {
	return min(max(float64(rtt)/float64(burstRTT), 1), burstLong)
}

// armBurst asks for a burst that shows the capacity of the path.
func (c *Controller) armBurst() {
	if c.cfg.Follows {
		return
	}
	least := longer(c.srtt) * max(burstPackets*float64(c.cfg.Packet), c.rate*burstSpan.Seconds())
	// What shows more each time arrives scattered: a longer one is, for its length,
	// less so. It is bounded by what is sent in a round trip anyway.
	b := max(least, min(least*float64(int(1)<<min(2*c.rises, burstDoubles)), c.rate*c.srtt.Seconds()))
	for _, limit := range []float64{c.cfg.Target / 8, c.peerRate} {
		if limit > 0 {
			b = min(b, limit*burstTarget.Seconds())
		}
	}
	c.burst, c.burstSize = b, b
}

// start grows until the path answers: to what a burst showed where it showed
// something, else by the delivered rate.
//
// A burst that arrives scattered, because the path jitters, shows too little: the
// next is longer. And what it showed is not the end: once that much is delivered and no queue is
// there, a little more is tried for a round. When that much more arrives, peaks
// are not to be believed here, and the delivered rate leads.
func (c *Controller) start(s *Sample, target time.Duration) {
	if c.limited || c.round == 0 {
		c.round = s.Now
	}
	c.startBest = max(c.startBest, c.anchor)
	c.peakRound = max(c.peakRound, s.Peak)
	// A host or a path that stalls hands over in a clump what came in meanwhile:
	// once as much as a peak is delivered, no peak is believed over that.
	news := c.peakRound > c.peak*startGrowth && (c.peakNew || c.peak == 0 || c.startBest < confirmed*c.top())
	if news {
		if c.peak > 0 {
			c.rises++
		}
		c.peak, c.peakNew = c.peakRound, true
	} else if s.Now-c.round >= c.srtt {
		c.endRound(s)
	}
	c.rate = c.startRate()
	c.recall()
	if news { // look again with a burst that fits
		c.round, c.peakRound = s.Now, 0
		c.armBurst()
	}
	failed := false
	if c.trial == trialRuns && s.Now-c.trialAt >= c.srtt+c.span()+feedbackSlow {
		if failed = c.measured < trialGrowth*c.trialFrom; !failed && c.delay.queue < target {
			c.passTrial(s)
		}
	}
	full := c.delay.queue > max(startQueue, 2*target)
	if c.trial == trialRuns {
		full = c.delay.queue > 2*target
	}
	if full || failed || c.flatRounds >= startFlat || c.startLoss > startMost {
		c.leaveStart(s, target)
	}
}

// startRate is what start-up sends at.
func (c *Controller) startRate() float64 {
	grown := max(startGain*c.anchor/(1-c.lossNow), firstPackets*float64(c.cfg.Packet)/c.srtt.Seconds()/c.flows())
	known := c.top() / (1 - c.lossNow)
	switch {
	case c.trial == trialPassed:
		return max(blindGain*c.anchor/(1-c.lossNow), c.rate)
	case c.trial == trialRuns:
		return (1 + float64(int(1)<<c.trials)*(trialGain-1)) * c.trialFrom / (1 - c.lossNow)
	case c.peak == 0:
		return grown
	case c.peakNew:
		known *= peakFirst
	default:
		known *= peakAgain
	}
	return max(min(known, peakMost*c.startBest), min(grown, known))
}

func (c *Controller) endRound(s *Sample) {
	c.round = s.Now
	if c.anchor < startGrowth*c.roundBest {
		c.flatRounds++
	} else {
		c.flatRounds = 0
	}
	c.roundBest = max(c.roundBest, c.anchor)
	if c.peakRound > 0 && c.peakRound < c.peak*startGrowth {
		c.peak, c.peakNew = (c.peak+c.peakRound)/2, false
	}
	if c.trial == trialNone && c.peak > 0 && !c.peakNew && c.measured > confirmed*c.top()*(1-c.lossNow) {
		c.trial, c.trialAt, c.trialFrom = trialRuns, s.Now, max(c.measured, peakAgain*c.top()*(1-c.lossNow))
	}
	c.peakRound = 0
	if c.trial == trialNone {
		c.armBurst()
	}
}

// passTrial goes on by the delivered rate. On a long path, where a rate too high is not
// noticed for a round trip, trials of twice as much more each come before that.
func (c *Controller) passTrial(s *Sample) {
	c.flatRounds = 0
	if c.trials++; !c.long() || c.trials == trialsLong {
		c.trial = trialPassed
		return
	}
	c.trialAt, c.trialFrom = s.Now, c.measured
}

// leaveStart goes on to empty the queue that start-up made, or straight to
// cruising where it made none.
func (c *Controller) leaveStart(s *Sample, target time.Duration) {
	c.phase, c.since, c.burst, c.burstSize = empty, s.Now, 0, 0
	c.restartLoss(s.Now)
	c.until = never
	c.doubted = c.delay.queue >= target // what is lost then, a queue had no room for
	if c.delay.queue < max(startQueue, 6*target) && c.pb.weight >= settledLeast && c.startLoss <= startMost && c.pb.p < suspicious {
		c.settled = true
		c.lossNow, c.tested = c.pb.p, c.pb.p
		c.enterCruise(s)
		return
	}
	// What is in flight above what passes in a round trip has to drain as well.
	excess := c.rate*(1-c.lossNow)/c.anchor - 1 + c.delay.queue.Seconds()/c.srtt.Seconds()
	c.emptyGain = min(max(settleGain-emptyMore*excess, emptyLeast), settleGain)
	c.emptyTill = s.Now + time.Duration(max(excess, 0)/(1-c.emptyGain)*float64(c.srtt))
	c.rate = c.emptyGain * c.anchor
}

// emptying drains what startup piled up and then sends a little less than
// passes, until the path has shown its own loss.
func (c *Controller) emptying(s *Sample) {
	age := s.Now - c.since
	if age >= c.srtt {
		c.frozenTill = s.Now + 2*c.srtt // the anchor must not follow our own low rate down
	}
	drained := age > c.srtt && c.delay.queue < c.target() || age > 4*c.srtt
	if c.until == never && drained {
		if c.delay.queue >= c.target() {
			c.delay.rebase(s.Now, c.srtt) // four RTTs at 0.6 D did not drain it: it is not our queue
		}
		c.until = s.Now
		c.restartLoss(s.Now)
	}
	if c.until == never {
		c.rate = c.emptyGain * c.anchor
		if s.Now >= c.emptyTill && s.Now < c.emptyTill+c.srtt+feedbackSlow {
			c.rate = settleGain * c.anchor // until it shows whether that was enough
		}
		return
	}
	c.rate = settleGain * c.anchor
	if c.long() && s.Now > c.until+c.short() && c.startLoss <= startMost {
		c.rate /= 1 - c.lossNow // enough was sent; what it shows is on its way
	}
	if c.settled || s.Now-c.until > settleMost+4*c.srtt {
		c.enterCruise(s)
	}
}

func (c *Controller) enterCruise(s *Sample) {
	c.phase, c.since = cruise, s.Now
	c.nextProbe = c.probeAt(s.Now)
	if c.pb.p > suspicious {
		c.nextProbe = s.Now + 2*c.srtt
	}
	c.round = s.Now
	c.ceiling = c.anchor
	c.queueOld, c.queueSum, c.queueCount = true, 0, 0
	c.frozenTill = max(c.frozenTill, s.Now+c.srtt+c.span()) // what is delivered now was sent at a lower rate
}
