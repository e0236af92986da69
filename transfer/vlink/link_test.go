package vlink

import (
	"math/rand/v2"
	"testing"
)

func TestSharesAreMaxMinFair(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		cap    int64
		demand []int64
		floor  []int64
		want   []int64
	}{
		{"greedy members share equally", 90, []int64{0, 0, 0}, nil, []int64{30, 30, 30}},
		{"what a small one leaves goes to the others", 100, []int64{10, 0, 0}, nil, []int64{10, 45, 45}},
		{"no cap, no limit", 0, []int64{10, 0}, nil, []int64{Unlimited, Unlimited}},
		{"enough for all", 100, []int64{10, 20}, nil, []int64{10, 20}},
		{"a floor comes first", 100, []int64{0, 0}, []int64{70, 0}, []int64{70, 30}},
		{"floors above the cap shrink together", 100, []int64{0, 0}, []int64{150, 50}, []int64{75, 25}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := New(tc.cap)
			var ms []*Member
			for i, d := range tc.demand {
				m := l.Join()
				var floor int64
				if tc.floor != nil {
					floor = tc.floor[i]
				}
				m.SetDemand(d, floor)
				ms = append(ms, m)
			}
			for i, m := range ms {
				if got := m.Share(); got != tc.want[i] {
					t.Errorf("member %d wants %d: share %d, want %d", i, tc.demand[i], got, tc.want[i])
				}
			}
		})
	}
}

func TestSharesNeverExceedCapOrWasteIt(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		l := New(1 + r.Int64N(1e9))
		n := 1 + r.IntN(20)
		var sum, wanted int64
		var ms []*Member
		for range n {
			m := l.Join()
			d := 1 + r.Int64N(2e8)
			wanted += d
			m.SetDemand(d, r.Int64N(3e7))
			ms = append(ms, m)
		}
		for _, m := range ms {
			sum += m.Share()
		}
		if sum > l.cap {
			t.Fatalf("shares %d exceed cap %d", sum, l.cap)
		}
		if want := min(wanted, l.cap); sum < want-int64(n) {
			t.Fatalf("shares %d leave room: cap %d, wanted %d", sum, l.cap, wanted)
		}
	}
}

func TestLeavingFreesTheShare(t *testing.T) {
	t.Parallel()
	l := New(100)
	a, b := l.Join(), l.Join()
	b.Leave()
	b.Leave()
	if a.Share() != 100 {
		t.Fatalf("share after the other left: %d, want 100", a.Share())
	}
	l.SetCap(40)
	if a.Share() != 40 {
		t.Fatalf("share after the cap fell: %d, want 40", a.Share())
	}
}
