package packetio

import (
	"testing"
	"time"
)

// TestAgesAreNotBelievedWhenTheTimeOfDayIsSet: they are differences of it.
func TestAgesAreNotBelievedWhenTheTimeOfDayIsSet(t *testing.T) {
	t.Parallel()
	var s sysMessages
	for i, look := range []struct {
		gain   time.Duration
		steady bool
	}{
		{0, true}, {50 * time.Microsecond, true}, {time.Hour, false}, {time.Hour, true}, {-time.Second, false}, {-time.Second, true},
	} {
		if got := s.steady(look.gain); got != look.steady {
			t.Errorf("look %d, the time of day %v ahead: steady %v", i, look.gain, got)
		}
	}
	if g := gained(time.Now()); g.Abs() > time.Hour {
		t.Errorf("the time of day gained %v in this test", g)
	}
}
