package whatif_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/whatif"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// week makes the load of days: a day's sine around a number of nodes of 1 Gb/s,
// of sessions that want 20 to 200 Mb/s and last three minutes.
func week(seed uint64, days float64, step time.Duration, nodes float64) whatif.Recording {
	r := rand.New(rand.NewPCG(seed, 9))
	wanted := []struct {
		rate  whatif.Rate
		mbps  float64
		share float64
	}{{31, 21, 0.3}, {36, 50, 0.3}, {40, 100, 0.3}, {44, 200, 0.1}}
	var out whatif.Recording
	have := make([]int, 2*len(wanted))
	steps := int(days * 24 * float64(time.Hour) / float64(step))
	for i := range steps {
		at := monday.Add(time.Duration(i) * step)
		s := whatif.Sample{At: at, SendCap: 1e6, ReceiveCap: 1e6, CPU: 60, Buffer: 100}
		day := 0.55 - 0.45*math.Cos(2*math.Pi*at.Sub(monday).Hours()/24)
		total := 0
		for k, c := range wanted {
			for d, share := range []float64{0.7, 0.3} {
				mean := nodes * day * 1000 * c.share * share / c.mbps / 1.5
				n := &have[2*k+d]
				came := poisson(r, mean*step.Seconds()/180)
				if i == 0 {
					*n, came = int(mean), 0
				}
				left := min(poisson(r, float64(*n)*step.Seconds()/180), *n)
				*n += came - left
				total += *n
				if *n+came == 0 {
					continue
				}
				s.Load = append(s.Load, whatif.Class{
					Rate: c.rate, Direction: []policy.Direction{policy.Send, policy.Receive}[d], Sessions: *n, Arrived: came,
				})
			}
		}
		s.Movable = total / 2
		s.Running, s.Instances = int(nodes), int(nodes)
		out = append(out, s)
	}
	return out
}

func poisson(r *rand.Rand, mean float64) int {
	if mean > 30 {
		return max(int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())), 0)
	}
	n, p := 0, math.Exp(-mean)
	for x := r.Float64(); x > p; x *= r.Float64() {
		n++
	}
	return n
}

func large() policy.Policy {
	p := policy.Default()
	p.MaxNodes = 120
	return p
}

func play(t testing.TB, r whatif.Recording, p policy.Policy, o whatif.Options) whatif.Result {
	t.Helper()
	got, err := whatif.Run(context.Background(), r, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// BenchmarkWhatIf7Days100Nodes: seven days in steps of 5 s, a hundred nodes at
// the daily peak.
func BenchmarkWhatIf7Days100Nodes(b *testing.B) {
	r := week(1, 7, 5*time.Second, 100)
	b.ReportAllocs()
	var got whatif.Result
	for b.Loop() {
		got = play(b, r, large(), whatif.Options{Points: 1})
	}
	b.ReportMetric(float64(got.PeakNodes), "peak-nodes")
	b.ReportMetric(got.NodeHours/7/24, "mean-nodes")
	b.ReportMetric(float64(len(r)), "steps")
	got.Series = nil
	text, _ := json.Marshal(got)
	b.Log(string(text))
}
