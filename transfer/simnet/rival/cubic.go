package rival

import (
	"math"
	"time"
)

// Constants of RFC 9438.
const (
	cubicC    = 0.4
	cubicBeta = 0.7
)

type cubic struct {
	cwnd, ssthresh float64
	max            float64 // W_max
	epoch          time.Duration
	reno           float64 // W_est
}

func (c *cubic) window() float64 { return c.cwnd }
func (c *cubic) rate() float64   { return 0 }

func (c *cubic) acked(now time.Duration, s *Sender, _ ack) {
	if float64(s.flying+1) < c.cwnd-2 {
		return // not limited by the window
	}
	if c.cwnd < c.ssthresh {
		c.cwnd++
		return
	}
	if c.epoch == 0 {
		c.epoch, c.reno = now, c.cwnd
		c.max = max(c.max, c.cwnd)
	}
	k := math.Cbrt(c.max * (1 - cubicBeta) / cubicC)
	t := (now - c.epoch + s.srtt).Seconds()
	target := cubicC*(t-k)*(t-k)*(t-k) + c.max
	target = min(max(target, c.cwnd), 1.5*c.cwnd)
	c.reno += 3 * (1 - cubicBeta) / (1 + cubicBeta) / c.cwnd
	c.cwnd = max(c.cwnd+(target-c.cwnd)/c.cwnd, c.reno)
}

func (c *cubic) lost(time.Duration, *Sender) {
	if c.cwnd < c.max { // fast convergence
		c.max = c.cwnd * (1 + cubicBeta) / 2
	} else {
		c.max = c.cwnd
	}
	c.cwnd = max(c.cwnd*cubicBeta, 2)
	c.ssthresh, c.epoch = c.cwnd, 0
}

func (c *cubic) timeout(now time.Duration, s *Sender) {
	c.lost(now, s)
	c.cwnd = 1
}
