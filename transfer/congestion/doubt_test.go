package congestion

import (
	"testing"
	"time"
)

// bucket is a policer far behind a fast link, fed with the controller's own rate.
type bucket struct {
	rate, tokens, most float64 // bytes/s, bytes
	rtt                time.Duration
	sent               []float64
	passed, policed    float64
}

// run returns the share that was policed.
func (b *bucket) run(c *Controller, s *Sample, span time.Duration) float64 {
	const step = 10 * ms
	before, lost := b.passed, b.policed
	for end := s.Now + span; s.Now < end; {
		s.Now, s.PeerClock = s.Now+step, s.PeerClock+step
		b.sent = append(b.sent, c.Rate()*step.Seconds()+c.Burst())
		if len(b.sent) <= int(b.rtt/step) {
			continue
		}
		in := b.sent[len(b.sent)-1-int(b.rtt/step)]
		b.tokens = min(b.tokens+b.rate*step.Seconds(), b.most)
		out := min(in, b.tokens)
		b.tokens -= out
		b.passed, b.policed = b.passed+out, b.policed+in-out
		s.Bytes = uint64(b.passed)
		s.Packets, s.Acked, s.Lost = s.Bytes/1500, s.Bytes/1500, uint64(b.policed/1500)
		s.Runs = s.Lost / 2
		s.Peak = 125e6 // as fast as the link, for as long as the bucket lets it
		s.OWD, s.HasOWD, s.RTT = 50*ms, true, b.rtt
		c.OnReport(s)
	}
	return (b.policed - lost) / (b.policed - lost + b.passed - before)
}

// TestABucketThatLetsBurstsPassIsFoundOut: what start-up delivered through a bucket is
// not what passes, and the loss at that rate is not the path's.
func TestABucketThatLetsBurstsPassIsFoundOut(t *testing.T) {
	t.Parallel()
	for _, delivered := range []float64{35e6, 59e6, 110e6} {
		b := &bucket{rate: 25e6, rtt: 100 * ms, most: 1.25e6}
		c := New(Config{Packet: 1500, RTT: b.rtt})
		var s Sample
		b.run(c, &s, 200*ms)
		// The bucket was empty a round trip ago; the rate that it let pass has stayed.
		b.tokens, c.anchor = 0, delivered
		c.leaveStart(&s, c.target())
		c.since, c.frozenTill = s.Now-2*c.srtt, s.Now+2*c.srtt
		b.run(c, &s, 1200*ms)
		if lost := b.run(c, &s, 2*time.Second); lost > .05 {
			t.Errorf("%.0f MB/s in start-up: %.1f %% lost a second later", delivered/1e6, 100*lost)
		}
		if b.run(c, &s, 5*time.Second); c.Rate() < .85*b.rate {
			t.Errorf("%.0f MB/s in start-up: sends %.1f MB/s of 25", delivered/1e6, c.Rate()/1e6)
		}
	}
}

// TestALossyPathIsBelieved: the second look costs a path that loses a fifth no more than that.
func TestALossyPathIsBelieved(t *testing.T) {
	t.Parallel()
	p := &path{capacity: 12.5e6, loss: .2, rtt: 100 * ms, interval: 10 * ms}
	c := New(Config{Packet: 1500, RTT: p.rtt})
	var s Sample
	p.run(c, &s, 5*time.Second)
	if got := p.run(c, &s, 5*time.Second) / (p.capacity * (1 - p.loss)); got < .95 || c.Loss() < .18 || c.Loss() > .22 {
		t.Errorf("%.3f of the path, loss taken for %.2f", got, c.Loss())
	}
}
