package whatif_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/whatif"
)

func drawSample(t *rapid.T, at time.Time) whatif.Sample {
	n := func(name string) int { return rapid.IntRange(0, 1<<20).Draw(t, name) }
	s := whatif.Sample{
		At: at, SendCap: rapid.Int64Range(0, 1e9).Draw(t, "send"), ReceiveCap: rapid.Int64Range(0, 1e9).Draw(t, "receive"),
		CPU: n("cpu"), Buffer: n("buffer"), Instances: n("instances"), Running: n("running"), Draining: n("draining"), Warm: n("warm"),
		Launches: n("launches"), Starts: n("starts"), Drains: n("drains"), Movable: n("movable"), Held: n("held"),
	}
	for r := whatif.Rate(0); r <= whatif.Unknown; r++ {
		if rapid.IntRange(0, 20).Draw(t, "has") > 0 {
			continue
		}
		d := rapid.SampledFrom([]policy.Direction{policy.Send, policy.Receive, policy.Both}).Draw(t, "direction")
		s.Load = append(s.Load, whatif.Class{Rate: r, Direction: d, Sessions: n("sessions"), Waiting: n("waiting"), Arrived: n("arrived")})
	}
	return s
}

func TestSamplesComeBackAsTheyWereFromJoinedChunks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want whatif.Recording
		var chunks [2][]byte
		for i := range rapid.IntRange(0, 5).Draw(t, "samples") {
			s := drawSample(t, monday.Add(time.Duration(i)*5*time.Second))
			want = append(want, s)
			chunks[i%2] = s.Append(chunks[i%2])
		}
		got, err := whatif.Decode(slices.Concat(chunks[0], chunks[1]))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestOfTwoSamplesOfATimeTheLaterCounts(t *testing.T) {
	t.Parallel()
	one, two := whatif.Sample{At: monday, Running: 1}, whatif.Sample{At: monday, Running: 2}
	got, err := whatif.Decode(two.Append(one.Append(nil)))
	if err != nil || len(got) != 1 || got[0].Running != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTornChunksAreRefused(t *testing.T) {
	t.Parallel()
	whole := whatif.Sample{At: monday, Load: []whatif.Class{{Rate: 40, Direction: policy.Send, Sessions: 3}}}.Append(nil)
	for n := 1; n < len(whole); n++ {
		if got, err := whatif.Decode(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: %+v", n, len(whole), got)
		}
	}
}

// FuzzDecode: nothing panics or takes more memory than it is long, and what is
// read is written the same way.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(whatif.Sample{At: monday}.Append(nil))
	for _, s := range week(1, 0.001, 5*time.Second, 2) {
		f.Add(s.Append(nil))
	}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		r, err := whatif.Decode(chunk)
		if err != nil {
			return
		}
		var out []byte
		for _, s := range r {
			out = s.Append(out)
		}
		again, err := whatif.Decode(out)
		if err != nil {
			t.Fatalf("%v: %x", err, out)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatal(diff)
		}
		if _, _, coverage := r.Span(); coverage < 0 || coverage > 1 {
			t.Fatalf("coverage %g", coverage)
		}
		whatif.Recorded(r, whatif.Options{Points: 3})
	})
}

// TestTheFormatStays: chunks are stored for weeks.
func TestTheFormatStays(t *testing.T) {
	t.Parallel()
	var chunk []byte
	r := week(1, 0.01, 5*time.Second, 3)
	for _, s := range r {
		chunk = s.Append(chunk)
	}
	stored, err := os.ReadFile(filepath.Join("testdata", "recorded-v1.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, chunk) {
		t.Errorf("the same samples are written otherwise: %d bytes, stored %d", len(chunk), len(stored))
	}
	got, err := whatif.Decode(stored)
	if diff := cmp.Diff(r, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}
