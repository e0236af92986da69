package whatif_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/sim"
	"github.com/godwit/godwit/policy/whatif"
)

func modest(change ...func(*policy.Policy)) policy.Policy {
	p := policy.Default()
	p.MinAvailable, p.MaxNodes = 1, 20
	for _, c := range change {
		c(&p)
	}
	return p
}

func TestTheSameQuestionHasTheSameAnswer(t *testing.T) {
	t.Parallel()
	r := week(1, 0.3, 5*time.Second, 6)
	o := whatif.Options{Seed: 4, Boot: []time.Duration{time.Minute, 2 * time.Minute}}
	one, _ := json.Marshal(play(t, r, modest(), o))
	two, _ := json.Marshal(play(t, r, modest(), o))
	if string(one) != string(two) {
		t.Errorf("%s\n%s", one, two)
	}
}

func TestWhoIsServedIsWhoWasRecorded(t *testing.T) {
	t.Parallel()
	r := week(2, 0.5, 5*time.Second, 6)
	recorded, got := whatif.Recorded(r, whatif.Options{}), play(t, r, modest(), whatif.Options{})
	if got.SessionSeconds != recorded.SessionSeconds || got.Refusals != 0 {
		t.Errorf("%.0f session-seconds, recorded %.0f; %d refused", got.SessionSeconds, recorded.SessionSeconds, got.Refusals)
	}
	if want := 6 * 12.0; math.Abs(recorded.NodeHours-want) > 0.1 || got.NodeHours >= recorded.NodeHours {
		t.Errorf("%.1f node-hours; %.1f recorded, want %.1f", got.NodeHours, recorded.NodeHours, want)
	}
}

func TestAPolicyThatAsksForMoreCostsMore(t *testing.T) {
	t.Parallel()
	r := week(3, 0.6, 5*time.Second, 6)
	price := 0.5
	base := play(t, r, modest(), whatif.Options{PricePerHour: &price})
	if base.Cost == nil || math.Abs(*base.Cost-base.NodeHours/2) > 1e-9 {
		t.Fatalf("%v for %.1f node-hours", base.Cost, base.NodeHours)
	}
	for name, change := range map[string]func(*policy.Policy){
		"a longer window":   func(p *policy.Policy) { p.ScaleInWindowS = 7200 },
		"a hot reserve":     func(p *policy.Policy) { p.MinIdle = 3 },
		"a lower threshold": func(p *policy.Policy) { p.MaxThreshold, p.MinThreshold = 0.5, 0.3 },
	} {
		if got := play(t, r, modest(change), whatif.Options{PricePerHour: &price}); *got.Cost <= *base.Cost {
			t.Errorf("%s costs %.2f, the base %.2f", name, *got.Cost, *base.Cost)
		}
	}
}

func TestMaxHoldsAndItsPriceIsShown(t *testing.T) {
	t.Parallel()
	r := week(4, 0.6, 5*time.Second, 8)
	free, bound := play(t, r, modest(), whatif.Options{}), play(t, r, modest(func(p *policy.Policy) {
		p.MaxNodes, p.MaxSessions = 2, 30
	}), whatif.Options{})
	if bound.PeakNodes > 8 || bound.Refusals == 0 || bound.UnderSeconds <= free.UnderSeconds {
		t.Errorf("bound to 2: %+v", bound)
	}
	for _, p := range bound.Series[len(bound.Series)/10:] {
		if p.Nodes > 2 {
			t.Fatalf("%d nodes at %s", p.Nodes, p.At)
		}
	}
	if free.Refusals != 0 {
		t.Errorf("free: %+v", free)
	}
}

// flash is a cluster whose load grows sixfold within two minutes, each hour. Its
// sessions last 100 s.
func flash() whatif.Recording {
	var out whatif.Recording
	for i := range 6 * 720 {
		s := whatif.Sample{At: monday.Add(time.Duration(i) * 5 * time.Second), SendCap: 1e6, ReceiveCap: 1e6, Running: 1, Instances: 1}
		n := 5
		if m := s.At.Minute(); m >= 20 && m < 40 {
			n = min(5+25*(60*(m-20)+s.At.Second())/120, 30)
		}
		s.Load = []whatif.Class{{Rate: 40, Direction: policy.Send, Sessions: n, Arrived: (n+i%20)/20 + 1}}
		out = append(out, s)
	}
	return out
}

func TestWarmNodesMeetACrowdSooner(t *testing.T) {
	t.Parallel()
	o := whatif.Options{CanStop: true}
	cold, warm := play(t, flash(), modest(), o), play(t, flash(), modest(func(p *policy.Policy) { p.WarmNodes = 4 }), o)
	if warm.Starts == 0 || warm.WarmHours == 0 || warm.UnderSeconds >= cold.UnderSeconds/2 {
		t.Errorf("warm: %d starts, %.0f under, %.1f warm hours; cold: %.0f under", warm.Starts, warm.UnderSeconds, warm.WarmHours, cold.UnderSeconds)
	}
	o.CanStop = false
	if got := play(t, flash(), modest(func(p *policy.Policy) { p.WarmNodes = 4 }), o); got.Starts+int(got.WarmHours) != 0 {
		t.Errorf("a provider that cannot stop has %d starts, %.1f warm hours", got.Starts, got.WarmHours)
	}
}

func TestSlowBootsLeaveMoreUnderTheLevel(t *testing.T) {
	t.Parallel()
	quick := play(t, flash(), modest(), whatif.Options{Boot: []time.Duration{20 * time.Second}})
	slow := play(t, flash(), modest(), whatif.Options{Boot: []time.Duration{4 * time.Minute}})
	if quick.UnderSeconds >= slow.UnderSeconds {
		t.Errorf("quick %.0f, slow %.0f", quick.UnderSeconds, slow.UnderSeconds)
	}
}

func TestATimeThatNobodyRecordedIsSaidAndNotCounted(t *testing.T) {
	t.Parallel()
	r := week(6, 0.5, 5*time.Second, 4)
	holed := append(append(whatif.Recording{}, r[:2000]...), r[4000:]...)
	if _, _, coverage := holed.Span(); math.Abs(coverage-float64(len(r)-2000)/float64(len(r))) > 0.01 {
		t.Errorf("coverage %g of %d samples without 2,000", coverage, len(r))
	}
	whole, part := play(t, r, modest(), whatif.Options{}), play(t, holed, modest(), whatif.Options{})
	if part.NodeHours >= whole.NodeHours || part.PeakNodes > 20 {
		t.Errorf("%.1f node-hours with a hole, %.1f without", part.NodeHours, whole.NodeHours)
	}
}

func TestWhatCannotBeRunIsRefused(t *testing.T) {
	t.Parallel()
	r := week(7, 0.01, 5*time.Second, 2)
	var fields policy.FieldErrors
	if _, err := whatif.Run(context.Background(), r, policy.Policy{}, whatif.Options{}); !errors.As(err, &fields) {
		t.Errorf("an invalid policy: %v", err)
	}
	if _, err := whatif.Run(context.Background(), nil, modest(), whatif.Options{}); err == nil {
		t.Error("nothing recorded is no error")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := whatif.Run(ended, r, modest(), whatif.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

// TestWhatIfNothingHadChanged: on the recorded load of a simulated cluster, the
// policy that was in force does about what it did.
func TestWhatIfNothingHadChanged(t *testing.T) {
	t.Parallel()
	for _, shape := range []sim.Shape{sim.Steady, sim.Wave, sim.Growth, sim.LongTail} {
		for _, sums := range []bool{false, true} {
			var rec whatif.Recorder
			var chunk []byte
			c := sim.Config{
				Seed: 11, Policy: modest(), Step: 5 * time.Second, Shape: shape, NodeMbps: 1000, Rate: 4, Movable: 0.5, Known: 1,
				LoadFor: 3 * time.Hour, Length: 4 * time.Hour, Sums: sums,
				Faults: sim.Faults{BootMin: time.Minute, BootMax: 2 * time.Minute},
			}
			c.Watch = func(s policy.Snapshot, now time.Time) { chunk = rec.Observe(s, now).Append(chunk) }
			truth := sim.Run(c)
			r, err := whatif.Decode(chunk)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, r, c.Policy, whatif.Options{Boot: []time.Duration{80 * time.Second, 100 * time.Second}})
			t.Logf("%s, sums %v: %.1f node-hours, truly %.1f; %d launches, truly %d; %.2f %% under, truly %.2f %%; %d bytes a sample", shape, sums,
				got.NodeHours, truth.NodeHours, got.Launches, truth.Launches, 100*got.UnderSeconds/got.SessionSeconds, 100*truth.Under/truth.SessionSeconds, len(chunk)/len(r))
			if off := math.Abs(got.NodeHours/truth.NodeHours - 1); off > 0.15 {
				t.Errorf("%s, sums %v: %.1f node-hours, truly %.1f", shape, sums, got.NodeHours, truth.NodeHours)
			}
		}
	}
}
