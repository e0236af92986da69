package flow

import (
	"testing"
	"time"
)

// TestParkedFlowGivesItsDataBackAndNoticesThatThePathLives walks the life of a
// flow whose path dies and comes back, while its data go another way.
func TestParkedFlowGivesItsDataBackAndNoticesThatThePathLives(t *testing.T) {
	t.Parallel()
	up, down := symmetric(50e6, 40*ms, 40*ms, 0)
	w := build(t, 1, scenario{up: up, down: down, pieces: endless})
	w.net.Run(2 * time.Second)
	w.up.Loss, w.down.Loss = 1, 1
	w.net.Run(3 * time.Second)
	open := len(w.book.piece) - len(w.book.lost)
	if open == 0 {
		t.Fatal("nothing is on its way: the test shows nothing")
	}
	w.s.Park(true)
	st := w.s.Stats(w.net.Now())
	for token := range w.book.piece {
		if !w.book.lost[token] {
			t.Fatalf("token %d is neither lost nor acknowledged", token)
		}
	}
	if st.InFlight != 0 || st.LimitedBy != "parked" {
		t.Fatalf("after parking: %+v", st)
	}
	data, sent := st.DataPackets, st.SentPackets
	w.net.Run(13 * time.Second)
	st = w.s.Stats(w.net.Now())
	if probes := st.SentPackets - sent; st.DataPackets != data || probes < 3 || probes > 20 {
		t.Fatalf("%d data packets and %d probes in ten seconds", st.DataPackets-data, probes)
	}
	heard := st.Heard
	w.up.Loss, w.down.Loss = 0, 0
	w.net.Run(16 * time.Second)
	if st = w.s.Stats(w.net.Now()); st.Heard == heard || st.DataPackets != data {
		t.Fatalf("%d datagrams heard since the path is back, %d data packets sent", st.Heard-heard, st.DataPackets-data)
	}
	w.s.Park(false)
	w.sh.Wake()
	w.net.Run(20 * time.Second)
	before := w.book.bytes
	w.net.Run(22 * time.Second)
	if rate := float64(w.book.bytes-before) * 4; rate < 40e6 {
		t.Fatalf("%.1f Mb/s after the return, want the path's 50: %v", rate/1e6, w)
	}
}
