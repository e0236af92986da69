package fleet

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit/godwit/fleet/report"
)

func moved(id string, bytes uint64) *report.Session {
	return &report.Session{Id: id, TransferId: "t", Tenant: "a", BytesDone: bytes, StartedUnixMs: 1, State: "running"}
}

func bytesLost(x *Index) map[string]uint64 {
	out := map[string]uint64{}
	for _, l := range x.Lost("t") {
		out[l.GetId()] = l.GetBytesDone()
	}
	return out
}

func TestWhatASessionHadMovedIsKeptWhenItsNodeSaysNoMore(t *testing.T) {
	for name, end := range map[string]func(*Index){
		"silent":           func(x *Index) { time.Sleep(LiveAge + time.Second); x.Sweep(time.Hour) },
		"dropped":          func(x *Index) { x.Remove("n") },
		"begun anew":       func(x *Index) { r := say("n", 1); r.Boot, r.BootUnixMs = "c", 2; x.Apply(r) },
		"silent, and then": func(x *Index) { time.Sleep(LiveAge + time.Second); x.Sweep(time.Hour); x.Remove("n") },
		"moved away": func(x *Index) {
			s := moved("s", 68)
			s.State = "moving"
			x.Apply(say("n", 2, s))
			x.Apply(say("n", 3))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := NewIndex(time.Now)
				x.Apply(say("n", 1, moved("s", 68)))
				if len(x.AllLost()) > 0 {
					t.Fatal("lost while its node tells of it")
				}
				end(x)
				if got := bytesLost(x); len(got) != 1 || got["s"] != 68 || len(x.AllLost()) != 1 {
					t.Fatalf("kept: %v", got)
				}
				// It goes on elsewhere: kept as long as that lasts, then for a while.
				for at := range 5 {
					x.Apply(say("m", uint64(at)+1, moved("s2", 9)))
					time.Sleep(LiveAge - time.Second)
					x.Sweep(time.Minute)
				}
				if got := bytesLost(x); got["s"] != 68 || len(got) != 1 {
					t.Fatalf("forgotten while the transfer goes on: %v", got)
				}
				x.Apply(say("m", 9))
				x.Sweep(time.Minute)
				if got := x.AllLost(); len(got) != 0 {
					t.Errorf("never forgotten: %v", got)
				}
			})
		})
	}
}

func TestASessionThatIsToldOfAgainIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := NewIndex(time.Now)
		x.Apply(say("n", 1, moved("s", 68), moved("ends", 1)))
		x.Apply(say("n", 2, moved("s", 70))) // one ended as sessions do: its node has told how
		time.Sleep(LiveAge + time.Second)
		x.Sweep(time.Hour)
		if got := bytesLost(x); len(got) != 1 || got["s"] != 70 {
			t.Errorf("kept: %v", got)
		}
		x.Apply(say("n", 3, moved("s", 90)))
		if got := x.AllLost(); len(got) != 0 {
			t.Errorf("still lost: %v", got)
		}
	})
}
