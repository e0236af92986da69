package job

import (
	"testing"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
)

// TestFillNeverExceedsAndNeverWastesRoom: while there is more to send, packets
// have exactly the size of the room, whatever that is.
func TestFillNeverExceedsAndNeverWastesRoom(t *testing.T) {
	t.Parallel()
	for room := 1000; room < 1600; room++ {
		s := NewSender(SenderConfig{
			Memory: 8 << 20, Window: 8 << 20, Control: func(control.Type, []byte) {}, Release: func([]byte) {},
			Ended: func(Entry, control.Outcome, string, string) {},
		})
		for i := range 40 {
			s.Add(Entry{Kind: File, Path: "some/name", Size: int64(100 + 37*i), Mode: 0o644})
		}
		s.Add(Entry{Kind: File, Path: "large", Size: 1<<20 + 5})
		for reads := s.Reads(nil); len(reads) > 0; reads = s.Reads(nil) {
			for _, r := range reads {
				data := make([]byte, r.Length)
				s.Deliver(Block{ID: r.ID, Index: r.Index, Data: data, Leaf: hashtree.Sum(data)})
			}
		}
		short := 0
		for buf := make([]byte, room); ; {
			n, token := s.Fill(0, buf)
			if n == 0 {
				break
			}
			if n > room {
				t.Fatalf("%d bytes in a room of %d", n, room)
			}
			if n < room {
				short++
			}
			if token%3 == 0 && n == room {
				s.Lost(token)
			} else {
				s.Acked(token)
			}
		}
		if short > 1 {
			t.Fatalf("%d packets are shorter than a room of %d", short, room)
		}
	}
}
