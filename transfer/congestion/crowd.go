package congestion

import "time"

const (
	crowdLeast   = 8 * time.Millisecond
	crowdWindows = 6 // that the least round trip is remembered for
	crowdWindow  = 10 * time.Second
)

// crowd tells from round trips whether a queue stands that the one-way delays do
// not show, because it has stood for as long as their base is remembered. A flow
// that is to yield has to know. Round trips need no remote clock, so the least of
// them may be remembered for a minute; but the way back is in them, so they are
// not for every flow.
type crowd struct {
	least  [crowdWindows]time.Duration // by window; 0: nothing yet
	window int64

	now, before time.Duration // least of this RTT and of the one before
	since       time.Duration
}

func (c *crowd) add(at, rtt, srtt time.Duration) {
	w := int64(at / crowdWindow)
	for ; c.window < w; c.window++ {
		if w-c.window > crowdWindows {
			c.window = w - crowdWindows
		}
		c.least[(c.window+1)%crowdWindows] = 0
	}
	if l := &c.least[w%crowdWindows]; *l == 0 || rtt < *l {
		*l = rtt
	}
	if at-c.since >= srtt {
		c.before, c.now, c.since = c.now, rtt, at
	}
	if c.now == 0 || rtt < c.now {
		c.now = rtt
	}
}

// above is the queue that round trips show, 0 when it is not clearly one: they
// have to be much above their least for two of them.
func (c *crowd) above(target time.Duration) time.Duration {
	var least time.Duration
	for _, l := range c.least {
		if l > 0 && (least == 0 || l < least) {
			least = l
		}
	}
	if least == 0 || c.before == 0 {
		return 0
	}
	queue := min(c.now, c.before) - least
	if queue <= max(crowdLeast, 2*target, least/8) {
		return 0
	}
	return queue
}
