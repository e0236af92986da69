package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/godwit/godwit/journal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string, o Options) *Spool {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func made(n int) event.Event { return event.New("node.test", time.Now(), n) }

func add(t testing.TB, s *Spool, from, n int) {
	t.Helper()
	for i := range n {
		if err := s.Append(made(from + i)); err != nil {
			t.Fatal(err)
		}
	}
}

// drain takes everything that is there and returns the payloads in order.
func drain(t testing.TB, s *Spool, ack bool) []string {
	t.Helper()
	var out []string
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		events, last, err := s.Next(ctx, 7)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			out = append(out, string(e.Data))
		}
		if ack {
			s.Ack(last)
		}
	}
}

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func TestUnacknowledgedEventsAreHandedOutAgain(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{})
	add(t, s, 0, 10)
	equal(t, "first time", drain(t, s, false), numbers(0, 10))
	equal(t, "nothing new", drain(t, s, false), nil)
	s.Ack(4)
	s.Retry()
	equal(t, "after the link broke", drain(t, s, true), numbers(4, 10))
	if st := s.Stats(); st.Pending != 0 {
		t.Errorf("pending %d", st.Pending)
	}
}

func TestEventsSurviveAKilledProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 500, SyncEvery: time.Hour})
	add(t, s, 0, 20)
	// Not closed: as a killed process leaves it. The writer's file stays open, which harms nobody.
	again := open(t, dir, Options{SegmentBytes: 500})
	equal(t, "after the restart", drain(t, again, true), numbers(0, 20))
	add(t, again, 20, 3)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	third := open(t, dir, Options{})
	equal(t, "acknowledged ones do not come again", drain(t, third, true), numbers(20, 23))
}

func TestTornTailIsCutOff(t *testing.T) {
	t.Parallel()
	for cut := 1; cut < 60; cut += 7 {
		dir := t.TempDir()
		s := open(t, dir, Options{})
		add(t, s, 0, 3)
		s.Close()
		name := filepath.Join(dir, fmt.Sprintf("%016x.seg", 1))
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, info.Size()-int64(cut)); err != nil {
			t.Fatal(err)
		}
		again := open(t, dir, Options{})
		add(t, again, 9, 1)
		equal(t, fmt.Sprintf("cut by %d", cut), drain(t, again, false), []string{"0", "1", "9"})
	}
}

func TestKeptEventsCanBeSentAgain(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{SegmentBytes: 300})
	begin := time.Now()
	add(t, s, 0, 12)
	drain(t, s, true)
	s.Rewind(begin.Add(time.Hour))
	equal(t, "nothing is that young", drain(t, s, true), nil)
	s.Rewind(begin.Add(-time.Hour))
	equal(t, "everything again", drain(t, s, true), numbers(0, 12))
}

func TestAcknowledgedSegmentsGoAfterTheirTimeAndOthersStay(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 300, Keep: time.Hour, SyncEvery: time.Hour, Now: func() time.Time { return now }})
	add(t, s, 0, 30)
	s.Ack(0)
	before := s.Stats().Bytes
	now = now.Add(2 * time.Hour)
	s.mu.Lock()
	s.trim()
	s.mu.Unlock()
	if s.Stats().Bytes != before {
		t.Error("unacknowledged events were dropped for their age")
	}
	equal(t, "all there", drain(t, s, true), numbers(0, 30))
	s.mu.Lock()
	s.trim()
	s.mu.Unlock()
	if got := s.Stats(); got.Bytes > 600 || got.Dropped != 0 {
		t.Errorf("after its time: %+v of %d bytes", got, before)
	}
}

func TestFullSpoolDropsTheOldestAndCounts(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{SegmentBytes: 300, MaxBytes: 1500})
	add(t, s, 0, 100)
	st := s.Stats()
	if st.Bytes > 2000 || st.Dropped == 0 {
		t.Fatalf("stats %+v", st)
	}
	equal(t, "the youngest remain", drain(t, s, true), numbers(int(st.Dropped), 100))
}

func TestOversizedEventIsRefusedAndHarmsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{})
	big := event.New("node.test", time.Now(), make([]byte, event.MaxSize))
	if err := s.Append(made(0), big); err == nil {
		t.Error("taken")
	}
	add(t, s, 1, 1)
	equal(t, "what follows", drain(t, s, true), numbers(1, 2))
}

// Whatever is appended, acknowledged, retried and reopened: every event comes, in order, and none comes again after its acknowledgement was stored.
func TestNoHistoryLosesAnEvent(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(base, fmt.Sprint(n))
		s := open(t, dir, Options{SegmentBytes: 250, SyncEvery: time.Hour})
		next, acked := 0, 0
		var out int // next expected to be handed out
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"append", "append", "next", "ack", "retry", "reopen"}).Draw(rt, "step") {
			case "append":
				k := rapid.IntRange(1, 4).Draw(rt, "k")
				add(t, s, next, k)
				next += k
			case "next":
				if out == next {
					continue
				}
				events, last, err := s.Next(t.Context(), rapid.IntRange(1, 5).Draw(rt, "limit"))
				if err != nil {
					rt.Fatal(err)
				}
				for _, e := range events {
					if string(e.Data) != fmt.Sprint(out) {
						rt.Fatalf("got %s, want %d", e.Data, out)
					}
					out++
				}
				if last != uint64(out) {
					rt.Fatalf("sequence %d after event %d", last, out-1)
				}
			case "ack":
				s.Ack(uint64(out))
				acked = out
			case "retry":
				s.Retry()
				out = acked
			case "reopen":
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				s = open(t, dir, Options{SegmentBytes: 250, SyncEvery: time.Hour})
				out = acked
			}
		}
		s.Close()
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, []byte(`{"id":"x"}`)))
	f.Add(appendRecord(appendRecord(nil, []byte("a")), []byte("b")))
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 'x'})
	f.Add([]byte{255, 255, 255, 255, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		payload, rest, err := nextRecord(b)
		if err != nil {
			return
		}
		if got := appendRecord(nil, payload); string(got)+string(rest) != string(b) {
			t.Errorf("record does not read back: %x", b)
		}
	})
}
