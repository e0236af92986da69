package job

import (
	"testing"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
)

// FuzzAnswers is a receiver that says anything about what it has and how objects
// ended: the sender's books stay right, every object ends at most once, and what
// is read is bounded.
func FuzzAnswers(f *testing.F) {
	have := control.AppendHave(nil, control.Have{ID: 2, First: 1, Leaves: []control.Leaf{{1}, {2}}})
	f.Add(control.AppendHave(have, control.Have{ID: 2, Last: true}), control.AppendVerdict(nil, control.Verdict{ID: 1, Outcome: control.Retry}), uint64(1<<40))
	f.Add(control.AppendHave(nil, control.Have{ID: 1, Last: true}), control.AppendVerdict(nil, control.Verdict{ID: 3, Outcome: control.Failed, Code: "x"}), uint64(0))
	f.Fuzz(func(t *testing.T, haves, verdicts []byte, freed uint64) {
		ended := map[string]int{}
		var out int64
		s := NewSender(SenderConfig{
			Memory: 8 << 20, Window: 4 << 20, Ask: true, Control: func(control.Type, []byte) {},
			Release: func(b []byte) { out -= int64(len(b)) },
			Ended:   func(e Entry, _ control.Outcome, _, _ string) { ended[e.Path]++ },
		})
		s.Add(Entry{Kind: File, Path: "small", Size: 10})
		s.Add(Entry{Kind: File, Path: "big", Size: 3<<20 + 5})
		s.Add(Entry{Kind: Dir, Path: "d"})
		s.ScanDone()
		buf := make([]byte, 1400)
		var tokens []uint64
		for round := range 4 {
			for range 50 {
				n, token := s.Fill(0, buf)
				if n == 0 {
					break
				}
				tokens = append(tokens, token)
			}
			_ = control.ParseHaves(haves, s.Have)
			s.Progress(control.Progress{Freed: freed})
			for _, r := range s.Reads(nil) {
				out += int64(r.Length)
				s.Deliver(Block{ID: r.ID, Index: r.Index, Data: make([]byte, r.Length), Leaf: hashtree.Hash{byte(r.Index)}})
			}
			if round == 1 {
				_ = control.ParseVerdicts(verdicts, s.Verdict)
			}
			for _, token := range tokens {
				s.Acked(token)
			}
			tokens = tokens[:0]
			if st := s.Stats(); st.Retained != out || st.Retained > 8<<20 || st.Progress < 0 {
				t.Fatalf("%+v, %d bytes lent", st, out)
			}
		}
		for path, n := range ended {
			if n > 1 {
				t.Fatalf("%s ended %d times", path, n)
			}
		}
	})
}
