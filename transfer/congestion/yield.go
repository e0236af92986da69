package congestion

import "time"

const (
	yieldShare  = 0.15 // of what was delivered without a rival, kept beside one
	yieldRTTs   = 16   // that it is kept for, before the return begins
	yieldBack   = 1.04 // a round, on the return: about what a CUBIC grows by
	yieldDrop   = 0.97 // of what was delivered: less beside a queue is somebody's doing
	yieldOver   = 0.95 // of the same, reached again: nobody is there
	yieldKnown  = 8    // rounds after which it is known what is usual
	yieldMemory = 32   // rounds that that is taken from
	yieldSigmas = 3
	doubtMore   = 1.5 // after a rival that was none
	doubtMost   = 3.0
)

// yield is how a flow of policy low makes room. To send less than is delivered while
// somebody else fills the queue is not enough: a CUBIC that has just come leaves its
// slow start at the first queue, and grows by a twentieth each round trip from there.
// For as long as the two of them do not fill the path, nothing shows that it is there, and
// the flow would take what is left again and again.
//
//	queue over its limit, and less is delivered ──► keep a share ──yieldRTTs──► return, by rounds
//	                                                     ▲                        │      │
//	                                                     └──── the same again ────┘      │
//	                  all that was ◄── as much as before arrives: nobody is there ───────┘
//
// Where delays only seem to be a queue, as on a path that wavers, the limit grows with
// each rival that was none.
type yield struct {
	usual  float64 // bytes/s delivered where no rival is known of, smoothed by rounds; 0: nothing yet
	wavers float64 // how far that is from it, on average
	rounds int
	round  time.Duration
	above  time.Duration // since when the queue has been over its limit; 0: it is not
	rate   float64       // at most so much now, bytes/s; 0: no rival is known of
	till   time.Duration // the rate does not grow before
	doubt  float64       // times the limit of the queue
}

// bound returns how much of rate may be sent beside who else is there.
func (y *yield) bound(now, rtt, queue, target time.Duration, delivered, rate float64) float64 {
	y.doubt = max(y.doubt, 1)
	if queue <= time.Duration(2*y.doubt*float64(target)) {
		y.above = 0
	} else if y.above == 0 {
		y.above = now
	}
	full := y.above != 0 && now-y.above >= rtt/2
	turn := now-y.round >= rtt
	if turn {
		y.round = now
	}
	switch {
	case full && y.rounds >= yieldKnown && delivered < y.usual-max((1-yieldDrop)*y.usual, yieldSigmas*y.wavers):
		y.rate, y.till = yieldShare*y.usual, now+yieldRTTs*rtt
	case y.rate > 0 && turn && now >= y.till:
		y.back(delivered)
	case y.rate == 0 && turn && !full:
		y.learn(delivered)
	}
	if y.rate == 0 {
		return rate
	}
	return min(rate, y.rate)
}

// back grows the rate by a round's part, until it is what it was.
func (y *yield) back(delivered float64) {
	y.rate *= yieldBack
	switch {
	case delivered >= yieldOver*y.usual:
		y.rate, y.doubt = 0, min(y.doubt*doubtMore, doubtMost)
	case y.rate >= y.usual:
		*y = yield{round: y.round, doubt: y.doubt / doubtMore} // others have a part, and it is known how much
	}
}

// learn takes what a round delivered that had no rival.
func (y *yield) learn(delivered float64) {
	y.rounds++
	if y.rounds == 1 {
		y.usual = delivered
	}
	n := float64(min(y.rounds, yieldMemory))
	y.wavers += (max(delivered-y.usual, y.usual-delivered) - y.wavers) / n
	y.usual += (delivered - y.usual) / n
}
