package transfer

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/filter"
)

// FuzzHello is a client that says anything before it is known: the node neither
// falls over nor takes a path that leads out of its root.
func FuzzHello(f *testing.F) {
	for _, h := range []control.Hello{
		{Version: control.Version, Direction: "push", Paths: []string{"in"}, Policy: "fair", Delete: &control.Delete{Scopes: []string{"a"}, Max: 5}},
		{Version: control.Version, Direction: "pull", Paths: []string{"a", "b/"}, Policy: "low", Afterwards: "move", MoveTo: "done"},
		{Version: control.Version, Direction: "push", Paths: []string{"in"}, Policy: "fair", Flows: 1 << 40},
		{Version: control.Version, Direction: "pull", Paths: []string{"zero"}, Policy: "high", Synthetic: &control.Synthetic{Kind: "zero", Files: 2, Size: 9}},
		{Version: control.Version, Direction: "list", Paths: []string{"../.."}, Filter: &filter.Spec{Rules: []filter.Rule{{Pattern: "*.tmp"}}}},
	} {
		b, err := json.Marshal(h)
		must(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		x := &serverSession{}
		if control.ParseJSON(body, &x.hello) != nil {
			return
		}
		r, err := x.request()
		if err != nil {
			if CodeOf(err) == CodeInternal {
				t.Fatalf("a client's mistake is taken for the node's: %v", err)
			}
			return
		}
		for _, p := range append(r.Paths, x.hello.MoveTo) {
			if strings.HasPrefix(p, "/") || p == ".." || strings.HasPrefix(p, "../") || strings.Contains(p, "/../") {
				t.Fatalf("path %q passed", p)
			}
		}
		if n := flowsWanted(x.hello.Flows); n < 1 || n > FlowsMost {
			t.Fatalf("%d flows are granted", n)
		}
		if x.hello.Synthetic != nil {
			_, _ = parseSynthetic(x.hello.Synthetic)
		}
	})
}

// endlessSource fills every payload and counts what becomes of them.
type endlessSource struct {
	filled, ended uint64
	open          map[uint64]bool
	t             *testing.T
}

func (s *endlessSource) Fill(_ time.Duration, b []byte) (int, uint64) {
	s.filled++
	s.open[s.filled] = true
	return min(len(b), 1000), s.filled
}

func (s *endlessSource) Repeat(time.Duration, uint64, []byte) int { return 0 }
func (s *endlessSource) Acked(token uint64)                       { s.end(token) }
func (s *endlessSource) Lost(token uint64)                        { s.end(token) }
func (s *endlessSource) Left() int64                              { return -1 }

func (s *endlessSource) end(token uint64) {
	if !s.open[token] {
		s.t.Fatalf("payload %d ends twice", token)
	}
	delete(s.open, token)
	s.ended++
}

// FuzzTaken is a receiver that says anything about what it took of the data on
// its control connection: each payload ends once, and no more is sent than may be
// on its way.
func FuzzTaken(f *testing.F) {
	f.Add(control.AppendTaken(nil, control.Taken{Count: 3, MaxRate: 1e6, Refused: []uint64{2}}))
	f.Add(control.AppendTaken(nil, control.Taken{Count: 1 << 60}))
	f.Fuzz(func(t *testing.T, body []byte) {
		source := &endlessSource{open: map[uint64]bool{}, t: t}
		s := newStreamSender(source)
		for range 3 {
			_, _ = s.appendFrames(time.Second, nil)
			if v, err := control.ParseTaken(body); err == nil {
				_ = s.told(v)
			}
			if source.ended > source.filled || s.pending < 0 || s.pending > streamWay+streamChunk {
				t.Fatalf("%d payloads ended of %d, %d bytes on their way", source.ended, source.filled, s.pending)
			}
		}
	})
}
