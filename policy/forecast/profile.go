package forecast

import (
	"math"
	"time"
)

// Bucket is the time that one entry of the profile stands for. Five minutes is
// about two boots: finer than a node can follow would be in vain.
const Bucket = 5 * time.Minute

// setBack is how many buckets time must go back for it to be believed.
const setBack = int64(time.Hour / Bucket)

// maxDemand is more nodes than any cluster has; more is a mistake and not learnt.
const maxDemand = 1e6

const (
	perDay  = int(24 * time.Hour / Bucket)
	perWeek = 7 * perDay
	// weekly is the weight of the newest week in a bucket's mean over weeks: about
	// four weeks are remembered.
	weekly = 0.4
)

// Profile is a learnt week. The zero value has learnt nothing.
type Profile struct {
	// last is the newest demand of each bucket of the week, mean that over weeks;
	// known is when last was, in buckets since the epoch, 0: never.
	last  [perWeek]float32
	mean  [perWeek]float32
	known [perWeek]int64

	open     int64 // the bucket that is being filled, in buckets since the epoch
	filling  bool
	peak     float64
	previous float64 // demand in the bucket before the open one
	prevAt   int64   // that bucket; 0: none

	// guess was the prediction for the bucket before, if guessed, off its error.
	guess, off float64
	guessed    bool

	from    int64 // the first bucket learnt, 0: none
	experts [experts]expert
	score   tally
}

// index of a time in buckets since the epoch; Monday 00:00 UTC is a multiple of
// perWeek off by a constant, which does not matter: buckets repeat every week.
func index(at time.Time) int64 { return at.Unix() / int64(Bucket/time.Second) }

func slot(i int64) int { return int(((i % int64(perWeek)) + int64(perWeek)) % int64(perWeek)) }

// start of bucket i.
func start(i int64) time.Time { return time.Unix(i*int64(Bucket/time.Second), 0).UTC() }

// Learn takes in demand, in nodes' worth, at a time. Times a little older than the
// newest one are ignored, as is what is no number.
func (p *Profile) Learn(at time.Time, demand float64) {
	i := index(at)
	switch {
	case math.IsNaN(demand) || demand < 0 || demand > maxDemand || i <= int64(perWeek) || i >= maxBucket:
	case !p.filling:
		p.open, p.filling, p.peak = i, true, demand
	case i < p.open-setBack: // a clock that ran ahead was put right
		p.open, p.peak, p.prevAt, p.guessed, p.off = i, demand, 0, false, 0
	case i < p.open:
	case i == p.open:
		p.peak = math.Max(p.peak, demand)
	default:
		p.close()
		p.open, p.filling, p.peak = i, true, demand
	}
}

// close scores and learns the bucket that is over.
func (p *Profile) close() {
	i, actual := p.open, p.peak
	p.judge(i, actual)
	s := slot(i)
	if p.known[s] == 0 || i-p.known[s] > int64(8*perWeek) {
		p.mean[s] = float32(actual)
	} else {
		p.mean[s] += float32(weekly * (actual - float64(p.mean[s])))
	}
	p.last[s], p.known[s] = float32(actual), i
	p.previous, p.prevAt = actual, i
	if p.from == 0 {
		p.from = i
	}
}

// Since is when the profile began to learn; the zero time: it has not.
func (p *Profile) Since() time.Time {
	if p.from == 0 {
		return time.Time{}
	}
	return start(p.from)
}

// Until is the end of what it has learnt; the zero time: nothing.
func (p *Profile) Until() time.Time {
	if p.prevAt == 0 {
		return time.Time{}
	}
	return start(p.prevAt + 1)
}
