package whatif_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/whatif"
)

// shifts is a cluster whose load is ten times as much from eight to nine, each day.
func shifts(days int) whatif.Recording {
	var out whatif.Recording
	for i := range days * 24 * 360 {
		s := whatif.Sample{At: monday.Add(time.Duration(i) * 10 * time.Second), SendCap: 1e6, ReceiveCap: 1e6, Running: 1, Instances: 1}
		n := 5
		if s.At.Hour() == 8 {
			n = 50
		}
		s.Load = []whatif.Class{{Rate: 40, Direction: policy.Send, Sessions: n, Arrived: n/18 + 1}}
		out = append(out, s)
	}
	return out
}

func TestAForecastServesWhatTheRecordingHasTaughtIt(t *testing.T) {
	t.Parallel()
	with := func(m policy.ForecastMode) whatif.Result {
		return play(t, shifts(5), modest(func(p *policy.Policy) { p.Forecast = m }), whatif.Options{})
	}
	off, shadow, on := with(policy.ForecastOff), with(policy.ForecastShadow), with(policy.ForecastOn)
	if !reflect.DeepEqual(off, shadow) || len(off.Notes) > 0 {
		t.Errorf("a forecast in shadow decides: %+v, off %+v", shadow, off)
	}
	t.Logf("off %.0f under, %.1f node-hours; on %.0f, %.1f: %q", off.UnderSeconds, off.NodeHours, on.UnderSeconds, on.NodeHours, on.Notes)
	// Monday teaches, and Tuesday earns the trust.
	if on.UnderSeconds > 0.7*off.UnderSeconds {
		t.Errorf("%.0f under with the forecast on, %.0f with it off", on.UnderSeconds, off.UnderSeconds)
	}
	if len(on.Notes) != 1 {
		t.Errorf("nothing is said of the forecast: %q", on.Notes)
	}
	short := play(t, shifts(5)[:3*8640/4], modest(func(p *policy.Policy) { p.Forecast = policy.ForecastOn }), whatif.Options{})
	if len(short.Notes) != 1 || slices.Equal(short.Notes, on.Notes) {
		t.Errorf("a recording too short to learn from: %q", short.Notes)
	}
}
