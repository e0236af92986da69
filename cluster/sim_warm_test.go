package cluster_test

import (
	"context"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Stop and Start of the hostile cloud: slow, refused now and then, and done
// though the answer is lost.

func (c cloudOf) Stop(_ context.Context, ids []string) []provisioner.Result {
	return c.each("stop", ids, func(i *simInstance) error {
		if i.Spot {
			c.w.fault("%s was to be stopped, which is spot", i.ID)
			return &provisioner.Error{Class: provisioner.Unsupported, Op: "stop", Subject: i.ID}
		}
		if i.State != provisioner.Running {
			return nil
		}
		if n := c.w.nodes[i.NodeID]; n != nil && n.instance == i.ID {
			c.w.check.ends(n)
		}
		i.State, i.stopsAt, i.joinsAt = provisioner.Stopping, c.w.now.Add(c.w.between(0, 30*time.Second)), time.Time{}
		c.w.nodeDies(i)
		c.w.tell("%s of %s is stopped", i.ID, i.NodeID)
		c.w.meet("stopped")
		return nil
	})
}

func (c cloudOf) Start(_ context.Context, ids []string) []provisioner.Result {
	return c.each("start", ids, func(i *simInstance) error {
		if i.State != provisioner.Stopped {
			return nil
		}
		if c.w.now.Before(c.refuseUntil) {
			return c.fail(c.refuse, "start refused")
		}
		i.State, i.dead = provisioner.Running, false
		i.joinsAt = c.w.now.Add(c.w.between(5*time.Second, 40*time.Second))
		if c.w.chance(2) {
			i.joinsAt = time.Time{}
			c.w.trouble(c.w.now.Add(time.Duration(c.w.policy.LaunchTimeoutS) * time.Second))
			c.w.meet("does not come back")
		}
		c.w.tell("%s of %s is started", i.ID, i.NodeID)
		c.w.meet("started")
		c.w.check.running()
		return nil
	})
}

func (c cloudOf) each(op string, ids []string, do func(*simInstance) error) []provisioner.Result {
	var results []provisioner.Result
	for _, id := range ids {
		c.m.touch()
		result := provisioner.Result{ID: id, Err: c.busy(op)}
		switch i := c.instances[id]; {
		case result.Err != nil:
		case i == nil || !i.exists():
			result.Err = &provisioner.Error{Class: provisioner.NotFound, Op: op, Subject: id}
		case c.w.chance(10):
			result.Err = &provisioner.Error{Class: provisioner.Throttled, Op: op, RetryAfter: 3 * time.Second}
		default:
			if result.Err = do(i); result.Err == nil && c.w.chance(10) {
				result.Err = &provisioner.Error{Class: provisioner.Transient, Op: op, Subject: id}
			}
		}
		c.m.touch()
		results = append(results, result)
	}
	return results
}
