package report

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
)

func whole() *Report {
	return &Report{Version: Version, NodeId: "n1", Boot: "b", Seq: 3, Chunks: 1, Facts: &Facts{SendBps: 1}}
}

func TestChunksFitAndMakeTheWholeReport(t *testing.T) {
	t.Parallel()
	r := whole()
	for i := range 1001 {
		r.Sessions = append(r.Sessions, &Session{
			Id: fmt.Sprintf("s-%024d", i), TransferId: fmt.Sprintf("%026d", i), Tenant: "01jq0000000000000000000000", Direction: "push", RateBps: 1e9, WantedBps: 1e9,
			BytesDone: 1 << 60, BytesTotal: 1 << 60, FilesDone: 1 << 40, FilesTotal: 1 << 40, RttUs: 500_000, Loss: .1, StartedUnixMs: 1 << 41,
			Peer: "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", Policy: "fixed", State: "running", Cipher: "chacha20-poly1305", Paths: []string{"incoming/footage/day-1"},
		})
	}
	chunks := Split(r)
	n := 0
	for i, c := range chunks {
		data, err := proto.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > MaxChunk {
			t.Errorf("chunk %d has %d bytes", i, len(data))
		}
		got, err := Parse(Subject("n1", c.GetChunk()), data)
		if err != nil {
			t.Fatal(err)
		}
		if got.GetChunk() != uint32(i) || got.GetSeq() != 3 || (got.GetFacts() != nil) != (i == 0) {
			t.Errorf("chunk %d: %v", i, got)
		}
		n += len(got.GetSessions())
	}
	if n != 1001 || len(Split(whole())) != 1 {
		t.Errorf("%d sessions in %d chunks", n, len(chunks))
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Report){
		"another node's report":     func(r *Report) { r.NodeId = "n2" },
		"no sequence":               func(r *Report) { r.Seq = 0 },
		"no boot":                   func(r *Report) { r.Boot = "" },
		"no version":                func(r *Report) { r.Version = 0 },
		"a chunk beyond its report": func(r *Report) { r.Chunk = 1 },
		"chunks without end":        func(r *Report) { r.Chunks = 1 << 30 },
		"no facts":                  func(r *Report) { r.Facts = nil },
	} {
		r := whole()
		change(r)
		data, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(Subject("n1", 0), data); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := Parse("live.0", nil); err == nil {
		t.Error("a malformed subject was taken")
	}
}

func FuzzParse(f *testing.F) {
	data, err := proto.Marshal(whole())
	if err != nil {
		f.Fatal(err)
	}
	f.Add("live.0.n1.0", data)
	f.Add("live.0.n1", []byte{})
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		r, err := Parse(subject, data)
		if err != nil {
			return
		}
		if node, ok := NodeOf(subject); !ok || r.GetNodeId() != node || r.GetChunk() >= r.GetChunks() {
			t.Errorf("taken: %v under %q", r, subject)
		}
	})
}
