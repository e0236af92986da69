package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

func (p *picture) decisionView(d statestore.Decision) Decision {
	out := Decision{
		ID: d.ID, Cluster: p.clusterRef(d.ClusterID), PolicyVersion: d.PolicyVersion, Kind: string(d.Kind),
		At: d.At, Until: d.Until, Count: d.Count,
	}
	// A row of another version is shown as far as it can be read.
	_ = json.Unmarshal(d.Plan, &out.Plan)
	_ = json.Unmarshal(d.Reasons, &out.Reasons)
	out.Plan = filled(out.Plan)
	if out.Reasons == nil {
		out.Reasons = []Reason{}
	}
	if kinds := actionKinds(out.Plan.Actions); kinds != "" {
		out.Kind = kinds
	}
	out.Summary = summary(out.Plan, out.Reasons)
	return out
}

// inList leaves out what a list of decisions need not repeat for every node.
func (p *picture) decisionInList(d statestore.Decision) Decision {
	out := p.decisionView(d)
	out.Plan.Pools = []policy.Assignment{}
	return out
}

// actionKinds names what a plan does, once each: "drain+launch".
func actionKinds(actions []policy.Action) string {
	var kinds []string
	for _, a := range actions {
		if !slices.Contains(kinds, string(a.Kind)) {
			kinds = append(kinds, string(a.Kind))
		}
	}
	slices.Sort(kinds)
	return strings.Join(kinds, "+")
}

// summary is one line: what is done and why, else why nothing is.
func summary(plan Plan, reasons []Reason) string {
	var texts []string
	for _, a := range plan.Actions {
		if !slices.Contains(texts, a.Reason.Text) && a.Reason.Text != "" {
			texts = append(texts, a.Reason.Text)
		}
	}
	for _, r := range reasons {
		if !slices.Contains(texts, r.Text) {
			texts = append(texts, r.Text)
		}
	}
	return strings.Join(texts, "; ")
}

func (s *Server) listDecisions(ctx context.Context, in *decisionsIn) (*body[Page[Decision]], error) {
	clusterID, err := s.clusterID(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	f := statestore.DecisionFilter{
		ClusterID: clusterID, Kind: statestore.DecisionKind(in.Kind), Code: in.Code, Action: in.Action, Text: in.Text,
		From: in.From, To: in.To,
	}
	if in.Changes {
		f.Kind = statestore.DecisionAct
	}
	l, err := s.store.Decisions.List(ctx, f, in.page())
	return paged(l, err, s.flock.current().decisionInList)
}

func (s *Server) getDecision(ctx context.Context, in *decisionIn) (*body[DecisionDetail], error) {
	d, err := s.decision(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(DecisionDetail{Decision: s.flock.current().decisionView(d), Snapshot: d.Snapshot, Result: d.Result}), nil
}

func (s *Server) decision(ctx context.Context, id string) (statestore.Decision, error) {
	d, err := s.store.Decisions.Get(ctx, id)
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("decision", id)
	}
	return d, err
}
