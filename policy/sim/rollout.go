package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

// rollouts are the rolling replacements of a run, with chance of their own.
type rollouts struct {
	m    *manager
	rand *rand.Rand
	now  *policy.Rollout // under way; nil: none is
	// before is the version to roll back to, sick those whose nodes never join.
	before int
	sick   map[int]bool
	// counted are the new nodes that came to nothing.
	counted map[string]bool
	began   time.Time
	resume  time.Time // of a paused one
	// Done and back count how they ended.
	done, back int
}

func newRollouts(m *manager) *rollouts {
	return &rollouts{m: m, rand: rand.New(rand.NewPCG(m.w.c.Seed, 7)), sick: map[int]bool{}}
}

// roll gives a third of the histories rollouts, with chance of its own.
func (c *Config) roll() {
	r := rand.New(rand.NewPCG(c.Seed, 6))
	if r.IntN(3) > 0 {
		return
	}
	c.Rollouts = true
	c.Faults.Renewal = 15 * time.Minute
	c.SickVersions = pick(r, 0, 0.3, 0.7)
	c.Policy.Rollout.Surge = pick(r, 0, 1, 1, 3)
	c.Policy.Rollout.SurgePercent = pick(r, 0, 10, 50)
	c.Policy.Rollout.MaxUnavailable = pick(r, 0, 0, 0, 1)
	c.Policy.Rollout.MaxFailures = pick(r, 1, 3, 5)
	if c.Policy.Rollout.Surge+c.Policy.Rollout.SurgePercent == 0 {
		c.Policy.Rollout.MaxUnavailable = 1
	}
	c.Policy.DrainTimeoutS = pick(r, 300, 900)
	c.Policy.LaunchTimeoutS = 300
	// The last one may begin when the load ends, and drain node after node.
	c.Length += 3 * time.Hour
}

// renew makes another version of the template, and rolls it out.
func (r *rollouts) renew() {
	m := r.m
	if r.now == nil {
		r.before = m.wanted
	}
	m.template++
	m.wanted = m.template
	if !m.w.c.Rollouts {
		return
	}
	r.sick[m.wanted] = r.rand.Float64() < m.w.c.SickVersions
	r.now, r.counted, r.began = &policy.Rollout{RolloutPolicy: m.w.c.Policy.Rollout}, map[string]bool{}, m.w.now
	for _, n := range m.rows {
		if n.State == policy.Running || n.State.Pending() {
			r.now.Size++
		}
	}
	m.w.story.add(m.w.now, "rollout of version %d (sick: %v) to %d nodes", m.wanted, r.sick[m.wanted], r.now.Size)
}

// observe pauses and resumes.
func (r *rollouts) observe() {
	w := r.m.w
	switch {
	case r.now == nil:
	case r.now.Paused && w.now.After(r.resume):
		r.now.Paused = false
	case !r.now.Paused && w.calm() && r.rand.Float64() < w.c.Step.Seconds()/(30*time.Minute).Seconds():
		r.now.Paused, r.resume = true, w.now.Add(time.Duration(1+r.rand.IntN(10))*time.Minute)
		w.story.add(w.now, "the rollout is paused until %s", w.story.clock(r.resume))
	}
}

// lost notes a new node that came to nothing.
func (r *rollouts) lost(n *policy.Node, why string) {
	if r.now == nil || r.m.made[n.ID] != r.m.wanted || r.counted[n.ID] || n.RequestedAt.Before(r.began) {
		return
	}
	r.counted[n.ID] = true
	r.now.Failures++
	r.now.FailedText = n.ID + ": " + why
}

// settle does what the verdict asks for.
func (r *rollouts) settle(p policy.Plan) {
	m := r.m
	if r.now == nil || p.Rollout == nil {
		return
	}
	switch p.Rollout.Verdict {
	case policy.RolloutGoes:
	case policy.RolloutDone:
		r.done++
		r.now = nil
		r.sick[m.wanted] = false // of a cluster without nodes, which proves nothing
		m.w.story.add(m.w.now, "version %d is rolled out", m.wanted)
	case policy.RolloutFailed:
		r.back++
		bad := m.wanted
		r.now, m.wanted = nil, r.before
		m.w.story.add(m.w.now, "version %d is rolled back to %d", bad, m.wanted)
		for _, n := range m.rows {
			if m.made[n.ID] == bad && n.State.Pending() {
				m.act(policy.Action{Kind: policy.ActionTerminate, NodeID: n.ID})
			}
		}
	}
}

// rollout: enough nodes serve whatever a rollout drains, it launches no more than
// its surge allows, a pause holds it, and it judges versions rightly.
func (k *check) rollout(p policy.Plan) {
	r := k.m.rollouts
	if r.now == nil {
		return
	}
	k.busyUntil, k.atRest, k.refilled = k.w.now, time.Time{}, 0 // the warm pool is replaced too
	ready, drains := 0, 0
	for _, a := range p.Pools {
		if n := k.m.row(a.NodeID); n.State == policy.Running && a.Pool != policy.Degraded {
			ready++
		}
	}
	for _, a := range p.Actions {
		switch {
		case a.Kind == policy.ActionDrain:
			if i := slices.IndexFunc(p.Pools, func(x policy.Assignment) bool { return x.NodeID == a.NodeID }); i >= 0 && p.Pools[i].Pool != policy.Degraded {
				ready--
			}
			if a.Cause == policy.DrainRollout {
				drains++
				if !k.stale(a.NodeID) {
					k.broken("a rollout drains stale nodes only", "%s is drained: %s", a.NodeID, p.Explain())
				}
			}
		case a.Reason.Code == policy.CodeRolloutLaunch && p.Capacity.Instances+p.Launches() > k.w.c.Policy.MaxNodes+k.surge():
			k.broken("a rollout launches within max and its surge", "%d there and %d launched, max %d, surge %d: %s",
				p.Capacity.Instances, p.Launches(), k.w.c.Policy.MaxNodes, k.surge(), p.Explain())
		}
		if r.now.Paused && (a.Cause == policy.DrainRollout || a.Reason.Code == policy.CodeRolloutLaunch) {
			k.broken("a pause holds a rollout", "%s %s: %s", a.Kind, a.NodeID, p.Explain())
		}
	}
	floor := min(max(p.Capacity.MinAvailable, p.Capacity.MinIdle), k.w.c.Policy.MaxNodes)
	if wanted := max(p.Rollout.Wanted, floor) - r.now.MaxUnavailable; drains > 0 && ready < wanted {
		k.broken("enough serve during a rollout", "%d are left, %d wanted: %s", ready, wanted, p.Explain())
	}
	k.judges(p)
}

// judges: a version whose nodes never join is never done, and one is rolled back
// only for nodes that failed.
func (k *check) judges(p policy.Plan) {
	r := k.m.rollouts
	switch p.Rollout.Verdict {
	case policy.RolloutDone:
		if r.sick[k.m.wanted] && min(p.Rollout.Wanted, r.now.Size) > 0 {
			k.broken("a sick version is never rolled out", "%s", p.Explain())
		}
		for _, n := range k.m.rows {
			ends := n.State == policy.Terminating || n.State == policy.Failed ||
				slices.ContainsFunc(p.Actions, func(a policy.Action) bool { return a.NodeID == n.ID && a.Kind == policy.ActionTerminate })
			if k.stale(n.ID) && n.State != policy.Requested && !ends {
				k.broken("a rollout that is done leaves nothing", "%s is %s", n.ID, n.State)
			}
		}
	case policy.RolloutFailed:
		f := k.w.c.Faults
		if !r.sick[k.m.wanted] && f.NeverJoins == 0 && f.Death+f.Silence+f.Sickness+f.Outage+f.Restart+f.Capacity == 0 && f.LaunchFails+f.StartFails == 0 {
			k.broken("only a sick version is rolled back", "%s", p.Explain())
		}
	case policy.RolloutGoes:
		if r.sick[k.m.wanted] && k.w.c.Faults.quiet() && !r.now.Paused && r.now.Failures >= max(r.now.MaxFailures, k.w.c.Policy.MaxNodes) {
			k.broken("a sick version is rolled back", "%d failures: %s", r.now.Failures, p.Explain())
		}
	}
}

func (k *check) stale(id string) bool { return k.m.made[id] != k.m.wanted }

// surge is how many nodes more than max a rollout may make.
func (k *check) surge() int {
	if !k.w.c.Rollouts {
		return 0
	}
	p := k.w.c.Policy
	return max(p.Rollout.Surge, (p.Rollout.SurgePercent*p.MaxNodes+99)/100)
}
