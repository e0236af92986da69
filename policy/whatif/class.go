package whatif

import (
	"math"

	"github.com/godwit/godwit/policy"
)

// Rate is a class of wanted rates: a quarter octave around 100 Mb/s × 2^((r−40)/4).
type Rate uint8

// Rates run from 0.1 Mb/s to 100 Gb/s, and then Unknown: more than it gets.
const (
	slowest Rate = 0
	fastest Rate = 80
	// Unknown is a session that its node holds down, or that has only come: it is
	// taken to want more than it is promised.
	Unknown Rate = fastest + 1

	classes   = int(Unknown) + 1
	middle    = 40
	middleBps = 100e6
	perOctave = 4
)

// rateOf is the class of a rate in bits per second.
func rateOf(bps int64) Rate {
	if bps <= 0 {
		return slowest
	}
	r := math.Round(math.Log2(float64(bps)/middleBps)*perOctave) + middle
	return Rate(min(max(r, float64(slowest)), float64(fastest)))
}

// Bps is the rate that stands for the class; 0 for Unknown.
func (r Rate) Bps() int64 {
	if r >= Unknown {
		return 0
	}
	return int64(math.Round(middleBps * math.Exp2(float64(int(r)-middle)/perOctave)))
}

// way is a direction as a small number.
type way uint8

const (
	sends way = iota
	receives
	both
	ways
)

func wayOf(d policy.Direction) way {
	switch d {
	case policy.Send:
		return sends
	case policy.Receive:
		return receives
	case policy.Both:
	}
	return both
}

func (w way) direction() policy.Direction {
	return [ways]policy.Direction{policy.Send, policy.Receive, policy.Both}[w]
}
