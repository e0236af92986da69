package whatif

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

// node is a modelled machine. What it serves stands in sums that follow every
// coming and going.
type node struct {
	id       string
	until    time.Time // when its present state ends by itself
	sessions []*session
	counts   [ways][classes]int
	load     policy.Load
	// sendWanted and receiveWanted are what its sessions could use.
	sendWanted, receiveWanted int64
	// sendLevel and receiveLevel are what they are measured by.
	sendLevel, receiveLevel int64
	changed                 bool
	under                   int
}

// youngFor is how long after its arrival a session is taken to come back when its
// node drains; policy counts so too.
const youngFor = 5 * time.Minute

func (o Options) medianBoot() time.Duration {
	if len(o.Boot) == 0 {
		return defaultBoot
	}
	sorted := slices.Sorted(slices.Values(o.Boot))
	return max(sorted[len(sorted)/2], time.Second)
}

func (w *world) boot() time.Duration {
	if len(w.o.Boot) == 0 {
		return defaultBoot
	}
	return max(w.o.Boot[w.rand.IntN(len(w.o.Boot))], time.Second)
}

func (w *world) add(state policy.State, at time.Time) *node {
	w.serial++
	n := &node{id: fmt.Sprintf("n%07d", w.serial), changed: true}
	w.nodes = append(w.nodes, n)
	w.s.Nodes = append(w.s.Nodes, policy.Node{ID: n.id, State: state, Since: at, RequestedAt: at, ReportedAt: at, ServicesHealthy: true})
	return n
}

func (w *world) index(id string) int {
	i, ok := slices.BinarySearchFunc(w.nodes, id, func(n *node, id string) int {
		switch {
		case n.id < id:
			return -1
		case n.id > id:
			return 1
		}
		return 0
	})
	if !ok {
		panic("policy names a node that is not there: " + id)
	}
	return i
}

// live moves nodes along that only take their time.
func (w *world) live() {
	gone := false
	for i, n := range w.nodes {
		if n.until.IsZero() || w.now.Before(n.until) {
			continue
		}
		row := &w.s.Nodes[i]
		switch row.State {
		case policy.Booting, policy.Starting:
			w.set(i, policy.Running, 0)
		case policy.Stopping:
			w.set(i, policy.Stopped, 0)
		case policy.Terminating:
			gone, row.State = true, policy.Terminated
		case policy.Requested, policy.Launching, policy.Running, policy.Draining, policy.Terminated, policy.Stopped, policy.Failed, policy.Lost:
		}
	}
	if gone {
		kept := 0
		for i := range w.nodes {
			if w.s.Nodes[i].State != policy.Terminated {
				w.nodes[kept], w.s.Nodes[kept] = w.nodes[i], w.s.Nodes[i]
				kept++
			}
		}
		clear(w.nodes[kept:])
		clear(w.s.Nodes[kept:])
		w.nodes, w.s.Nodes = w.nodes[:kept], w.s.Nodes[:kept]
	}
}

// set puts a node into a state that ends by itself after a while; 0: it does not.
func (w *world) set(i int, state policy.State, lasts time.Duration) {
	w.s.Nodes[i].State, w.s.Nodes[i].Since = state, w.now
	w.nodes[i].until = time.Time{}
	if lasts > 0 {
		w.nodes[i].until = w.now.Add(lasts)
	}
}

func (w *world) act(a policy.Action) {
	if a.Kind == policy.ActionLaunch {
		for range a.Count {
			w.launches++
			w.s.RecentLaunches = append(w.s.RecentLaunches, w.now)
			w.add(policy.Booting, w.now).until = w.now.Add(w.boot())
		}
		return
	}
	i := w.index(a.NodeID)
	row := &w.s.Nodes[i]
	switch a.Kind {
	case policy.ActionDrain:
		w.drains++
		w.set(i, policy.Draining, 0)
		row.DrainCause, row.DrainDeadline = a.Cause, a.Deadline
	case policy.ActionUndrain:
		w.set(i, policy.Running, 0)
		row.DrainCause, row.DrainDeadline = "", time.Time{}
	case policy.ActionTerminate:
		w.drop(w.nodes[i])
		w.set(i, policy.Terminating, goneAfter)
	case policy.ActionStop:
		w.set(i, policy.Stopping, goneAfter)
		row.DrainCause, row.DrainDeadline = "", time.Time{}
	case policy.ActionStart:
		w.starts++
		w.set(i, policy.Starting, w.o.start())
	case policy.ActionLost:
		w.set(i, policy.Lost, 0)
	case policy.ActionRecover:
		w.set(i, policy.Running, 0)
		if row.DrainCause != "" {
			row.State = policy.Draining
		}
	case policy.ActionLaunch, policy.ActionMove: // sessions stay where they are
	}
}

// drop sends the sessions of a node that ends to look for another.
func (w *world) drop(n *node) {
	for len(n.sessions) > 0 {
		c := n.sessions[len(n.sessions)-1]
		n.leave(w, c)
		c.waits = w.now.UnixNano()
		w.queue = append(w.queue, c)
	}
}

// report is what the node tells the manager.
func (w *world) report(i int) {
	row, n := &w.s.Nodes[i], w.nodes[i]
	if row.State != policy.Running && row.State != policy.Draining {
		return
	}
	row.ReportedAt = w.now
	u := &row.Usage
	if n.changed || u.SendCapBps != w.send || u.ReceiveCapBps != w.receive {
		n.changed = false
		n.share(w)
	}
	*u = policy.Usage{
		SendBps: bounded(n.sendWanted, w.send), SendCapBps: w.send,
		ReceiveBps: bounded(n.receiveWanted, w.receive), ReceiveCapBps: w.receive,
	}
	u.CPU = math.Min(w.cpu*float64(u.SendBps+u.ReceiveBps), 1)
	if len(n.sessions) > 0 {
		u.Buffer = w.buffer
	}
	row.Load = n.load
	row.Load.ServedBps = min(n.load.SendBps+n.load.ReceiveBps, u.SendBps+u.ReceiveBps)
	if k := n.load.Pinned; k > 0 {
		row.Load.PinnedUntil = w.now.Add(w.outlast[min(k, len(w.outlast))-1])
	}
}

func bounded(bps, limit int64) int64 {
	if limit > 0 {
		return min(bps, limit)
	}
	return bps
}

// count takes a session into the sums (times 1) or out of them (times −1).
func (n *node) count(w *world, c *session, times int) {
	r, d, sign := c.bin.rate, c.bin.way, int64(times)
	n.changed = true
	n.counts[d][r] += times
	n.load.Sessions += times
	returning := int64(0)
	if d != receives {
		n.sendWanted += sign * w.wanted[r]
		n.sendLevel += sign * w.level[r]
		n.load.SendBps += sign * w.promised[r]
		returning += w.promised[r]
	}
	if d != sends {
		n.receiveWanted += sign * w.wanted[r]
		n.receiveLevel += sign * w.level[r]
		n.load.ReceiveBps += sign * w.promised[r]
		returning += w.promised[r]
	}
	if !c.movable {
		n.load.Pinned += times
	}
	if c.movable || c.young {
		n.load.ReturningBps += sign * returning
	}
}

// share finds whom the caps hold below their promise, and below the level.
func (n *node) share(w *world) {
	n.load.Held, n.under = 0, 0
	var held, under [ways]int
	n.shareOne(w, w.send, n.sendWanted, max(n.sendLevel, n.load.SendBps), sends, &held, &under)
	one, two := held[both], under[both]
	held[both], under[both] = 0, 0
	n.shareOne(w, w.receive, n.receiveWanted, max(n.receiveLevel, n.load.ReceiveBps), receives, &held, &under)
	n.load.Held = held[sends] + held[receives] + max(one, held[both])
	n.under = under[sends] + under[receives] + max(two, under[both])
}

// shareOne shares one direction's cap max-min. Where all that is promised fits,
// nobody is held, whatever more they could use.
func (n *node) shareOne(w *world, limit, wanted, promised int64, d way, held, under *[ways]int) {
	if limit <= 0 || wanted <= limit || promised <= limit {
		return
	}
	left, sharing := limit, 0
	for r := range classes {
		sharing += n.counts[d][r] + n.counts[both][r]
	}
	each := int64(0)
	for r := range classes {
		k := n.counts[d][r] + n.counts[both][r]
		if k == 0 {
			continue
		}
		each = left / int64(sharing)
		if w.wanted[r] > each {
			break
		}
		left -= int64(k) * w.wanted[r]
		sharing -= k
	}
	for r := range classes {
		for _, way := range []way{d, both} {
			k := n.counts[way][r]
			if 20*each < 19*w.promised[r] {
				held[way] += k
			}
			if 100*each < 99*w.level[r] {
				under[way] += k
			}
		}
	}
}
