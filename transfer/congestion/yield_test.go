package congestion

import (
	"testing"
	"time"
)

// quiet lets so many rounds pass in which rate arrives over an empty queue.
func quiet(y *yield, from time.Duration, rounds int, rate float64) time.Duration {
	for range rounds {
		from += 50 * ms
		y.bound(from, 50*ms, 3*ms, 4*ms, rate, rate)
	}
	return from
}

func TestLowMakesRoomAtOnceAndReturnsByRounds(t *testing.T) {
	t.Parallel()
	var y yield
	at := quiet(&y, 0, 20, 10e6)
	var rate float64
	for range 6 { // somebody takes a tenth, and a queue stands
		at += 10 * ms
		rate = y.bound(at, 50*ms, 9*ms, 4*ms, 9e6, 9e6)
	}
	if rate > 1.6e6 {
		t.Fatalf("%.1f MB/s half a round trip after a rival came, want 1.5", rate/1e6)
	}
	came := at
	for rate < 9.5e6 && at < came+time.Minute {
		at += 10 * ms
		before := rate
		rate = y.bound(at, 50*ms, 0, 4*ms, rate, 10e6)
		if at < came+yieldRTTs*50*ms && rate > 1.6e6 {
			t.Fatalf("%.1f MB/s after %v already", rate/1e6, at-came)
		}
		if rate > 1.1*before && rate < 9.5e6 {
			t.Fatalf("from %.1f to %.1f MB/s at once", before/1e6, rate/1e6)
		}
	}
	if back := at - came; back > 5*time.Second {
		t.Errorf("back after %v alone", back)
	}
}

func TestLowStaysAwayWhileTheRivalGrows(t *testing.T) {
	t.Parallel()
	var y yield
	at := quiet(&y, 0, 20, 10e6)
	rate := 10e6
	for range 2000 { // 20 s of a queue that somebody else keeps
		at += 10 * ms
		rate = y.bound(at, 50*ms, 30*ms, 4*ms, min(rate, 9e6), 10e6)
	}
	if rate > 1.6e6 {
		t.Errorf("%.1f MB/s beside a full queue", rate/1e6)
	}
}

func TestDelaysThatWaverAreNoRival(t *testing.T) {
	t.Parallel()
	var y yield
	at := quiet(&y, 0, 20, 10e6)
	// A queue that takes nothing of what arrives is somewhere else.
	for range 100 {
		at += 10 * ms
		if rate := y.bound(at, 50*ms, 20*ms, 4*ms, 10e6, 10e6); rate < 10e6 {
			t.Fatalf("yields to delays at %v", at)
		}
	}
	// Where that much is delivered now and that much then, less is no sign of anybody.
	y, at = yield{}, 0
	for i := range 200 {
		at += 50 * ms
		delivered := 10e6 + 1.5e6*float64(i%2*2-1)
		if rate := y.bound(at, 50*ms, 20*ms*time.Duration(i/2%2), 4*ms, delivered, 10e6); rate < 10e6 {
			t.Fatalf("yields to what wavers at %v", at)
		}
	}
}

func TestFalseAlarmsMakeLowHarderToStart(t *testing.T) {
	t.Parallel()
	var y yield
	at, alarms := quiet(&y, 0, 20, 10e6), 0
	for range 3 {
		for range 6 {
			at += 10 * ms
			if y.bound(at, 50*ms, 9*ms, 4*ms, 8e6, 10e6) < 2e6 {
				alarms++
				break
			}
		}
		at = quiet(&y, at, 200, 10e6)
	}
	if alarms != 1 {
		t.Errorf("%d alarms of three alike, none of which was a rival; want the first", alarms)
	}
}

func TestALastingShareOfOthersIsLearnt(t *testing.T) {
	t.Parallel()
	var y yield
	at := quiet(&y, 0, 20, 10e6)
	for range 6 {
		at += 10 * ms
		y.bound(at, 50*ms, 9*ms, 4*ms, 8e6, 10e6)
	}
	at = quiet(&y, at, 200, 5e6) // the other is of policy low too: half is what there is
	if y.rate != 0 {
		t.Fatalf("still held to %.1f MB/s", y.rate/1e6)
	}
	quiet(&y, at, 20, 5e6)
	if y.usual < 4.9e6 || y.usual > 5.1e6 {
		t.Errorf("takes %.1f MB/s for usual, want 5", y.usual/1e6)
	}
}
