package policy

import (
	"cmp"
	"container/heap"
)

// targets is a heap of nodes with room, the one that placement prefers on top.
type targets struct {
	signals Signals
	list    []*target
}

// place is one move, and what its target was like before.
type place struct {
	session      string
	to           *target
	used, really worth
}

// best is the target that placement would choose. Those that are full leave:
// every newcomer takes the same room, so they can take no other either.
func (t *targets) best(share worth, p *Policy) *target {
	for len(t.list) > 0 {
		if w := t.list[0]; w.takes(share, p) {
			return w
		}
		w := heap.Pop(t).(*target)
		w.out = true
	}
	return nil
}

// undo gives back the room that places took.
func (t *targets) undo(places []place) {
	for i := len(places) - 1; i >= 0; i-- {
		w := places[i].to
		t.fill(w, places[i].used)
		w.really = places[i].really
		w.newcomers--
		if w.out {
			w.out, t.list = false, append(t.list, w)
		}
	}
	if len(places) > 0 {
		heap.Init(t)
	}
}

func (a *target) compare(b *target) int {
	if a.level != b.level {
		return cmp.Compare(a.level, b.level)
	}
	return cmp.Compare(a.v.ID, b.v.ID)
}

// fill sets what placement will see of w.
func (t *targets) fill(w *target, used worth) {
	w.used = used
	_, w.level = used.largest(t.signals)
}

// Len, Less, Swap, Push and Pop make targets a heap.Interface.
func (t *targets) Len() int           { return len(t.list) }
func (t *targets) Less(i, j int) bool { return t.list[i].compare(t.list[j]) < 0 }
func (t *targets) Swap(i, j int)      { t.list[i], t.list[j] = t.list[j], t.list[i] }

// Push is for package heap.
func (t *targets) Push(x any) { t.list = append(t.list, x.(*target)) }

// Pop is for package heap.
func (t *targets) Pop() any {
	last := t.list[len(t.list)-1]
	t.list = t.list[:len(t.list)-1]
	return last
}
