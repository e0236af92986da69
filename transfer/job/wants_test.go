package job

import (
	"testing"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
)

// TestReadersAreWokenForSeveralBlocks: once they have read as far ahead as they may,
// not for each block that was sent.
func TestReadersAreWokenForSeveralBlocks(t *testing.T) {
	t.Parallel()
	const size = 40 << 20
	for _, memory := range []int64{1, hashtree.DefaultBlockSize, 3 << 20, 64 << 20} {
		s := NewSender(SenderConfig{
			Memory: memory, Window: 1 << 30, Control: func(control.Type, []byte) {}, Release: func([]byte) {},
			Ended: func(Entry, control.Outcome, string, string) {},
		})
		s.Add(Entry{Kind: File, Path: "large", Size: size})
		s.ScanDone()
		woken, read, buf := 0, 0, make([]byte, 1400)
		for s.Wants() {
			woken++
			for reads := s.Reads(nil); len(reads) > 0; reads = s.Reads(nil) {
				for _, r := range reads {
					s.Deliver(Block{ID: r.ID, Index: r.Index, Data: make([]byte, r.Length)})
					read += r.Length
				}
			}
			for !s.Wants() {
				n, token := s.Fill(0, buf)
				if n == 0 {
					break
				}
				s.Acked(token)
			}
		}
		if read != size {
			t.Errorf("with memory for %d bytes, %d of %d were read", memory, read, size)
		}
		most := size / hashtree.DefaultBlockSize // memory that comes free is filled block by block
		if memory > readAhead {
			most = 1 + size/(readAhead-readAgain)
		}
		if woken > most {
			t.Errorf("with memory for %d bytes, readers were woken %d times, want %d at most", memory, woken, most)
		}
	}
}
