package congestion

import "time"

// Resume is what an earlier flow learnt of a path that still has the same round
// trip. A flow that begins with it does so carefully (draft-ietf-tsvwg-careful-resume):
//
//	half of the rate at once ──reports of as much, no queue, no new loss──► nearly all of it
//	          └──────── a queue, loss, or a burst that shows far less ────► forgotten:
//	                                                        start-up as ever, from what arrives
//
// It never makes a flow slower than one that knows nothing, and what it sends too
// much when it is wrong is bounded by jumpMost. Policies low and fixed make no use of it.
type Resume struct {
	Rate float64 // bit/s delivered; 0: nothing is known
	Loss float64 // of the path itself, as a fraction
}

const (
	jumpShare = 0.5     // of the known rate, before anything was reported
	jumpMost  = 8 << 20 // bytes of it in the first round trip
	jumpPeak  = 8       // times what a burst shows: a known rate above that is another path's
	nearShare = 0.95    // of the known rate, once it holds
	doubtLoss = 0.05    // above the known loss
	lossKnown = 0.15    // that is divided out before it is seen again, at most
	freeShare = 0.9     // of a limit: what is delivered below it, the path limits
)

// resume begins with what is known.
func (c *Controller) resume() {
	if c.cfg.Resume.Rate <= 0 || c.cfg.Policy == Low || c.cfg.Policy == Fixed {
		return
	}
	c.known, c.knownLoss = c.cfg.Resume.Rate/8, min(max(c.cfg.Resume.Loss, 0), lossKnown)
	c.rate = max(c.rate, c.jump()/(1-c.knownLoss))
}

// jump is what is delivered, if all is as it was, of the rate that is used unseen.
func (c *Controller) jump() float64 {
	return min(jumpShare*c.known, jumpMost/c.srtt.Seconds())
}

// recall raises start-up's rate to what is known, as far as it has been seen to
// hold.
func (c *Controller) recall() {
	if c.known == 0 {
		return
	}
	target := c.target()
	if c.delay.queue > max(startQueue, 2*target) || c.startLoss > c.knownLoss+doubtLoss || c.peak > 0 && c.peak*jumpPeak < c.known {
		c.known = 0
		return
	}
	holds := min(nearShare*c.known, max(c.jump(), 2*c.startBest))
	c.rate = max(c.rate, holds/(1-c.knownLoss))
}

// Learnt is what a flow can tell the next one.
type Learnt struct {
	Resume
	RTT time.Duration // without a queue; 0: unknown
}

// Learnt returns what this flow has found out; a rate only where the path, and
// nothing else, has limited it for a while.
func (c *Controller) Learnt() Learnt {
	return Learnt{Resume: Resume{Rate: c.passed * 8, Loss: c.pb.p}, RTT: c.minRTT}
}

// learn notes the rate while it is the path's.
func (c *Controller) learn() {
	free := func(limit float64) bool { return limit <= 0 || c.anchor < freeShare*limit }
	if c.phase > empty && !c.limited && free(c.cfg.Target/8) && free(c.peerRate) && c.reason != ByLeast {
		c.passed = c.anchor
	}
}
