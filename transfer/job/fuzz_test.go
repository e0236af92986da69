package job

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
)

// FuzzDeliver feeds any payload to a Receiver whose application answers at
// once: nothing may panic, buffers stay bounded, and what is committed has the
// root that was announced.
func FuzzDeliver(f *testing.F) {
	small := []byte("hello")
	e := Entry{ID: 1, Kind: File, Path: "a/b", Size: 5, Mode: 0o644, hasRoot: true, root: hashtree.Sum(small), bytes: 5}
	seed := appendEntry(nil, &e)
	seed = append(appendDataHeader(seed, 1, 0, 5, true), small...)
	f.Add(seed)
	f.Add(append(append(appendDataHeader(nil, 2, 3, 5, false), small...), appendRoot(nil, 2, hashtree.Sum(nil), 9)...))
	big := Entry{ID: 3, Kind: File, Path: "big", Size: 3 << 20, Mode: 0o600}
	f.Add(append(appendDataHeader(appendEntry(nil, &big), 3, 1<<20-2, 5, false), small...))
	f.Add(appendEntry(nil, &Entry{ID: 6, Kind: File, Path: "x", Size: 5, Detail: []byte{2, 1, 2}}))
	f.Add(appendEntry(nil, &Entry{ID: 4, Kind: Dir, Path: "d", Mode: 0o755}))
	f.Add(appendEntry(nil, &Entry{ID: 5, Kind: Symlink, Path: "l", Target: "d", Mode: 0o777, ask: true}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var todo []func()
		var r *Receiver
		r = NewReceiver(ReceiverConfig{
			Memory: 4 << 20, Pool: &Pool{}, Control: func(control.Type, []byte) {},
			Open: func(e Entry, _ bool) { todo = append(todo, func() { r.Opened(Opening{ID: e.ID}) }) },
			Small: func(e Entry, root hashtree.Hash, data []byte, _ bool) {
				todo = append(todo, func() {
					outcome := control.Committed
					if hashtree.Sum(data) != root {
						outcome = control.Retry
					}
					if data != nil {
						r.Free(e.ID, data)
					}
					r.End(control.Verdict{ID: e.ID, Outcome: outcome})
				})
			},
			Write: func(id uint64, i int, data []byte) {
				todo = append(todo, func() { r.Free(id, data); r.Written(id, i, hashtree.Hash{1}, true) })
			},
			Commit: func(id uint64, _ hashtree.Hash) {
				todo = append(todo, func() { r.End(control.Verdict{ID: id, Outcome: control.Committed}) })
			},
			Make: func(e Entry) {
				todo = append(todo, func() { r.End(control.Verdict{ID: e.ID, Outcome: control.Skipped}) })
			},
			Abandon: func(uint64, bool) {}, Done: func(bool) {},
		})
		for range 2 { // a packet that comes twice
			_ = r.Deliver(0, bytes.Clone(payload))
			for len(todo) > 0 {
				next := todo[0]
				todo = todo[1:]
				next()
			}
			if st := r.Stats(); st.Buffered < 0 || st.Buffered > 8<<20 {
				t.Fatalf("%d bytes buffered", st.Buffered)
			}
		}
	})
}

// FuzzEntry parses any bytes as records and writes entries and slices again: what
// parses must come back the same.
func FuzzEntry(f *testing.F) {
	f.Add(append(appendDataHeader(nil, 7, 1<<24, 0, true), "to the end"...))
	f.Add(append(appendDataHeader(nil, 8, 1<<45+3, 3, false), "threeandmore"...))
	f.Add(appendEntry(nil, &Entry{ID: 9, Kind: File, Path: "x", Size: 1 << 30, Mtime: -5, Mode: 0o644, Identity: [32]byte{7}}))
	f.Add(appendEntry(nil, &Entry{ID: 1 << 40, Kind: Symlink, Path: "x", Target: "../y", Mode: 0o777}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := parser{b: b}
		for {
			ok, err := p.next()
			if !ok || err != nil {
				return
			}
			if p.rec.kind == recData {
				sliceComesBack(t, &p.rec)
			}
			if p.rec.kind != recEntry {
				continue
			}
			again := appendEntry(nil, &p.rec.entry)
			if len(again) != entrySize(&p.rec.entry, p.rec.entry.hasRoot) {
				t.Fatalf("%+v has %d bytes, not %d", p.rec.entry, len(again), entrySize(&p.rec.entry, p.rec.entry.hasRoot))
			}
			q := parser{b: again}
			if ok, err := q.next(); !ok || err != nil || !reflect.DeepEqual(q.rec.entry, p.rec.entry) {
				t.Fatalf("%+v came back as %+v: %v", p.rec.entry, q.rec.entry, err)
			}
		}
	})
}

// sliceComesBack writes a slice to where it fills the room and to where it does not.
func sliceComesBack(t *testing.T, r *record) {
	t.Helper()
	for more := range 2 {
		room := restHeaderSize(r.id, r.offset) + len(r.data)
		if more > 0 {
			room += 20
		}
		size, rest := dataSize(r.id, r.offset, len(r.data), room)
		b := append(appendDataHeader(nil, r.id, r.offset, len(r.data), rest), r.data...)
		if len(b) != size || rest != (more == 0) {
			t.Fatalf("slice of %d has %d bytes, not %d; to the end: %v", len(r.data), len(b), size, rest)
		}
		if !rest {
			b = append(b, recPad, 1, 2)
		}
		q := parser{b: b}
		if ok, err := q.next(); !ok || err != nil || q.rec.id != r.id || q.rec.offset != r.offset || !bytes.Equal(q.rec.data, r.data) {
			t.Fatalf("%+v came back as %+v: %v", r, q.rec, err)
		}
		if ok, err := q.next(); ok || err != nil {
			t.Fatalf("something follows: %v", err)
		}
	}
}
