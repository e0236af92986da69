package arena

import (
	"fmt"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/eval"
)

// Score is what came of a run.
type Score struct {
	// NodeHours are paid for: launching, running and draining nodes.
	NodeHours float64 `json:"node_hours"`
	// SessionSeconds is what sessions lasted, Under the part of it below their
	// level, Waited the part of that in the queue.
	SessionSeconds float64 `json:"session_seconds"`
	Under          float64 `json:"under_seconds"`
	Waited         float64 `json:"waited_seconds"`
	Refused        int     `json:"refused"`
	Launches       int     `json:"launches"`
	Drains         int     `json:"drains"`
	Peak           int     `json:"peak"`
}

// UnderShare is the part of session time below the level.
func (s Score) UnderShare() float64 { return s.Under / max(s.SessionSeconds, 1) }

// Kept says that the level was kept: at most a thousandth was under it.
func (s Score) Kept() bool { return s.UnderShare() <= 0.001 }

// Scaler decides, step by step.
type Scaler interface {
	// pools closes nodes to new sessions; nil: never.
	pools() *eval.Pools
	decide(w *world, o *eval.Observation) (eval.Decision, error)
}

// Run plays a load against a scaler.
func Run(l *Load, s Scaler, v Variation) (Score, error) {
	w := newWorld(l, v)
	if !v.Unclosed {
		w.pools = s.pools()
	}
	var o eval.Observation
	for steps := l.Days * int(day) / stepS; w.step < steps; {
		w.advance()
		w.observe(&o)
		d, err := s.decide(w, &o)
		if err != nil {
			return Score{}, fmt.Errorf("step %d: %w", w.step, err)
		}
		w.apply(d)
	}
	return w.score, nil
}

// Ours is the policy of this project through the evaluator that outsiders use.
type Ours struct{ evaluator *eval.Evaluator }

// NewOurs takes a policy; nil is the recommended one.
func NewOurs(p *policy.Policy) (*Ours, error) {
	e, err := eval.New(hello(), p)
	if err != nil {
		return nil, err
	}
	return &Ours{e}, nil
}

func (s *Ours) pools() *eval.Pools { return s.evaluator.Greeting().Pools }

func (s *Ours) decide(_ *world, o *eval.Observation) (eval.Decision, error) {
	return s.evaluator.Step(o)
}
