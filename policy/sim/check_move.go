package sim

import (
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

const (
	// noReturn is for how long a session never comes back to a node that it was
	// asked to leave, nor is asked again.
	noReturn = time.Minute
	// evenBy is how long a node may stay crowded while another has ample room: a
	// few rounds of asking, each with its way and its reports.
	evenBy = 4 * time.Minute
)

// visit is a node that a session was asked to leave.
type visit struct {
	node string
	left time.Time
}

// moves: only sessions that can move are asked, and none twice within the minimum stay.
func (k *check) moves(p policy.Plan) {
	for _, a := range p.Actions {
		if a.Kind != policy.ActionMove {
			continue
		}
		i := k.w.instance(a.NodeID)
		if len(a.Sessions) == 0 {
			k.broken("a move names its sessions", "%s: none", a.NodeID)
		}
		for _, id := range a.Sessions {
			at := slices.IndexFunc(k.w.clients, func(c *client) bool { return c.id == id })
			if at < 0 {
				continue // it has ended since its node's report
			}
			c := k.w.clients[at]
			if !c.movable {
				k.broken("nobody is asked who cannot move", "%s on %s", id, a.NodeID)
			}
			stay := max(seconds(k.w.c.Policy.ReportTimeoutS), noReturn)
			if n := len(c.before); n > 0 && c.on == i && k.w.now.Sub(c.before[n-1].left) < stay {
				k.broken("a session moves at most once per minimum stay", "%s asked by %s, came from %s %v ago", id, a.NodeID,
					c.before[n-1].node, k.w.now.Sub(c.before[n-1].left))
			}
		}
	}
}

// movedTo: no ping-pong.
func (k *check) movedTo(c *client, to *instance) {
	for _, v := range c.before {
		if v.node == to.id && k.w.now.Sub(v.left) < noReturn {
			k.broken("no ping-pong", "%s comes back to %s after %v", c.id, to.id, k.w.now.Sub(v.left))
		}
	}
	c.before = append(c.before, visit{c.on.id, k.w.now})
}

// balance: in a world without faults, no node stays crowded beyond what its
// sessions that can move would relieve while another has room for several.
func (k *check) balance(p policy.Plan) {
	c := k.w.c
	if !c.Faults.quiet() || c.Policy.MinIdle > 0 {
		return
	}
	roomy := slices.ContainsFunc(k.w.instances, func(i *instance) bool {
		at := slices.IndexFunc(p.Pools, func(a policy.Assignment) bool { return a.NodeID == i.id && a.Pool.Available() })
		r := k.m.row(i.id)
		return at >= 0 && r.State == policy.Running && k.promised(i) < c.Policy.MaxThreshold-0.4
	})
	for _, i := range k.w.instances {
		r := k.m.row(i.id)
		// A move relieves by a tenth at least, and by whole sessions.
		crowded := r != nil && r.State == policy.Running && k.promised(i) > c.Policy.MaxThreshold+0.2 &&
			k.relief(i) > 0.3
		if !roomy || !crowded {
			delete(k.crowded, i.id)
			continue
		}
		if k.crowded == nil {
			k.crowded = map[string]time.Time{}
		}
		if since, known := k.crowded[i.id]; !known {
			k.crowded[i.id] = k.w.now
		} else if k.w.now.Sub(since) > evenBy {
			k.broken("crowded nodes are relieved while others have room", "%s is at %.2f since %s: %s", i.id,
				k.promised(i), k.w.story.clock(since), p.Explain())
		}
	}
}

// promised is what a node's connected sessions are promised in its busier
// direction, in nodes' worth.
func (k *check) promised(i *instance) float64 {
	all, _ := k.promises(i)
	return max(all[policy.Send], all[policy.Receive])
}

// relief is the part of it that can move.
func (k *check) relief(i *instance) float64 {
	all, movable := k.promises(i)
	if all[policy.Send] >= all[policy.Receive] {
		return movable[policy.Send]
	}
	return movable[policy.Receive]
}

func (k *check) promises(i *instance) (all, movable map[policy.Direction]float64) {
	all, movable = map[policy.Direction]float64{}, map[policy.Direction]float64{}
	for _, c := range i.clients {
		if !c.connected(k.w.now) {
			continue
		}
		worth := min(c.wanted, k.w.c.Policy.SessionRateMbps*1e6) / (k.w.c.NodeMbps * 1e6)
		all[c.direction] += worth
		if c.movable {
			movable[c.direction] += worth
		}
	}
	return all, movable
}
