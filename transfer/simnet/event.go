package simnet

import "time"

// event is one of: a packet's arrival (link and packet), the end of a
// transmission (link), a host's deadline (host), a call.
type event struct {
	at     time.Duration
	seq    uint64 // equal moments keep the order of scheduling
	link   *Link
	packet *packet
	host   *Host
	call   func()
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

func (n *Net) push(e event) {
	n.seq++
	e.seq = n.seq
	n.events = append(n.events, e)
	h := n.events
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 4
		if !h[i].before(&h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (n *Net) pop() event {
	h := n.events
	top := h[0]
	last := len(h) - 1
	h[0], h[last] = h[last], event{}
	h = h[:last]
	n.events = h
	for i := 0; ; {
		least := i
		for c := 4*i + 1; c <= 4*i+4 && c < last; c++ {
			if h[c].before(&h[least]) {
				least = c
			}
		}
		if least == i {
			return top
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
