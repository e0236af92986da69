package congestion

import "time"

// floor is the rate that a TCP would have on this path, so that a flow which
// shares a deep or contested queue is not starved by loss-driven neighbours.
// It counts losses above the baseline under a full queue, which is what makes a
// TCP yield, and turns their spacing into a window: CUBIC's plateau
// (RFC 9438, C=0.4, β=0.7: W = 1.234·τ³ in its concave region) or Reno's mean
// (1.5·τ/RTT), whichever is larger.
type floor struct {
	window   lossWindow
	last     time.Duration
	spacing  [4]time.Duration
	events   int
	fraction float64
	stepped  time.Duration
}

const (
	floorGrow   = 1.15
	floorShrink = 0.7
)

// sample takes a report; full says that the queue is well over target.
func (f *floor) sample(s *Sample, rtt time.Duration, pb *baseline, full bool) {
	got, ok := f.window.closed(s, rtt, 8)
	if !ok || !full || !pb.exceeded(got) && !pb.unlikely(got) {
		return
	}
	if f.last != 0 {
		f.spacing[f.events%len(f.spacing)] = s.Now - f.last
		f.events++
	}
	f.last = s.Now
}

// contested reports whether losses under a full queue were seen lately.
func (f *floor) contested(now, rtt time.Duration) bool {
	return f.last != 0 && now-f.last < 8*rtt
}

// rate returns the floor in bytes/s for packets of the given wire size, as its part
// for one of so many flows; 0: none.
func (f *floor) rate(now, rtt, queue, target time.Duration, packet, delivered, flows float64) float64 {
	if f.events == 0 || rtt <= 0 {
		return 0
	}
	if now-f.stepped >= rtt {
		f.stepped = now
		switch {
		case queue > target:
			f.fraction = min(max(f.fraction, 0.1)*floorGrow, 1)
		case queue < target/4:
			f.fraction *= floorShrink
		}
	}
	n := min(f.events, len(f.spacing))
	var sum time.Duration
	for _, s := range f.spacing[:n] {
		sum += s
	}
	tau := max(sum/time.Duration(n), now-f.last).Seconds()
	w := max(1.234*tau*tau*tau, 1.5*tau/rtt.Seconds())
	return min(f.fraction*w*packet/rtt.Seconds()/flows, 1.5*delivered)
}
