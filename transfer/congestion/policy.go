package congestion

import (
	"fmt"
	"math"
	"time"
)

// Policy is how a flow behaves towards others on the same bottleneck.
type Policy uint8

// The policies. Fixed sends at the target whatever happens (but stops without
// feedback); High takes about twice the share of Fair; Low
// about half at the most, and it makes room for who comes within ten round trips.
const (
	Fair Policy = iota
	High
	Low
	Fixed
)

var policyNames = [...]string{Fair: "fair", High: "high", Low: "low", Fixed: "fixed"}

// String returns the name that users write.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// ParsePolicy is the inverse of String.
func ParsePolicy(s string) (Policy, error) {
	for i, n := range policyNames {
		if n == s {
			return Policy(i), nil
		}
	}
	return Fair, fmt.Errorf("unknown policy %q: use fixed, high, fair or low", s)
}

// weight scales the queue target. A flow's share at a common queue goes with
// the square of its target, hence √2 for twice the share.
func (p Policy) weight() float64 {
	switch p {
	case High:
		return math.Sqrt2
	case Low:
		return 1 / math.Sqrt2
	default:
		return 1
	}
}

const (
	queueAtRef = 5e-3      // s of queue at the reference rate
	refRate    = 100e6 / 8 // bytes/s
	queueLeast = 1e-3      // below it, the jitter of hosts drowns the signal
	queueMost  = 25e-3
)

// target returns the standing queue that a flow of the given rate aims at. The
// square root gives flows that share a queue equal rates at every speed.
func (p Policy) target(rate float64) time.Duration {
	if rate <= 0 {
		return seconds(queueMost)
	}
	q := queueAtRef * p.weight() * math.Sqrt(refRate/rate)
	return seconds(min(max(q, queueLeast), queueMost))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
