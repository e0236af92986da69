package whatif

import (
	"fmt"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
)

// horizon is how far ahead a forecast is made: more than the slowest boot that
// sizing looks beyond, as the manager does it.
const horizon = 30 * time.Minute

// foresee gives the manager the forecast that it would have. One that decides
// nothing is left out. It changes from bucket to bucket, and when one was learnt.
func (w *world) foresee() {
	if w.p.Forecast != policy.ForecastOn || w.past.Until().IsZero() {
		return
	}
	made := [2]int64{w.now.Unix() / int64(forecast.Bucket/time.Second), w.past.Until().Unix()}
	if made != w.foreseen {
		w.foreseen, w.s.Forecast = made, w.past.Forecast(w.now, horizon)
	}
}

// foresight says what the forecast was made of. It cannot be what the cluster has
// learnt by now: that knows what comes.
func (w *world) foresight() string {
	s := w.past.Score()
	if s.Hours == 0 {
		return "the forecast decided nothing: it learns from the recording alone, as that plays, and needs more than a day of it"
	}
	return fmt.Sprintf("the forecast learnt from the recording alone, as that played: it predicted %.1f days of it and came to a skill of %.2f; "+
		"one that has learnt for weeks is better", s.Hours/24, s.Skill)
}
