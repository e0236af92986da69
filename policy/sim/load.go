package sim

import (
	"fmt"
	"math"
	"time"

	"github.com/godwit/godwit/policy"
)

// client is one session's worth of work and where it is.
type client struct {
	id         string
	wanted     float64 // bits per second; what its path and disks allow
	says       bool    // tells the cluster what it wants
	left       float64 // bytes
	direction  policy.Direction
	movable    bool
	on         *instance
	connectsAt time.Time // it is on its way until then
	since      time.Time
	waits      time.Time // since when it has no node
	retryAt    time.Time
	asked      time.Time // to move, and not gone yet
	before     []visit   // nodes that it was asked to leave
	rate       float64
}

func (c *client) connected(now time.Time) bool { return c.on != nil && !now.Before(c.connectsAt) }

// intensity is the arriving demand relative to the mean, at a time into the run.
func (w *world) intensity(at time.Duration) float64 {
	minutes := at.Minutes()
	switch w.c.Shape {
	case Wave:
		return 1 + math.Sin(2*math.Pi*minutes/60)
	case Flash:
		if m := math.Mod(minutes, 45); m > 20 && m < 35 {
			return 3
		}
		return 0.3
	case Batch:
		if math.Mod(minutes, 30) < 2 {
			return 8
		}
		return 0.1
	case Oscillation:
		if math.Mod(minutes, 6) < 3 {
			return 1.4
		}
		return 0.6
	case Growth:
		return 2 * at.Seconds() / w.c.LoadFor.Seconds()
	case Mixture:
		return 0.5 + 0.5*math.Sin(2*math.Pi*minutes/60) + w.rand.Float64()
	case Greedy, Steady, LongTail:
	}
	return 1
}

// arrive adds the clients of one step. Sessions last about three minutes at the
// service level, whatever their shape, and never so long that one which cannot
// move outlasts every drain timeout.
func (w *world) arrive() {
	at := w.now.Sub(w.start)
	if at >= w.c.LoadFor {
		return
	}
	if w.c.Shape == Greedy {
		if at == w.c.Step {
			w.add(10*w.c.NodeMbps*1e6, 1e15, policy.Send)
		}
		return
	}
	level := w.c.Policy.SessionRateMbps * 1e6
	mean := 180 * level / 8
	perStep := w.c.Rate * w.c.NodeMbps * 1e6 / level / 180 * w.c.Step.Seconds()
	n := perStep * w.intensity(at)
	k := int(n)
	if w.rand.Float64() < n-float64(k) {
		k++
	}
	if w.c.Shape == Oscillation {
		w.swing(n, mean, level)
		return
	}
	for range k {
		size := mean * math.Min(w.rand.ExpFloat64(), 3)
		if w.c.Shape == LongTail {
			size = mean * math.Min(0.3/math.Pow(1-w.rand.Float64(), 0.9), 4)
		}
		wanted := level * pick(w.rand, 0.2, 0.5, 1, 1, 3)
		direction := policy.Send
		if w.rand.IntN(4) == 0 {
			direction = policy.Receive
		}
		w.add(wanted, size*math.Min(wanted/level, 1), direction)
	}
}

// swing adds equal sessions at equal distances: the load goes up and down by
// intent and not by chance, so that a launch after a drain is the policy's doing.
func (w *world) swing(n, bytes, level float64) {
	for w.carry += n; w.carry >= 1; w.carry-- {
		w.add(level, bytes, policy.Send)
	}
}

func (w *world) add(wanted, bytes float64, direction policy.Direction) {
	w.serial++
	w.clients = append(w.clients, &client{
		id: fmt.Sprintf("c%05d", w.serial), wanted: wanted, left: bytes, direction: direction,
		says: w.rand.Float64() < w.c.Known, movable: w.rand.Float64() < w.c.Movable, waits: w.now, retryAt: w.now,
	})
}
