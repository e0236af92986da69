package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// place is where a node was launched.
type place struct {
	Provider string `json:"provider"`
	Type     string `json:"type,omitempty"`
	Zone     string `json:"zone,omitempty"`
	Spot     bool   `json:"spot,omitempty"`
}

func (p place) String() string {
	s := p.kind()
	if p.Zone != "" {
		s += " in " + p.Zone
	}
	return s
}

// kind is the place without its zone.
func (p place) kind() string {
	words := []string{p.Provider}
	if p.Type != "" {
		words = append(words, p.Type)
	}
	if p.Spot {
		words = append(words, "spot")
	}
	return strings.Join(words, " ")
}

// outcomes add to decisions what came of their actions, in as few writes as
// there are while answers come in side by side. The zero value is ready.
type outcomes struct {
	mutex   sync.Mutex
	waiting map[string][]result // by decision
	busy    map[string]bool
}

// note adds an outcome, which replaces what is known of the same action of the
// same node. When it returns the outcome is stored, or soon will be by who is at
// it. What could not be stored is tried again with the next.
func (o *outcomes) note(decision string, news result, store func(change func(*statestore.Decision) error) error) error {
	if !o.add(decision, news) {
		return nil
	}
	for {
		some := o.take(decision)
		if len(some) == 0 {
			return nil
		}
		if err := store(func(d *statestore.Decision) error { return amend(d, some) }); err != nil {
			o.putBack(decision, some)
			return err
		}
	}
}

// add says whether the caller is to store what waits.
func (o *outcomes) add(decision string, news result) bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.waiting == nil {
		o.waiting, o.busy = map[string][]result{}, map[string]bool{}
	}
	o.waiting[decision] = append(o.waiting[decision], news)
	idle := !o.busy[decision]
	o.busy[decision] = true
	return idle
}

// take returns what waits; with nothing the caller is done.
func (o *outcomes) take(decision string) []result {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	some := o.waiting[decision]
	delete(o.waiting, decision)
	if len(some) == 0 {
		delete(o.busy, decision)
	}
	return some
}

func (o *outcomes) putBack(decision string, some []result) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.waiting[decision] = append(some, o.waiting[decision]...)
	delete(o.busy, decision)
}

// amend puts outcomes into a decision's result, and what they tell of launches
// behind the plan's reasons.
func amend(d *statestore.Decision, news []result) error {
	var results []result
	var plan struct {
		Reasons []policy.Reason `json:"reasons"`
	}
	if len(d.Result) > 0 {
		if err := json.Unmarshal(d.Result, &results); err != nil {
			return fmt.Errorf("decision's result: %w", err)
		}
	}
	if err := json.Unmarshal(d.Plan, &plan); err != nil {
		return fmt.Errorf("decision's plan: %w", err)
	}
	for _, n := range news {
		i := slices.IndexFunc(results, func(x result) bool { return x.Action == n.Action && x.Node == n.Node })
		if i < 0 {
			i, results = len(results), append(results, result{})
		}
		results[i] = n
	}
	var err error
	if d.Result, err = json.Marshal(results); err != nil {
		return fmt.Errorf("decision's result: %w", err)
	}
	if d.Reasons, err = json.Marshal(append(plan.Reasons, launchReasons(results)...)); err != nil {
		return fmt.Errorf("decision's reasons: %w", err)
	}
	return nil
}

// launchReasons tell of launches that did not go where they were wanted first:
// one for all nodes that were refused the same and are of the same kind.
func launchReasons(results []result) []policy.Reason {
	type group struct {
		result
		nodes int
		zones []string
	}
	var order []string
	groups := map[string]*group{}
	for _, x := range results {
		if x.Action != policy.ActionLaunch || len(x.PassedOver) == 0 && x.Error == "" {
			continue
		}
		key := strings.Join(x.PassedOver, "\x00") + "\x00"
		switch {
		case x.At != nil:
			key += x.At.kind()
		case len(x.PassedOver) == 0:
			key += x.Error
		}
		g := groups[key]
		if g == nil {
			g = &group{result: x}
			groups[key], order = g, append(order, key)
		}
		g.nodes++
		if x.At != nil && x.At.Zone != "" && !slices.Contains(g.zones, x.At.Zone) {
			g.zones = append(g.zones, x.At.Zone)
		}
	}
	var reasons []policy.Reason
	for _, key := range order {
		g := groups[key]
		r := policy.Reason{Code: policy.CodePassedOver, Values: map[string]float64{"nodes": float64(g.nodes)}}
		why := few(g.PassedOver)
		if len(g.PassedOver) == 0 {
			why = g.Error
		}
		nodes := ""
		if g.nodes > 1 {
			nodes = fmt.Sprintf("%d nodes ", g.nodes)
		}
		if g.At == nil {
			r.Code, r.Text = policy.CodeLaunchRefused, why+"; "+nodes+"not launched"
		} else {
			slices.Sort(g.zones)
			r.Text = why + "; " + nodes + "launched at " + place{g.At.Provider, g.At.Type, strings.Join(g.zones, ", "), g.At.Spot}.String()
		}
		reasons = append(reasons, r)
	}
	return reasons
}

// refusalsTold bounds what one text lists.
const refusalsTold = 6

// few joins what was refused, the first of it.
func few(passed []string) string {
	more := ""
	if n := len(passed) - refusalsTold; n > 0 {
		passed, more = passed[:refusalsTold], fmt.Sprintf("; and %d more", n)
	}
	return strings.Join(passed, "; ") + more
}

// refusalsOf tells what an offering's launch was refused by its error.
func refusalsOf(offering string, err error) []string {
	if refused := provisioner.Refused(err); len(refused) > 0 {
		return refusals(offering, refused)
	}
	r := provisioner.Refusal{Class: provisioner.ClassOf(err), Text: err.Error()}
	var failure *provisioner.Error
	if errors.As(err, &failure) {
		r.Text = ""
		if failure.Err != nil {
			r.Text = failure.Err.Error()
		}
	}
	return []string{offering + ": " + r.String()}
}

// tellOutcome adds what became of a node's launch to the decision that asked for
// it, where that is known. The node's own time line says it in any case.
func (r *Reconciler) tellOutcome(ctx context.Context, l launching, x result) {
	decision := l.memory.decisionOf(l.node.ID)
	if decision == "" {
		return
	}
	x.Action = policy.ActionLaunch
	if err := r.amendDecision(ctx, l.term, decision, x); err != nil {
		r.log.Warn("a decision does not tell what came of it", "decision", decision, "node", l.node.Name, "err", err)
		return
	}
	r.config.Changed(l.node.ClusterID, "decisions")
}

func (r *Reconciler) amendDecision(ctx context.Context, term statestore.Term, decision string, x result) error {
	return r.outcomes.note(decision, x, func(change func(*statestore.Decision) error) error {
		return r.config.Store.AmendDecision(ctx, term, decision, change)
	})
}
