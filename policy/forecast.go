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
// and whether there is one.
func (d *decision) ahead() (Predicted, bool) {
	f := d.s.Forecast
	if f == nil || d.p.Forecast != ForecastOn && d.p.Forecast != ForecastShadow {
		return Predicted{}, false
	}
	var most Predicted
	found := false
	from, until := d.now.Add(-forecastLate), d.now.Add(d.lead())
	for _, p := range f.Points {
		if p.Until.After(from) && !p.At.After(until) && (!found || p.Demand > most.Demand) {
			most, found = p, true
		}
	}
	return most, found
}
