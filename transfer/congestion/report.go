package congestion

import "time"

// OnReport takes one report and sets the rate.
func (c *Controller) OnReport(s *Sample) {
	if s.RTT > 0 {
		c.updateRTT(s.RTT)
		c.crowd.add(s.Now, max(s.RTT, leastRTT), c.srtt)
	}
	c.peerRate = s.PeerRate / 8
	c.limited = s.Limited || c.reason == ByPeer
	c.reports++
	if c.limited {
		c.idle++
		c.limitedAt = s.Now
	}
	if s.HasOWD {
		c.delay.add(s.Now, s.OWD, s.Packets-c.packets, c.srtt)
	}
	c.packets = s.Packets
	c.delivery.add(s.PeerClock, s.Bytes)
	c.updateAnchor(s)
	if c.anchor == 0 {
		c.peakRound = max(c.peakRound, s.Peak) // what it shows counts with the next
		c.bound()
		return
	}
	target := c.target()
	c.updateLoss(s, target)
	c.averageQueue(target)

	switch c.phase {
	case startup:
		c.cfg.Group.pushed = s.Now
		c.start(s, target)
	case empty:
		c.emptying(s)
	default:
		c.cruise(s, target)
	}
	c.bound()
	c.learn()
	c.lastNow = s.Now
}

// averageQueue sums up the queue since the last probe, but for what startup made.
func (c *Controller) averageQueue(target time.Duration) {
	if c.queueOld && c.delay.queue < 2*target {
		c.queueOld, c.queueSum, c.queueCount = false, 0, 0
	}
	c.queueSum += c.delay.queue
	c.queueCount++
}

func (c *Controller) updateRTT(rtt time.Duration) {
	rtt = max(rtt, leastRTT)
	if c.minRTT == 0 {
		c.srtt, c.minRTT = rtt, rtt
		return
	}
	c.minRTT = min(c.minRTT, rtt)
	c.srtt += (rtt - c.srtt) / 8
}

// span is the time over which D is measured.
func (c *Controller) span() time.Duration {
	if c.phase == startup {
		return max(c.srtt/3, 20*time.Millisecond)
	}
	return max(c.srtt, 30*time.Millisecond)
}

func (c *Controller) updateAnchor(s *Sample) {
	d, full := c.delivery.over(c.span())
	if d == 0 || !full && c.phase != startup {
		return
	}
	c.measured = d
	if c.flows() > 1 && c.peak > 0 && c.trial != trialPassed && (c.phase == startup || c.phase == empty) {
		d = min(d, c.top()) // a burst had the path to itself
		c.anchor = min(c.anchor, d)
	}
	// A gap in the application's data, or our own probe, says nothing about the
	// path, unless it shows by its queue that it is full all the same.
	gap := c.limitedAt > 0 && s.Now-c.limitedAt <= c.span()+c.srtt && c.delay.queue < 2*c.target()
	if d < c.anchor && (gap || s.Now < c.frozenTill) {
		return
	}
	c.anchor = c.sustained(s, d)
}

// sustained follows d up at once. Down it goes with loss, or when less was
// delivered for stallLeast: a host that is busy for a moment takes nothing from
// its socket meanwhile, loses nothing, and the path is not to blame.
func (c *Controller) sustained(s *Sample, d float64) float64 {
	lossy := s.Lost > c.fallLost
	c.fallLost = s.Lost
	if d >= c.anchor || lossy || c.phase == hold {
		c.fallSince, c.fallBest = 0, 0
		return d
	}
	if c.fallSince == 0 {
		c.fallSince = s.Now
	}
	c.fallBest = max(c.fallBest, d)
	if s.Now-c.fallSince < stallLeast {
		return c.anchor
	}
	best := c.fallBest
	c.fallSince, c.fallBest = s.Now, d
	return best
}

func (c *Controller) updateLoss(s *Sample, target time.Duration) {
	c.cfg.Group.sample(s, &c.fates, c.srtt, &c.pb, c.delay.queue > target*3/2)
	if s.Now < c.lossFrom {
		return // what is decided now was sent in another phase
	}
	span, least := c.srtt, uint64(windowLeast)
	switch {
	case c.honesty:
		span, least = c.judge-c.loss.since, testPackets // others test at the same time: nobody may stop before
	case c.phase == empty && c.until != never && c.long():
		span = c.until + c.short() + c.srtt - c.loss.since
	}
	f, ok := c.loss.closed(s, span, least)
	if !ok {
		return
	}
	calm := c.delay.queue < target*3/2
	switch {
	case c.phase == startup:
		c.startLoss = f.share()
		if c.delay.queue < target {
			c.pb.add(f)
			c.lossNow = c.pb.p
		}
		return
	case c.phase == empty:
		if c.until != never && !c.doubted && f.share() > lossKnown {
			c.doubt(s)
		} else if c.until != never {
			c.pb.reset(f)
			c.lossNow, c.tested, c.settled = c.pb.p, c.pb.p, true
		}
		return
	case c.phase == probe && c.honesty:
		c.judgeHonesty(s, f)
		return
	case c.phase == hold:
		c.judgeHold(s, f)
		return
	case c.pb.exceeded(f):
		// Twice in a row: a stall on the way loses much once.
		if c.excess++; c.excess > 1 && calm && c.phase == cruise && c.cfg.Policy != Fixed {
			c.excess = 0
			c.enterHold(s)
		}
		c.lossNow = c.pb.p
		return
	}
	c.excess = 0
	if calm {
		c.pb.add(f)
	}
	c.lossNow = c.pb.p
}

// doubt answers much loss after start-up, once: a bucket that let bursts pass looks like a
// fast path with loss. What arrives now is taken for all there is, and the loss is
// measured anew, a little below that: a policer's is gone then.
func (c *Controller) doubt(s *Sample) {
	c.doubted = true
	c.anchor = min(c.anchor, max(c.measured, c.anchor*doubtLeast))
	c.until = s.Now
	c.restartLoss(s.Now)
}

// enterHold answers loss above the baseline under an empty queue: a policer or
// a shallow buffer. It is also an experiment, see judgeHold.
func (c *Controller) enterHold(s *Sample) {
	c.phase, c.since = hold, s.Now
	c.ceiling = max(c.ceiling, c.anchor)
	c.trust()
	c.holdCount = min(max(1, c.holdCount*2), holdMost)
	c.until = s.Now + time.Duration(holdRTTs*c.holdCount)*c.srtt
	c.holdRate = holdFactor * c.anchor / (1 - c.pb.p)
	c.holdTries, c.holdCalm = 0, false
	c.restartLoss(s.Now)
}

// trust lets what arrives lower the anchor in spite of gaps: loss in excess says
// that the path is full. By a third at a time, for an outage just over also
// looks like a slow path.
func (c *Controller) trust() {
	c.anchor = min(c.anchor, max(c.measured, c.anchor*2/3))
}

// judgeHold looks at loss under the held rate. If it stays, the rate that was
// held may have been one that only a bucket let pass, so what is delivered now
// is held once more. If it stays again, it is not our doing: the path got
// worse, and the baseline says so from now on.
func (c *Controller) judgeHold(s *Sample, f fates) {
	if !c.pb.exceeded(f) {
		c.holdCalm = true
		c.pb.add(f)
		return
	}
	if c.holdCalm {
		return
	}
	c.holdTries++
	if c.holdTries == 1 {
		c.trust()
		c.holdRate = min(c.holdRate, holdAgain*c.anchor/(1-c.pb.p))
		c.restartLoss(s.Now)
		return
	}
	c.pb.reset(f)
	c.lossNow = c.pb.p
	c.phase, c.since, c.holdCount = cruise, s.Now, 0
}

// judgeHonesty looks at loss while less was sent than passes, whatever the
// baseline says. A policer's loss is gone then, a path's is not. Without this
// test a baseline taken from a policer would confirm itself for ever.
func (c *Controller) judgeHonesty(s *Sample, f fates) {
	if c.pb.undercut(f) {
		c.pb.reset(f)
	} else {
		c.pb.add(f)
	}
	c.lossNow, c.tested = c.pb.p, c.pb.p
	c.endProbe(s)
}

// restartLoss begins a loss sample with the packets sent from now on: their
// fate is known a round trip and a reordering window later.
func (c *Controller) restartLoss(now time.Duration) {
	c.lossFrom = now + c.srtt*5/4 + feedbackSlow
	c.loss.open = false
}
