package control

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestFramesComeBackAsSent(t *testing.T) {
	t.Parallel()
	stream, err := AppendJSON(nil, TypeClose, Close{Code: "busy", Message: "full", RetryAfterMS: 1500})
	if err != nil {
		t.Fatal(err)
	}
	stream = Append(stream, TypePing, nil)
	stream = Append(stream, TypeProgress, AppendProgress(nil, Progress{1, 2, 1 << 40}))
	r := NewReader(bytes.NewReader(stream))
	typ, body, err := r.Next()
	var c Close
	if err != nil || typ != TypeClose || ParseJSON(body, &c) != nil || c.RetryAfterMS != 1500 {
		t.Fatalf("close: %v %v %+v", typ, err, c)
	}
	if typ, body, err = r.Next(); typ != TypePing || len(body) != 0 || err != nil {
		t.Fatalf("ping: %v %d bytes %v", typ, len(body), err)
	}
	_, body, _ = r.Next()
	if p, err := ParseProgress(body); err != nil || p != (Progress{1, 2, 1 << 40}) {
		t.Fatalf("progress: %+v %v", p, err)
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("end of stream: %v", err)
	}
}

func TestVerdictsAndHavesComeBackAsSent(t *testing.T) {
	t.Parallel()
	verdicts := []Verdict{
		{ID: 1, Outcome: Committed}, {ID: 300, Outcome: Skipped},
		{ID: 1 << 60, Outcome: Failed, Code: "disk_full", Message: "no space"},
		{ID: 7, Outcome: Retry, Code: "mismatch"},
	}
	var body []byte
	for _, v := range verdicts {
		body = AppendVerdict(body, v)
	}
	var got []Verdict
	if err := ParseVerdicts(body, func(v Verdict) { got = append(got, v) }); err != nil || !reflect.DeepEqual(got, verdicts) {
		t.Fatalf("verdicts %+v: %v", got, err)
	}
	haves := []Have{{ID: 1, Last: true}, {ID: 2, First: 5, Leaves: []Leaf{{1}, {2}}}, {ID: 2, Last: true}}
	body = nil
	for _, h := range haves {
		body = AppendHave(body, h)
	}
	var back []Have
	if err := ParseHaves(body, func(h Have) { back = append(back, h) }); err != nil || !reflect.DeepEqual(back, haves) {
		t.Fatalf("haves %+v: %v", back, err)
	}
}

func TestTakenComesBackAsSent(t *testing.T) {
	t.Parallel()
	for _, want := range []Taken{{}, {Count: 9, MaxRate: 1 << 40}, {Count: 1 << 33, Refused: []uint64{1, 2, 1 << 33}}} {
		if got, err := ParseTaken(AppendTaken(nil, want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v came back as %+v, %v", want, got, err)
		}
	}
	for name, body := range map[string][]byte{
		"more than were counted": {5, 0, 1, 5},
		"twice the same":         {5, 0, 2, 1, 1},
		"not there":              {5, 0, 200, 1, 1},
		"something behind":       {5, 0, 0, 7},
	} {
		if got, err := ParseTaken(body); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestNamesComeBackAsSent(t *testing.T) {
	t.Parallel()
	for _, n := range []Names{{}, {Last: true}, {Pairs: [][2]string{{"a/b", ""}, {"strange\xff\nname", "to/here"}}, Last: true}} {
		got, err := ParseNames(AppendNames(nil, n))
		if err != nil || !reflect.DeepEqual(got, n) {
			t.Errorf("%+v came back as %+v: %v", n, got, err)
		}
	}
	for _, b := range [][]byte{nil, {1, 200, 200}, {0, 1, 'a', 9, 'b'}} {
		if n, err := ParseNames(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %+v %v", b, n, err)
		}
	}
}

func TestMalformedFramesAreRefused(t *testing.T) {
	t.Parallel()
	if _, _, err := NewReader(strings.NewReader("\x01\xff\xff\xff")).Next(); !errors.Is(err, ErrMalformed) {
		t.Errorf("oversized frame: %v", err)
	}
	if _, _, err := NewReader(strings.NewReader("\x01\x00\x00\x05ab")).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut frame: %v", err)
	}
	if _, err := ParseProgress([]byte{1, 2}); !errors.Is(err, ErrMalformed) {
		t.Errorf("short progress: %v", err)
	}
	if _, err := ParseProgress([]byte{1, 2, 3, 4}); !errors.Is(err, ErrMalformed) {
		t.Errorf("trailing bytes: %v", err)
	}
	if err := ParseVerdicts([]byte{1, 9}, func(Verdict) { t.Error("called") }); !errors.Is(err, ErrMalformed) {
		t.Errorf("unknown outcome: %v", err)
	}
	if err := ParseHaves([]byte{1, 1, 0, 200, 1}, func(Have) { t.Error("called") }); !errors.Is(err, ErrMalformed) {
		t.Errorf("leaves that are not there: %v", err)
	}
	if _, err := AppendJSON(nil, TypeHello, strings.Repeat("x", MaxBody)); err == nil {
		t.Error("oversized body accepted")
	}
}

// FuzzFrames feeds any stream to the reader and every body to every parser:
// nothing may panic, and what parses must parse again from its own encoding.
func FuzzFrames(f *testing.F) {
	hello, _ := AppendJSON(nil, TypeHello, Hello{Version: 1, Direction: "push", Paths: []string{"a"}})
	f.Add(hello)
	f.Add(Append(nil, TypeVerdicts, AppendVerdict(nil, Verdict{ID: 9, Outcome: Failed, Code: "path", Message: "no"})))
	f.Add(Append(nil, TypeHave, AppendHave(nil, Have{ID: 3, Last: true, First: 1, Leaves: []Leaf{{5}}})))
	f.Add(Append(nil, TypeProgress, AppendProgress(nil, Progress{5, 6, 7})))
	f.Add(Append(nil, TypeTaken, AppendTaken(nil, Taken{Count: 9, MaxRate: 5, Refused: []uint64{3, 7}})))
	f.Add(Append(nil, TypeNames, AppendNames(nil, Names{Pairs: [][2]string{{"a", "b"}}, Last: true})))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream))
		for {
			_, body, err := r.Next()
			if err != nil {
				return
			}
			if p, err := ParseProgress(body); err == nil {
				if q, err := ParseProgress(AppendProgress(nil, p)); err != nil || p != q {
					t.Fatalf("progress %+v came back as %+v (%v)", p, q, err)
				}
			}
			var again []byte
			if ParseVerdicts(body, func(v Verdict) { again = AppendVerdict(again, v) }) == nil {
				if err := ParseVerdicts(again, func(Verdict) {}); err != nil {
					t.Fatalf("verdicts do not parse again: %v", err)
				}
			}
			again = nil
			if ParseHaves(body, func(h Have) { again = AppendHave(again, h) }) == nil {
				if err := ParseHaves(again, func(Have) {}); err != nil {
					t.Fatalf("haves do not parse again: %v", err)
				}
			}
			if x, err := ParseTaken(body); err == nil {
				if y, err := ParseTaken(AppendTaken(nil, x)); err != nil || !reflect.DeepEqual(x, y) {
					t.Fatalf("taken %+v came back as %+v (%v)", x, y, err)
				}
			}
			if n, err := ParseNames(body); err == nil {
				if _, err := ParseNames(AppendNames(nil, n)); err != nil {
					t.Fatalf("names do not parse again: %v", err)
				}
			}
			var h Hello
			_ = ParseJSON(body, &h)
		}
	})
}
