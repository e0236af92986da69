package forecast

import (
	"math"
	"time"
)

// Bucket is the time that one entry of the profile stands for. Five minutes is
// about two boots: finer than a node can follow would be in vain.
const Bucket = 5 * time.Minute

const (
	perDay  = int(24 * time.Hour / Bucket)
	perWeek = 7 * perDay
	// weekly is the weight of the newest week in a bucket's mean over weeks: about
	// four weeks are remembered.
	weekly = 0.4
)

// Profile is a learnt week. The zero value has learnt nothing.
type Profile struct {
	// last is the newest demand of each bucket of the week; NaN-free: known says
	// whether there is one, and when it was, in buckets since the epoch.
	last  [perWeek]float32
	mean  [perWeek]float32
	known [perWeek]int64

	open     int64 // the bucket that is being filled, in buckets since the epoch
	filling  bool
	peak     float64
	previous float64 // demand in the bucket before the open one
	prevAt   int64   // that bucket; 0: none

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

// Learn takes in demand, in nodes' worth, at a time. Times older than the newest
// one are ignored, as is what is no number.
func (p *Profile) Learn(at time.Time, demand float64) {
	if math.IsNaN(demand) || math.IsInf(demand, 0) || demand < 0 {
		return
	}
	i := index(at)
	switch {
	case !p.filling:
		p.open, p.filling, p.peak = i, true, demand
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
