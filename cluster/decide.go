package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// decide asks policy, stores the decision with all that it was made from, and
// turns its actions into rows.
func (r *Reconciler) decide(ctx context.Context, b *round) error {
	past, err := r.memoir(ctx, b.cluster.ID)
	if err != nil {
		return err
	}
	snapshot := r.snapshot(b)
	if snapshot.Rollout, err = r.rollout(ctx, b); err != nil {
		return err
	}
	snapshot.Forecast = foresee(past.profile, b.policy, b.now)
	plan := policy.Decide(snapshot, b.policy, b.now)
	decision, err := r.storeDecision(ctx, b, snapshot, plan)
	if err != nil {
		return err
	}
	b.plan, b.decision = plan, decision.ID
	b.memory.decided(plan, b.policy)
	if err := r.record(ctx, b, past, snapshot, plan); err != nil {
		return err
	}
	if len(plan.Actions) > 0 || len(plan.Pools) <= manyNodes || b.now.Sub(r.rememberedAt[b.cluster.ID]) >= rememberEvery {
		if err := r.storeMemory(ctx, b); err != nil {
			return err
		}
	}
	results, err := r.intend(ctx, b, plan)
	if err != nil {
		return err
	}
	if len(results) > 0 {
		raw, err := json.Marshal(results)
		if err != nil {
			return fmt.Errorf("decision's result: %w", err)
		}
		if err := r.config.Store.SetResult(ctx, b.term, decision.ID, raw); err != nil {
			return err
		}
		// Launches were noted: their limit must hold after a crash too.
		if err := r.storeMemory(ctx, b); err != nil {
			return err
		}
	}
	if err := r.conclude(ctx, b, snapshot, plan); err != nil {
		return err
	}
	r.askMoves(ctx, b, plan)
	return r.keepFacts(ctx, b, plan)
}

// storeDecision appends the plan; like ones that do nothing become one row.
func (r *Reconciler) storeDecision(ctx context.Context, b *round, s policy.Snapshot, plan policy.Plan) (statestore.Decision, error) {
	d := statestore.Decision{
		ClusterID: b.cluster.ID, PolicyVersion: b.version.Version, At: b.now,
		Kind: statestore.DecisionNoop, CollapseKey: collapseKey(plan),
	}
	if len(plan.Actions) > 0 {
		d.Kind = statestore.DecisionAct
	}
	var err error
	same := fmt.Sprint(d.Kind, " ", d.PolicyVersion, " ", d.CollapseKey)
	if d.Kind != statestore.DecisionNoop || r.lastNoop[b.cluster.ID] != same {
		// Else the store makes one row of this and the last, whose snapshot it has.
		if d.Snapshot, err = json.Marshal(s); err != nil {
			return d, fmt.Errorf("decision's snapshot: %w", err)
		}
	}
	delete(r.lastNoop, b.cluster.ID)
	if d.Plan, err = json.Marshal(plan); err != nil {
		return d, fmt.Errorf("decision's plan: %w", err)
	}
	if d.Reasons, err = json.Marshal(plan.Reasons); err != nil {
		return d, fmt.Errorf("decision's reasons: %w", err)
	}
	stored, err := r.config.Store.AppendDecision(ctx, b.term, d)
	if errors.Is(err, statestore.ErrUnfolded) {
		// The row was forgotten, or others came after it: then a row of its own.
		if d.Snapshot, err = json.Marshal(s); err != nil {
			return d, fmt.Errorf("decision's snapshot: %w", err)
		}
		stored, err = r.config.Store.AppendDecision(ctx, b.term, d)
	}
	if err == nil {
		if d.Kind == statestore.DecisionNoop {
			r.lastNoop[b.cluster.ID] = same
		}
		r.config.Changed(b.cluster.ID, "decisions")
	}
	return stored, err
}

// manyNodes is from where on somebody changes pool in every step, and decisions
// that do nothing are alike though nodes did.
const manyNodes = 500

// rememberEvery is how often the memory of many nodes, megabytes of it, is
// stored while nothing is done: so much later its timers go on after a crash.
const rememberEvery = 10 * time.Second

// collapseKey is equal for plans that do nothing, say the same and, where nodes
// are not many, leave every node in the pool where it was.
func collapseKey(plan policy.Plan) string {
	sum := sha256.New()
	sum.Write([]byte(plan.Key()))
	if len(plan.Pools) > manyNodes {
		return hex.EncodeToString(sum.Sum(nil)[:16])
	}
	for _, a := range plan.Pools {
		_, _ = fmt.Fprintf(sum, "\x00%s=%s", a.NodeID, a.Pool)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (r *Reconciler) storeMemory(ctx context.Context, b *round) error {
	raw, err := b.memory.marshal()
	if err != nil {
		return fmt.Errorf("cluster's memory: %w", err)
	}
	if err := r.config.Store.SetMemory(ctx, b.term, b.cluster.ID, raw); err != nil {
		return err
	}
	r.rememberedAt[b.cluster.ID] = b.now
	return nil
}

// result is what became of one action.
type result struct {
	Action policy.ActionKind `json:"action"`
	Node   string            `json:"node,omitempty"`
	// At is where a node was launched, and PassedOver what was refused before it,
	// where anything was; with Error instead of At it was not launched at all.
	At         *place   `json:"at,omitempty"`
	PassedOver []string `json:"passed_over,omitempty"`
	// Overtaken: the node was elsewhere by then; the next decision knows.
	Overtaken bool `json:"overtaken,omitempty"`
	// Sessions are those that a node was asked to move; Asked is how many of them
	// it still had, Error why it could not be asked. Neither: not known yet.
	// Error of a launch: why there was none.
	Sessions []string `json:"sessions,omitempty"`
	Asked    *int     `json:"asked,omitempty"`
	Error    string   `json:"error,omitempty"`
	// Unknown: nothing was done, for nobody here knows how.
	Unknown bool `json:"unknown,omitempty"`
}

// intend writes a plan's actions into rows, in its order: changes of rows that
// follow each other are made together.
func (r *Reconciler) intend(ctx context.Context, b *round, plan policy.Plan) ([]result, error) {
	rows := make(map[string]*statestore.Node, len(b.nodes))
	for _, n := range b.nodes {
		rows[n.ID] = n
	}
	var results []result
	var changes []rowChange
	flush := func() error {
		made, err := r.change(ctx, b, changes)
		for i := range results[len(results)-len(changes):] {
			x := &results[len(results)-len(changes)+i]
			x.Overtaken = !made[x.Node]
		}
		changes = nil
		return err
	}
	for _, action := range plan.Actions {
		n := rows[action.NodeID]
		if n == nil && action.Kind != policy.ActionLaunch {
			return results, errors.Join(flush(), fmt.Errorf("%s of node %s, which has no row", action.Kind, action.NodeID))
		}
		if n != nil {
			if to, change, ok := b.step(n, action); ok {
				if action.Reason.Code == policy.CodeLaunchTimeout {
					b.memory.failed(b.now, n, action.Reason.Text)
				}
				changes = append(changes, rowChange{n, to, action.Reason.Text, change})
				results = append(results, result{Action: action.Kind, Node: n.ID})
				continue
			}
		}
		if err := flush(); err != nil {
			return results, err
		}
		switch action.Kind {
		case policy.ActionLaunch:
			made, err := r.request(ctx, b, action)
			results = append(results, made...)
			if err != nil {
				return results, err
			}
		case policy.ActionMove: // no row changes; see askMoves
			results = append(results, result{Action: action.Kind, Node: n.ID, Sessions: action.Sessions})
		default:
			// A newer policy than reconciler: the rest of the plan must not wait.
			r.log.Error("a plan's action is not known", "action", action.Kind, "node", n.Name)
			results = append(results, result{Action: action.Kind, Node: n.ID, Unknown: true})
		}
	}
	return results, flush()
}

// step is the row change that an action asks for.
func (b *round) step(n *statestore.Node, action policy.Action) (to statestore.NodeState, change func(*statestore.Node), ok bool) {
	switch action.Kind {
	case policy.ActionDrain:
		return statestore.NodeDraining, b.drain(n, action.Cause, action.Reason.Text, action.Deadline), true
	case policy.ActionUndrain:
		return statestore.NodeRunning, nil, true
	case policy.ActionLost:
		return statestore.NodeLost, lose(action.Reason.Text), true
	case policy.ActionRecover:
		to, change = recovered(n)
		return to, change, true
	case policy.ActionTerminate:
		return statestore.NodeTerminating, gaveUp(n, action), true
	case policy.ActionStop:
		return statestore.NodeStopping, nil, true
	case policy.ActionStart:
		return statestore.NodeStarting, nil, true
	case policy.ActionLaunch, policy.ActionMove:
	}
	return n.State, nil, false
}
