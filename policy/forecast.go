package policy

import "time"

// ForecastMode says what a forecast may do.
type ForecastMode string

// Modes of a forecast.
const (
	ForecastOff    ForecastMode = "off"
	ForecastShadow ForecastMode = "shadow" // it is scored, and decides nothing
	ForecastOn     ForecastMode = "on"     // it has nodes launched ahead of demand
)

// Forecast is what a cluster's past says of the next minutes and how far that has
// come true. Package forecast makes it; the snapshot carries it, so that a
// decision can be replayed.
type Forecast struct {
	// Points are in order of time and do not overlap; what lies between is unknown.
	Points []Predicted `json:"points,omitempty"`
	// Trust is how much of a predicted rise has earned to be acted upon, 0–1.
	Trust float64 `json:"trust"`
	// Skill compares it with the simplest forecast, that demand stays as it is: 1
	// is perfect, 0 no better, below 0 worse. Hours is for how long it was scored.
	Skill float64 `json:"skill"`
	Hours float64 `json:"hours"`
}

// Predicted is the largest demand, in nodes' worth, from At until Until.
type Predicted struct {
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
	Demand float64   `json:"demand"`
}

// Sizing ahead looks so far: a boot and the five minutes by which what was
// predicted may come earlier. What was to come a moment ago may be late.
const (
	forecastEarly = 5 * time.Minute
	forecastLate  = 5 * time.Minute
)

// lead is how far ahead of now a rise must be known to be served in time.
func (d *decision) lead() time.Duration { return d.boot() + forecastEarly }

// boot is the usual time from request to running.
func (d *decision) boot() time.Duration {
	if d.s.BootS > 0 {
		return seconds(d.s.BootS)
	}
	return defaultBoot
}

// ahead is the largest prediction for the time that a launch of now can serve,
// and the demand that was predicted for the time before that.
func (d *decision) ahead() (most, before Predicted, found bool) {
	f := d.s.Forecast
	if f == nil || d.p.Forecast != ForecastOn && d.p.Forecast != ForecastShadow {
		return Predicted{}, Predicted{}, false
	}
	from, until := d.now.Add(-forecastLate), d.now.Add(d.lead())
	known := false
	for _, p := range f.Points {
		if !p.Until.After(from) || p.At.After(until) {
			continue
		}
		if !known {
			before, known = p, true
		}
		if p.Demand > most.Demand {
			most, found = p, true
		}
	}
	return most, before, found
}

// foresee adds what the forecast has earned to be believed. It counts on the
// change that is predicted, not on the level: where today is not like the days
// that it was learnt from, it is wrong about the level all day.
func (z *sizing) foresee(d *decision) {
	var before Predicted
	if z.predicted, before, z.foreseen = d.ahead(); z.foreseen {
		rise := min(z.predicted.Demand-before.Demand, z.predicted.Demand-z.demand)
		z.rises = round(max(rise, 0) * min(max(d.s.Forecast.Trust, 0), 1))
	}
	if d.p.Forecast == ForecastOn {
		z.raise = z.rises
	}
}

// forecastShown: a predicted rise of less than this many nodes is not spoken of.
const forecastShown = 0.1

// explainForecast tells of a rise that is predicted, and what is made of it.
func (d *decision) explainForecast() {
	z := &d.sizing
	f := d.s.Forecast
	if !z.foreseen || z.override || z.predicted.Demand-z.demand < forecastShown {
		return
	}
	counts := textf("%.1f of it counts", z.rises)
	switch {
	case d.p.Forecast == ForecastShadow:
		counts += " where the forecast is on; it is in shadow and decides nothing"
	case z.rises < forecastShown:
		counts = "it counts for nothing: the score has not earned it, or it is late"
	}
	d.state = append(d.state, Reason{
		Code: CodeForecast,
		Text: textf("forecast: demand worth %.1f nodes at %s, skill %.2f over %.1f days: %s", z.predicted.Demand, clock(z.predicted.At),
			f.Skill, f.Hours/24, counts),
		Values: values{"predicted": round(z.predicted.Demand), "raise": z.rises, "skill": f.Skill, "trust": f.Trust, "hours": f.Hours},
	})
}
