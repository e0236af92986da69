package transfer

import (
	"sort"

	"github.com/godwit/godwit/transfer/detail"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/store"
)

// dense says that holes travel as the zeros that they are: so it was asked for, or
// there is no file at the far end that could have holes.
func (j *Job) dense() bool { return j.Options.Dense || j.Options.Discard || j.Output != nil }

// holesOf are the blocks that an entry says are zeros; nil for most.
func holesOf(e job.Entry) []detail.Run {
	if len(e.Detail) == 0 {
		return nil
	}
	d, err := detail.Parse(e.Detail)
	if err != nil {
		return nil // target has refused it
	}
	return d.Holes
}

// leaveOut marks the holes of a part as done without writing them, and returns
// their leaves. In a part that was begun before, something else may be there:
// zeros are written.
// stop ends it early: a peer that sends nothing can claim a terabyte of holes, and
// each of their blocks is hashed.
func leaveOut(p *store.Part, size int64, holes []detail.Run, stop func() bool) ([]job.HaveRange, error) {
	if len(holes) == 0 {
		return nil, nil
	}
	geo, err := hashtree.NewGeometry(size, hashtree.BlockSizeFor(size))
	if err != nil {
		return nil, err
	}
	marked := map[int]bool{}
	for i := range p.Marked() {
		marked[i] = true
	}
	zeros := make([]byte, geo.BlockSize())
	var out []job.HaveRange
	for _, run := range holes {
		r := job.HaveRange{First: int(run.First)}
		for i := run.First; i < run.First+run.Count && i < int64(geo.Blocks()); i++ {
			if stop() {
				return nil, store.ErrClosed
			}
			off, n := geo.Span(int(i))
			if marked[int(i)] { // told already
				if len(r.Leaves) > 0 {
					out = append(out, r)
				}
				r = job.HaveRange{First: int(i) + 1}
				continue
			}
			if p.Resumed() > 0 {
				if _, err := p.WriteAt(zeros[:n], off); err != nil {
					return nil, err
				}
			}
			leaf := geo.Leaf(int(i), zeros[:n])
			p.Mark(int(i), store.Leaf(leaf))
			r.Leaves = append(r.Leaves, leaf)
		}
		if len(r.Leaves) > 0 {
			out = append(out, r)
		}
	}
	return out, nil
}

// describe reads what a file says beyond the usual, and where it has holes.
func (l *loading) describe(f *sourceFile) error {
	var d detail.Detail
	var err error
	if f.tree == nil {
		return nil
	}
	if l.attributes != 0 {
		if d, err = f.tree.Describe(f.entry, l.attributes); err != nil {
			return err
		}
	}
	if bs := int64(hashtree.BlockSizeFor(f.entry.Size)); !l.dense && f.entry.Kind == store.KindFile && f.entry.Size > bs {
		d.Holes, _ = f.tree.Holes(f.entry, bs) // what goes wrong, reading the file tells
	}
	if d.Empty() {
		return nil
	}
	f.detail = detail.Append(nil, &d)
	if len(d.Holes) > 0 { // what did not fit is data
		if d, err = detail.Parse(f.detail); err != nil {
			return err
		}
		f.holes = d.Holes
	}
	return nil
}

// hole reports whether block i of f is one.
func (f *sourceFile) hole(i int) bool {
	at := sort.Search(len(f.holes), func(k int) bool { return f.holes[k].First+f.holes[k].Count > int64(i) })
	return at < len(f.holes) && f.holes[at].First <= int64(i)
}
