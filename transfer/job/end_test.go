package job

import (
	"testing"

	"github.com/godwit/godwit/transfer/control"
)

// TestTheEndComesAmongTheData: the receiver need not wait for the control
// connection to know that all is there, and an older word does not undo a newer.
func TestTheEndComesAmongTheData(t *testing.T) {
	t.Parallel()
	for _, end := range []bool{true, false} {
		var frames int
		s := NewSender(SenderConfig{
			Memory: 8 << 20, Window: 4 << 20, End: end, Release: func([]byte) {},
			Control: func(k control.Type, _ []byte) {
				if k == control.TypeFinish {
					frames++ // and is lost on the way
				}
			},
			Ended: func(Entry, control.Outcome, string, string) {},
		})
		done := 0
		var r *Receiver
		var made []uint64
		r = NewReceiver(ReceiverConfig{
			Memory: 8 << 20, Pool: &Pool{}, Control: func(control.Type, []byte) {},
			Make: func(e Entry) { made = append(made, e.ID) },
			Done: func(bool) { done++ },
		})
		s.Add(Entry{Kind: Dir, Path: "a"})
		s.Add(Entry{Kind: Dir, Path: "b"})
		s.ScanDone()
		buf := make([]byte, 1400)
		for n, _ := s.Fill(0, buf); n > 0; n, _ = s.Fill(0, buf) {
			if err := r.Deliver(0, buf[:n]); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range made {
			r.End(control.Verdict{ID: id, Outcome: control.Committed})
		}
		if frames != 1 || len(made) != 2 || (done == 1) != end {
			t.Errorf("end among the data %v: %d frames, %d made, %d times done", end, frames, len(made), done)
		}
		if r.Finish(control.Finish{Objects: 1}); end && !r.Ending() || done > 1 {
			t.Errorf("an older word ended it %d times", done)
		}
	}
}
