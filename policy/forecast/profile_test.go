package forecast

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// learn shows the profile a demand every 30 s.
func learn(p *Profile, from time.Time, days float64, demand func(t time.Time) float64) time.Time {
	until := from.Add(time.Duration(days * 24 * float64(time.Hour)))
	for t := from; t.Before(until); t = t.Add(30 * time.Second) {
		p.Learn(t, demand(t))
	}
	return until
}

// nightly is ten nodes from 02:00 to 02:30 over one.
func nightly(t time.Time) float64 {
	if t.Hour() == 2 && t.Minute() < 30 {
		return 10
	}
	return 1
}

func at(t *testing.T, p *Profile, when time.Time) float64 {
	t.Helper()
	points := p.Predict(when, when)
	if len(points) != 1 || points[0].At.After(when) || !points[0].Until.After(when) {
		t.Fatalf("predictions for %s: %+v", when, points)
	}
	return points[0].Demand
}

func TestTheSecondNightOfABatchIsForeseen(t *testing.T) {
	t.Parallel()
	var p Profile
	now := learn(&p, monday, 1, nightly)
	if got := at(t, &p, now.Add(2*time.Hour+10*time.Minute)); got != 10 {
		t.Errorf("predicted %g at 02:10 of the second day", got)
	}
	if f := p.Forecast(now.Add(time.Hour+50*time.Minute), 15*time.Minute); f.Trust != 1 || f.Points[len(f.Points)-1].Demand != 10 {
		t.Errorf("a first repetition is not believed: %+v", f)
	}
}

func TestACrowdThatDoesNotComeBackIsNotBelievedAgain(t *testing.T) {
	t.Parallel()
	var p Profile
	day := 0
	crowd := func(t time.Time) float64 {
		if t.Hour() == (7+day*5)%24 && t.Minute() < 30 {
			return 10
		}
		return 1
	}
	now := monday
	for ; day < 2; day++ {
		now = learn(&p, now, 1, crowd)
	}
	if s := p.Score(); s.Trust > 0.01 || s.Skill > 0 {
		t.Errorf("crowds at other hours every day are believed: %+v", s)
	}
}

func TestWeekendsAreToldFromWorkdays(t *testing.T) {
	t.Parallel()
	var p Profile
	office := func(t time.Time) float64 {
		if w := t.Weekday(); w != time.Saturday && w != time.Sunday && t.Hour() >= 8 && t.Hour() < 18 {
			return 8
		}
		return 1
	}
	now := learn(&p, monday, 21, office)
	for d := range 7 {
		noon := now.AddDate(0, 0, d).Add(12 * time.Hour)
		if got, want := at(t, &p, noon), office(noon); math.Abs(got-want) > 0.01 {
			t.Errorf("%s: predicted %g, want %g", noon.Weekday(), got, want)
		}
	}
	if s := p.Score(); s.Skill < 0.7 || s.Coverage < 0.9 || s.WAPE > 0.15 {
		t.Errorf("%+v", s)
	}
}

func TestNoiseIsPredictedByItsMean(t *testing.T) {
	t.Parallel()
	var p Profile
	r := rand.New(rand.NewPCG(1, 1))
	learn(&p, monday, 7, func(time.Time) float64 { return 3 + r.Float64() })
	if s := p.Score(); math.Abs(s.Bias) > 0.05 || s.WAPE > 0.05 {
		t.Errorf("%+v", s)
	}
}

func TestGapsAndNonsenseTeachNothing(t *testing.T) {
	t.Parallel()
	var p Profile
	now := learn(&p, monday, 1, nightly)
	before := p
	for _, x := range []float64{math.NaN(), math.Inf(1), -1, 1e9} {
		p.Learn(now, x)
	}
	p.Learn(now.Add(-20*time.Minute), 50)
	p.Learn(time.Time{}, 50)
	if p != before {
		t.Error("the profile has changed")
	}
	// A manager that was away for half a day scores the half that it saw.
	learn(&p, now.Add(12*time.Hour), 0.5, nightly)
	if s := p.Score(); s.Hours < 11.5 || s.Hours > 12.5 || s.Bias != 0 {
		t.Errorf("%+v", s)
	}
	if p.Since() != monday || !p.Until().After(now) {
		t.Errorf("learnt from %s until %s", p.Since(), p.Until())
	}
}

func TestAClockThatRanAheadIsForgiven(t *testing.T) {
	t.Parallel()
	var p Profile
	now := learn(&p, monday, 2, nightly)
	p.Learn(now.AddDate(1, 0, 0), 1)
	now = learn(&p, now, 1, nightly)
	if got := at(t, &p, now.Add(2*time.Hour+10*time.Minute)); got != 10 || p.Until().After(now) {
		t.Errorf("predicted %g, learnt until %s", got, p.Until())
	}
}

func TestAStoredProfileGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	var p, q Profile
	now := learn(&p, monday, 9.3, nightly)
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := q.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if p != q {
		t.Error("another profile comes back")
	}
	learn(&p, now, 0.5, nightly)
	learn(&q, now, 0.5, nightly)
	if p != q || len(b) > 24<<10 {
		t.Errorf("they go apart, or %d bytes are too many", len(b))
	}
}

func TestAProfileThatKnowsNothingPredictsNothing(t *testing.T) {
	t.Parallel()
	var p Profile
	f := p.Forecast(monday, time.Hour)
	if len(f.Points) != 0 || f.Trust != 0 || p.Score() != (Score{}) || !p.Since().IsZero() || !p.Until().IsZero() {
		t.Errorf("%+v %+v", f, p.Score())
	}
}

func FuzzUnmarshal(f *testing.F) {
	var p Profile
	learn(&p, monday, 1, nightly)
	stored, _ := p.MarshalBinary()
	f.Add(stored)
	f.Add(stored[:100])
	f.Add([]byte{})
	f.Add([]byte{9})
	huge := bytes.Clone(stored)
	copy(huge[9:17], bytes.Repeat([]byte{0xff}, 8))
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		var q Profile
		if err := q.UnmarshalBinary(b); err != nil {
			if q != (Profile{}) {
				t.Fatal("refused bytes change the profile")
			}
			return
		}
		again, _ := q.MarshalBinary()
		if !bytes.Equal(again, b) {
			t.Fatal("not the same bytes again")
		}
		q.Learn(q.Until().Add(time.Hour), 2)
		for _, x := range q.Predict(monday, monday.AddDate(0, 0, 9)) {
			if math.IsNaN(x.Demand) || x.Demand < 0 {
				t.Fatalf("predicts %g", x.Demand)
			}
		}
		q.Score()
	})
}
