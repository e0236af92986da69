package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

type whyNotIn struct {
	Cluster string    `query:"cluster" required:"true" minLength:"1" maxLength:"64" doc:"Id or name."`
	Action  string    `query:"action" required:"true" enum:"launch,start,drain,undrain,terminate,stop,move" doc:"What was not done."`
	At      time.Time `query:"at" doc:"When; left out, now."`
}

// WhyNot says why something was not done.
type WhyNot struct {
	Action   string   `json:"action"`
	Text     string   `json:"text" doc:"The answer in one sentence." example:"studio: launch was held back: max 10 reached (10 exist): 2 more wanted"`
	Done     bool     `json:"done" doc:"It was done after all."`
	HeldBack []Reason `json:"held_back" doc:"What held it back although it was wanted."`
	Unneeded []Reason `json:"unneeded" doc:"Why it was not wanted."`
	Decision Decision `json:"decision" doc:"The decision that was in force."`
}

func (s *Server) whyNot(ctx context.Context, in *whyNotIn) (*body[WhyNot], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	at := in.At
	if at.IsZero() {
		at = s.now()
	}
	d, err := s.store.Decisions.At(ctx, c.ID, at)
	if errors.Is(err, statestore.ErrNotFound) {
		return nil, newProblem(http.StatusNotFound, "", fmt.Sprintf(
			"nothing had been decided for %s at %s, or it is no longer kept", c.Name, at.UTC().Format(time.RFC3339)))
	}
	if err != nil {
		return nil, err
	}
	view := s.flock.current().decisionInList(d)
	answer := policy.Plan{Actions: view.Plan.Actions, Reasons: view.Reasons}.WhyNot(policy.ActionKind(in.Action))
	out := WhyNot{
		Action: in.Action, Done: len(answer.Done) > 0, Decision: view,
		HeldBack: append([]Reason{}, answer.Held...), Unneeded: append([]Reason{}, answer.Unneeded...),
	}
	out.Text = whyText(c.Name, in.Action, out, view)
	return ok(out), nil
}

// whyText takes what held it back, else why it was not wanted, else all that was said.
func whyText(cluster, action string, w WhyNot, d Decision) string {
	if w.Done {
		return fmt.Sprintf("%s: %s was decided at %s: %s", cluster, action, d.At.UTC().Format(time.RFC3339), d.Summary)
	}
	because, verb := w.HeldBack, "was held back"
	if len(because) == 0 {
		because, verb = w.Unneeded, "was not needed"
	}
	if len(because) == 0 {
		because, verb = d.Reasons, "was not asked for"
	}
	texts := make([]string, len(because))
	for i, r := range because {
		texts[i] = r.Text
	}
	return fmt.Sprintf("%s: %s %s: %s", cluster, action, verb, strings.Join(texts, "; "))
}

type replayIn struct {
	ID   string `path:"decision" maxLength:"64"`
	Body ReplayRequest
}

// ReplayRequest asks what would have been decided.
type ReplayRequest struct {
	Policy *PolicyChange `json:"policy,omitempty" doc:"Fields that were otherwise; left out ones are those of the decision's policy. Without it the decision is made again as it was."`
}

// Replay is a decision made again from the state that was stored with it.
type Replay struct {
	Identical   bool     `json:"identical" doc:"The plan is the same to the last byte."`
	Differences []string `json:"differences" doc:"In words, from the stored plan to this one."`
	Text        string   `json:"text"`
	Plan        Plan     `json:"plan"`
	Policy      Policy   `json:"policy" doc:"What it was made with."`
}

func (s *Server) replayDecision(ctx context.Context, in *replayIn) (*body[Replay], error) {
	d, err := s.decision(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if len(d.Snapshot) == 0 {
		return nil, conflict("decision %s was stored without the state that it was made from, which another one holds; it cannot be made again", d.ID)
	}
	var snapshot policy.Snapshot
	if err := json.Unmarshal(d.Snapshot, &snapshot); err != nil {
		return nil, conflict("the state of decision %s is not readable by this release; it cannot be made again", d.ID)
	}
	v, err := s.store.Policies.Get(ctx, d.ClusterID, d.PolicyVersion)
	if err != nil {
		return nil, err
	}
	change := []byte("{}")
	if in.Body.Policy != nil {
		change = *in.Body.Policy
	}
	p, err := amend(v.Policy, change)
	if err != nil {
		return nil, under("policy", err)
	}
	plan := policy.Decide(snapshot, p, d.At)
	raw, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("replayed plan: %w", err)
	}
	out := Replay{Identical: string(raw) == string(d.Plan), Plan: filled(plan), Policy: p, Differences: []string{}}
	if !out.Identical {
		var was Plan
		if err := json.Unmarshal(d.Plan, &was); err != nil {
			return nil, conflict("the plan of decision %s is not readable by this release", d.ID)
		}
		out.Differences = policy.Differences(was, plan, namesIn(snapshot))
	}
	out.Text = replayText(out, in.Body.Policy != nil)
	return ok(out), nil
}

// namesIn are what people call the nodes of a snapshot.
func namesIn(s policy.Snapshot) func(string) string {
	names := make(map[string]string, len(s.Nodes))
	for _, n := range s.Nodes {
		names[n.ID] = n.Name
	}
	return func(id string) string {
		if n := names[id]; n != "" {
			return n
		}
		return id
	}
}

func replayText(r Replay, edited bool) string {
	switch {
	case r.Identical && edited:
		return "this policy would have decided the same, to the last byte"
	case r.Identical:
		return "the same state and the same policy gave the same plan, to the last byte"
	case len(r.Differences) == 0:
		return "the same is done and said; only figures in the plan differ"
	}
	return counted(len(r.Differences), "difference") + ": " + strings.Join(r.Differences[:min(3, len(r.Differences))], "; ")
}
