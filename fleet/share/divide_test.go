package share_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit/godwit/fleet/share"
)

func TestNodesShareByTheirSessions(t *testing.T) {
	t.Parallel()
	greedy := func(n int) share.Demand { return share.Demand{Greedy: n} }
	for _, tc := range []struct {
		name     string
		capacity int64
		demands  []share.Demand
		want     []int64
	}{
		{"alone, a node has all", 100, []share.Demand{greedy(3)}, []int64{100}},
		{"two alike share alike", 100, []share.Demand{greedy(1), greedy(1)}, []int64{50, 50}},
		{"by sessions, not by nodes", 100, []share.Demand{greedy(1), greedy(3)}, []int64{25, 75}},
		{"what one leaves goes to the other", 100, []share.Demand{{Modest: 1, Wanted: 10}, greedy(1)}, []int64{10, 90}},
		{"the modest beside the greedy of a node", 100, []share.Demand{{Modest: 9, Wanted: 9, Greedy: 1}, greedy(1)}, []int64{54, 45}},
		{"who wants more than a greedy one gets no more", 100, []share.Demand{{Modest: 1, Wanted: 90}, greedy(1)}, []int64{50, 50}},
		{"room to grow where all have enough", 100, []share.Demand{{Modest: 1, Wanted: 10}, {Modest: 3, Wanted: 10}}, []int64{30, 70}},
		{"who has no session has a little to begin with", 6400, []share.Demand{greedy(1), {}}, []int64{6300, 100}},
		{"nobody has a session", 100, []share.Demand{{}, {}}, []int64{50, 50}},
		{"nothing to divide", 0, []share.Demand{greedy(1)}, []int64{0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := share.Divide(tc.capacity, tc.demands); !slices.Equal(got, tc.want) {
				t.Errorf("parts %v, want %v", got, tc.want)
			}
		})
	}
}

func drawDemand(t *rapid.T) share.Demand {
	d := share.Demand{Greedy: rapid.IntRange(0, 3).Draw(t, "greedy"), Modest: rapid.IntRange(0, 3).Draw(t, "modest")}
	if d.Modest > 0 {
		d.Wanted = rapid.Int64Range(0, 2e9).Draw(t, "wanted")
	}
	return d
}

func total(parts []int64) (sum int64) {
	for _, p := range parts {
		sum += p
	}
	return sum
}

func TestDivisionIsNeverTooMuchAndStarvesNobody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.Int64Range(0, 1e12).Draw(t, "capacity")
		demands := rapid.SliceOfN(rapid.Custom(drawDemand), 1, 12).Draw(t, "demands")
		parts := share.Divide(capacity, demands)
		if sum := total(parts); sum > capacity || sum < capacity-3*int64(len(parts)) {
			t.Fatalf("parts %v sum to %d of %d", parts, sum, capacity)
		}
		sessions := 0
		for _, d := range demands {
			sessions += d.Sessions()
		}
		for i, d := range demands {
			if parts[i] < 0 {
				t.Fatalf("part %d of %v is negative", i, parts)
			}
			// An equal part for each greedy session at least, beside what is kept for nodes without any.
			if equal := float64(capacity) * 63 / 64 * float64(d.Greedy) / float64(max(sessions, 1)); float64(parts[i]) < equal-2 {
				t.Fatalf("node %d of %+v has %d, its greedy sessions alone are due %.0f", i, demands, parts[i], equal)
			}
		}
	})
}

func TestDivisionIsMonotone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.Int64Range(1e6, 1e12).Draw(t, "capacity")
		demands := rapid.SliceOfN(rapid.Custom(drawDemand), 1, 12).Draw(t, "demands")
		before := share.Divide(capacity, demands)
		for i, part := range share.Divide(capacity+capacity/3, demands) {
			if part < before[i]-2 {
				t.Fatalf("with more to divide, node %d falls from %d to %d", i, before[i], part)
			}
		}
		i := rapid.IntRange(0, len(demands)-1).Draw(t, "node")
		more := slices.Clone(demands)
		if more[i].Modest > 0 {
			more[i].Wanted += rapid.Int64Range(0, 1e9).Draw(t, "more")
		} else {
			more[i].Greedy++
		}
		if after := share.Divide(capacity, more); demands[i].Sessions() > 0 && after[i] < before[i]-2 {
			t.Fatalf("wanting more, node %d falls from %d to %d", i, before[i], after[i])
		}
	})
}
