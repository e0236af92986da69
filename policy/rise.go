package policy

import (
	"math"
	"time"
)

// riseSpans are how far back the rise of demand is looked for: the short one sees
// a crowd when it has only begun, the long one a slope that noise hides from it. A
// span of 15 s in addition launched for noise, a fifth more node-hours on steady
// loads, and found no crowd earlier.
var riseSpans = [...]time.Duration{30 * time.Second, time.Minute}

// Constants of rises, measured in package arena over loads of eight kinds.
const (
	// riseSigmas: a rise counts only beyond so many standard deviations of
	// sessions that come independently. At 3.5, the worst crowds of ten times the
	// load keep a quarter more of their sessions waiting; at 2, steady loads cost
	// some 5 % more.
	riseSigmas = 2.5
	// riseSession is how long a session is taken to last where noise is estimated:
	// over a span, demand wanders by √(2 × span ÷ length) of its own deviation.
	// It is the length of most transfers in package arena's loads.
	riseSession = 3 * time.Minute
	// riseBoots: the rise goes on until the node that is launched for it has come,
	// and one boot in ten is longer than the boot that a snapshot tells of.
	riseBoots = 1.2
	// riseMost: a rise of more than so many times the demand says nothing of what
	// is to come. With 2, crowds of ten times the load waited up to twice as long.
	riseMost = 4
)

// rise extrapolates over one boot by how much demand has grown lately, as far as
// that exceeds noise. Sessions that come independently have a standard deviation
// of demand ÷ √sessions; a handful of sessions therefore shows no trend unless it
// is steep, and a thousand show a small one.
func (d *decision) rise(demand float64) float64 {
	sessions := d.capacity.Sessions + d.capacity.Queued
	if sessions == 0 || demand == 0 {
		return 0
	}
	deviation := demand / math.Sqrt(float64(sessions))
	most := 0.0
	for _, span := range riseSpans {
		before, ok := d.sampleAt(d.now.Add(-span))
		if !ok {
			continue
		}
		_, then := before.worth().largest(d.p.Signals)
		noise := float64(deviation * math.Sqrt(2*span.Seconds()/riseSession.Seconds()))
		grown := demand - then - float64(riseSigmas*noise)
		most = math.Max(most, float64(grown*riseBoots*d.boot().Seconds()/span.Seconds()))
	}
	return round(math.Min(most, riseMost*demand))
}

// sampleAt returns the sample nearest before at, if it is near at all.
func (d *decision) sampleAt(at time.Time) (Sample, bool) {
	for i := len(d.s.History) - 1; i >= 0; i-- {
		h := d.s.History[i]
		if h.At.After(at) {
			continue
		}
		return h, at.Sub(h.At) < trendSpan
	}
	return Sample{}, false
}
