package api

import (
	"context"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
	"github.com/godwit/godwit/policy/whatif"
)

// forecastSpan is how far back and ahead a forecast is shown.
const forecastSpan = 24 * time.Hour

// Forecast is what a cluster's past says of its coming day.
type Forecast struct {
	Mode         policy.ForecastMode `json:"mode" enum:"off,shadow,on" doc:"shadow: it is scored, and decides nothing."`
	LearnedFrom  *time.Time          `json:"learned_from,omitempty" doc:"Absent before anything was learned."`
	LearnedUntil *time.Time          `json:"learned_until,omitempty"`
	Score        ForecastScore       `json:"score"`
	Points       []ForecastPoint     `json:"points" doc:"The last day as it was and the next as it is predicted, in order."`
}

// ForecastScore is how far predictions have come true; older ones count less, half after a week.
type ForecastScore = forecast.Score

// ForecastPoint is five minutes: what was, or what is predicted.
type ForecastPoint struct {
	At        time.Time `json:"at"`
	Actual    *float64  `json:"actual,omitempty" doc:"Largest demand in nodes' worth; absent where it is to come."`
	Predicted *float64  `json:"predicted,omitempty" doc:"Absent where it is over, or nothing is known."`
}

func (s *Server) getForecast(ctx context.Context, in *clusterIn) (*body[Forecast], error) {
	c, p, err := s.parsedPolicyOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	profile, err := s.config.Clusters.Profile(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	now := s.now()
	out := Forecast{Mode: p.Forecast, Score: profile.Score(), Points: []ForecastPoint{}}
	if since, until := profile.Since(), profile.Until(); !until.IsZero() {
		out.LearnedFrom, out.LearnedUntil = &since, &until
	}
	recording, options, err := s.config.Clusters.Recording(ctx, c.ID, now.Add(-forecastSpan), now)
	if err != nil {
		return nil, err
	}
	if len(recording) > 0 {
		options.Points = int(forecastSpan / forecast.Bucket)
		for _, point := range whatif.Recorded(recording, options).Series {
			demand := point.Demand
			out.Points = append(out.Points, ForecastPoint{At: point.At, Actual: &demand})
		}
	}
	for _, point := range profile.Predict(now, now.Add(forecastSpan)) {
		demand := point.Demand
		out.Points = append(out.Points, ForecastPoint{At: point.At, Predicted: &demand})
	}
	return ok(out), nil
}
