package transfer

import (
	"testing"
	"time"
)

// TestAReceiverRestsLongerOnALongPathAndNeverUntilItsSocketIsFull: what gathers must fit.
func TestAReceiverRestsLongerOnALongPathAndNeverUntilItsSocketIsFull(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, row := range []struct {
		bytes, buffer    int
		since, rtt, want time.Duration
	}{
		{125_000, 8 << 20, ms, 0, ms},
		{125_000, 8 << 20, ms, 75 * ms, 1500 * time.Microsecond},
		{125_000, 8 << 20, ms, 100 * ms, 2 * ms},
		{125_000, 8 << 20, ms, 500 * ms, 2 * ms},
		{1_000_000, 400_000, ms, 100 * ms, 100 * time.Microsecond}, // 8 Gb/s would fill it in 0.4 ms
		{1_000_000, 300_000, ms, 100 * ms, 0},
		{1_000, 8 << 20, ms, 100 * ms, 0}, // nothing to save
		{125_000, 0, ms, 100 * ms, 0},     // a socket that cannot
	} {
		if got := restFor(row.bytes, row.buffer, row.since, row.rtt); got != row.want {
			t.Errorf("%d bytes in %v, %d bytes of buffer, round trip %v: rests %v, want %v",
				row.bytes, row.since, row.buffer, row.rtt, got, row.want)
		}
	}
}
