package policy

import (
	"strings"
	"testing"
	"time"
)

// foreseen gives the scene a forecast of three nodes' demand from a time on.
func foreseen(in time.Duration, trust float64) func(*scene) {
	return func(s *scene) {
		f := &Forecast{Trust: trust, Skill: trust, Hours: 72}
		for at := noon.Add(-5 * time.Minute); at.Before(noon.Add(15 * time.Minute)); at = at.Add(5 * time.Minute) {
			p := Predicted{At: at, Until: at.Add(5 * time.Minute), Demand: 0.5}
			if !at.Before(noon.Add(in)) {
				p.Demand = 3
			}
			f.Points = append(f.Points, p)
		}
		s.Forecast = f
	}
}

func half() *scene {
	return newScene(node("n1", sending(5, 100)), node("n2")).seen(time.Hour, Sample{Send: 0.5, Sessions: 0.025})
}

func TestAForecastLaunchesAheadOfDemandAsFarAsItsScoreEarned(t *testing.T) {
	t.Parallel()
	launches := map[float64]int{}
	for _, trust := range []float64{0, 0.5, 1} {
		s := half().with(foreseen(5*time.Minute, trust))
		s.p.Forecast = ForecastOn
		plan := Decide(s.Snapshot, s.p, noon)
		launches[trust] = plan.Launches()
		if !strings.Contains(plan.Explain(), "forecast: demand worth 3.0 nodes at 12:05:00 UTC") {
			t.Errorf("trust %g: %s", trust, plan.Explain())
		}
	}
	if launches[0] != 0 || launches[0.5] == 0 || launches[1] <= launches[0.5] {
		t.Errorf("launches by trust: %v", launches)
	}
}

func TestAForecastInShadowOrOffDecidesNothing(t *testing.T) {
	t.Parallel()
	s := half()
	without := Decide(s.Snapshot, s.p, noon)
	for _, mode := range []ForecastMode{ForecastShadow, ForecastOff, ""} {
		s := half().with(foreseen(5*time.Minute, 1))
		s.p.Forecast = mode
		plan := Decide(s.Snapshot, s.p, noon)
		if len(plan.Actions) != 0 || len(without.Actions) != 0 {
			t.Errorf("%q: %s", mode, plan.Explain())
		}
		if said := strings.Contains(plan.Explain(), "forecast: "); said != (mode == ForecastShadow) {
			t.Errorf("%q: %s", mode, plan.Explain())
		}
	}
}

func TestAForecastBeyondTheNextBootWaits(t *testing.T) {
	t.Parallel()
	s := half().with(foreseen(10*time.Minute, 1))
	s.p.Forecast = ForecastOn
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("acts too early: %s", plan.Explain())
	}
}

// On a holiday the forecast of a workday is wrong about the level all day.
func TestALevelThatIsWrongAllDayHoldsNoNodes(t *testing.T) {
	t.Parallel()
	s := half().with(foreseen(-time.Hour, 1))
	s.p.Forecast = ForecastOn
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("a level that did not come is still believed: %s", plan.Explain())
	}
}

func TestAForecastKeepsNodesThatItWillNeed(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(5, 100)), node("n2"), node("n3"), node("n4"), node("n5")).seen(time.Hour, Sample{Send: 0.5, Sessions: 0.025})
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) == 0 {
		t.Fatalf("nothing drains without a forecast: %s", plan.Explain())
	}
	s.with(foreseen(5*time.Minute, 1)).p.Forecast = ForecastOn
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("drains minutes before demand comes: %s", plan.Explain())
	}
}
