package job

import (
	"math/rand/v2"
	"testing"
)

// TestSlotsAreFoundByTheirTokensOnly: whatever lives long, whatever order the
// others go in, each token finds its own packet and none finds another's.
func TestSlotsAreFoundByTheirTokensOnly(t *testing.T) {
	t.Parallel()
	var r slots
	rng := rand.New(rand.NewPCG(1, 2))
	var live []uint32
	want := map[uint32]int32{}
	most := 0
	for i := range int32(20_000) {
		sl := r.room()
		if sl.count != 0 || r.find(sl.token) != nil {
			t.Fatalf("slot %d is not empty", sl.token)
		}
		if i%7 == 0 {
			continue // nothing to fill it with
		}
		for k := range 1 + i%3 {
			sl.push(&piece{off: i + k})
		}
		r.use(sl)
		live = append(live, sl.token)
		want[sl.token] = i
		most = max(most, len(live))
		for len(live) > 300+int(i/100) {
			k := rng.IntN(len(live)/2) + len(live)/4 // the oldest quarter stays
			token := live[k]
			live = append(live[:k], live[k+1:]...)
			got := r.find(token)
			if got == nil || got.piece(0).off != want[token] || int32(got.count) != 1+want[token]%3 {
				t.Fatalf("token %d finds %+v", token, got)
			}
			got.pop()
			r.put(got)
			if r.find(token) != nil {
				t.Fatalf("token %d is found after its end", token)
			}
		}
	}
	if r.live != len(live) || len(r.ring) > 4*most {
		t.Fatalf("%d slots for %d packets, %d at most", len(r.ring), len(live), most)
	}
	for _, token := range live {
		if sl := r.find(token); sl == nil || sl.piece(int(sl.count)-1).off != want[token]+want[token]%3 {
			t.Fatalf("token %d lost its packet", token)
		}
	}
}
