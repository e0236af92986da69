package event

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestMadeEventsParse(t *testing.T) {
	t.Parallel()
	e := New(SessionEnded, now, Session{Bytes: 7, Code: "lost"})
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(data, now)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != e.ID || !got.At.Equal(now) || string(got.Data) != string(e.Data) {
		t.Errorf("got %+v, made %+v", got, e)
	}
}

func TestIDsSortByTimeAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	last := ""
	for i := range 1000 {
		id := NewID(now.Add(time.Duration(i) * time.Millisecond))
		if !validID(id) || seen[id] || id <= last {
			t.Fatalf("id %q after %q", id, last)
		}
		seen[id], last = true, id
	}
	// The example of the ULID specification: 01ARYZ6S41… is 1469918176385.
	if got := NewID(time.UnixMilli(1469918176385))[:10]; got != "01aryz6s41" {
		t.Errorf("time part %s", got)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Event){
		"an id that is none":                  func(e *Event) { e.ID = "x" },
		"an id with a foreign letter":         func(e *Event) { e.ID = strings.Repeat("u", 26) },
		"a kind that adds a subject":          func(e *Event) { e.Kind = "a.*" },
		"an empty part in a kind":             func(e *Event) { e.Kind = "a..b" },
		"no time":                             func(e *Event) { e.At = time.Time{} },
		"the far future":                      func(e *Event) { e.At = now.Add(48 * time.Hour) },
		"the far past":                        func(e *Event) { e.At = now.AddDate(-20, 0, 0) },
		"an id as long as a novel":            func(e *Event) { e.Transfer = strings.Repeat("a", 1000) },
		"a zero byte, which Postgres refuses": func(e *Event) { e.Session = "a\x00b" },
		"more than fits":                      func(e *Event) { e.Data, _ = json.Marshal(strings.Repeat("a", MaxSize)) },
	} {
		e := New(NodeStarted, now, nil)
		change(&e)
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(data, now); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	good, err := json.Marshal(New(FilesEnded, now, Files{Files: []File{{Path: "a", Size: 1}}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","kind":"a.b","at":"2026-05-01T12:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data, now)
		if err != nil {
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("taken and cannot be written: %v", err)
		}
		if len(again) > MaxSize { // escaping may lengthen it
			return
		}
		if _, err := Parse(again, now); err != nil {
			t.Errorf("%q was taken once and then refused: %v", data, err)
		}
	})
}
