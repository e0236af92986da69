package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/whatif"
	"github.com/godwit/godwit/statestore"
)

const (
	// whatIfSpan is how far back a what-if looks when nobody says.
	whatIfSpan = 7 * 24 * time.Hour
	// whatIfMost is the most of recorded load that one run plays: a month and what retention keeps beyond.
	whatIfMost = 35 * 24 * time.Hour
	// whatIfPoints is the length of the series: a chart has no more pixels.
	whatIfPoints = 500
)

type whatIfIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Body    WhatIfRequest
}

// WhatIfRequest asks what a policy would have done on recorded load.
type WhatIfRequest struct {
	Policy       *PolicyChange `json:"policy,omitempty" doc:"Fields that would be otherwise; left out ones are those in force."`
	From         *time.Time    `json:"from,omitempty" doc:"Left out, seven days before to."`
	To           *time.Time    `json:"to,omitempty" doc:"Left out, now."`
	PricePerHour *float64      `json:"price_per_hour,omitempty" minimum:"0" maximum:"100000" doc:"Of one node, in any currency: gives the results a cost."`
}

// WhatIf compares what happened with what the policy in force and another one would have done.
type WhatIf struct {
	From     time.Time     `json:"from" doc:"Of the load that was recorded and played."`
	To       time.Time     `json:"to"`
	Coverage float64       `json:"coverage" doc:"Share of the time that was recorded, 0 to 1."`
	Recorded WhatIfResult  `json:"recorded" doc:"What really happened."`
	Current  WhatIfResult  `json:"current" doc:"Under the policy in force, played by the same model as the other."`
	Proposed WhatIfResult  `json:"proposed"`
	Changes  []FieldChange `json:"changes" doc:"Where the policies differ."`
	Series   []WhatIfPoint `json:"series"`
	Text     string        `json:"text" doc:"How proposed compares with current, in words, and the notes."`
	Notes    []string      `json:"notes" doc:"What to know of the numbers, such as how far a forecast could be learned."`
}

// WhatIfResult sums up one run.
type WhatIfResult struct {
	NodeHours      float64  `json:"node_hours" doc:"Of instances from their request to their end."`
	WarmHours      float64  `json:"warm_hours" doc:"Of stopped nodes."`
	Cost           *float64 `json:"cost,omitempty" doc:"Where a price was given."`
	Launches       int      `json:"launches"`
	Starts         int      `json:"starts" doc:"Of stopped nodes."`
	Drains         int      `json:"drains"`
	Refusals       int      `json:"refusals" doc:"Clients that found no node within a minute."`
	SessionSeconds float64  `json:"session_seconds"`
	UnderSeconds   float64  `json:"under_seconds" doc:"Part of it in which clients waited or got less than the policy's session_rate_mbps."`
	PeakNodes      int      `json:"peak_nodes"`
}

// WhatIfPoint is the most of each within one part of the time.
type WhatIfPoint struct {
	At            time.Time `json:"at"`
	DemandNodes   float64   `json:"demand_nodes" doc:"Promised demand, in nodes' worth."`
	RecordedNodes int       `json:"recorded_nodes"`
	CurrentNodes  int       `json:"current_nodes"`
	ProposedNodes int       `json:"proposed_nodes"`
}

func (s *Server) whatIf(ctx context.Context, in *whatIfIn) (*body[WhatIf], error) {
	c, v, err := s.policyOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	from, to, err := whatIfTimes(in.Body, s.now())
	if err != nil {
		return nil, err
	}
	current, proposed, err := whatIfPolicies(v, in.Body.Policy)
	if err != nil {
		return nil, err
	}
	recording, options, err := s.config.Clusters.Recording(ctx, c.ID, from, to)
	if err != nil {
		return nil, err
	}
	if len(recording) < 2 {
		return nil, conflict("no load of %s is recorded from %s to %s; it is recorded while a manager leads, so ask for a later time",
			c.Name, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	// A run keeps a core busy for seconds: one after the other.
	select {
	case s.playing <- struct{}{}:
		defer func() { <-s.playing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	options.Points, options.PricePerHour = whatIfPoints, in.Body.PricePerHour
	return s.play(ctx, recording, options, current, proposed)
}

// whatIfTimes is the time that is asked for.
func whatIfTimes(r WhatIfRequest, now time.Time) (from, to time.Time, err error) {
	to = now
	if r.To != nil {
		to = *r.To
	}
	from = to.Add(-whatIfSpan)
	if r.From != nil {
		from = *r.From
	}
	switch {
	case !from.Before(to):
		return from, to, invalid("body.from", "is not before to")
	case to.Sub(from) > whatIfMost:
		return from, to, invalid("body.from", "is more than %d days before to", int(whatIfMost.Hours()/24))
	}
	return from, to, nil
}

func whatIfPolicies(v statestore.PolicyVersion, change *PolicyChange) (current, proposed policy.Policy, err error) {
	if current, err = policy.Parse(v.Policy); err != nil {
		return current, proposed, conflict("the policy in force is not accepted by this release: %s", err.Error())
	}
	if change == nil {
		return current, current, nil
	}
	if proposed, err = amend(v.Policy, *change); err != nil {
		return current, proposed, under("policy", err)
	}
	return current, proposed, nil
}

func (s *Server) play(ctx context.Context, recording whatif.Recording, o whatif.Options, current, proposed policy.Policy) (*body[WhatIf], error) {
	o.ServiceMbps = current.SessionRateMbps // both by one measure
	was := whatif.Recorded(recording, o)
	now, err := whatif.Run(ctx, recording, current, o)
	if err != nil {
		return nil, fmt.Errorf("what-if: %w", err)
	}
	then, err := whatif.Run(ctx, recording, proposed, o)
	if err != nil {
		return nil, fmt.Errorf("what-if: %w", err)
	}
	out := WhatIf{Recorded: whatIfResult(was), Current: whatIfResult(now), Proposed: whatIfResult(then), Series: whatIfSeries(was, now, then)}
	out.From, out.To, out.Coverage = recording.Span()
	before, err := asJSON(current)
	if err != nil {
		return nil, err
	}
	after, err := asJSON(proposed)
	if err != nil {
		return nil, err
	}
	if out.Changes, err = fieldChanges(before, after); err != nil {
		return nil, err
	}
	out.Notes = append([]string{}, then.Notes...)
	out.Text = strings.Join(append([]string{whatIfText(out.Current, out.Proposed)}, then.Notes...), "; ")
	return ok(out), nil
}

func whatIfResult(r whatif.Result) WhatIfResult {
	return WhatIfResult{
		NodeHours: r.NodeHours, WarmHours: r.WarmHours, Cost: r.Cost, Launches: r.Launches, Starts: r.Starts, Drains: r.Drains,
		Refusals: r.Refusals, SessionSeconds: r.SessionSeconds, UnderSeconds: r.UnderSeconds, PeakNodes: r.PeakNodes,
	}
}

// whatIfSeries puts the runs side by side; they are thinned alike, since they are of the same recording.
func whatIfSeries(was, now, then whatif.Result) []WhatIfPoint {
	out := make([]WhatIfPoint, 0, len(was.Series))
	for i, p := range was.Series {
		point := WhatIfPoint{At: p.At, DemandNodes: p.Demand, RecordedNodes: p.Nodes}
		if i < len(now.Series) {
			point.CurrentNodes = now.Series[i].Nodes
		}
		if i < len(then.Series) {
			point.ProposedNodes = then.Series[i].Nodes
		}
		out = append(out, point)
	}
	return out
}

// whatIfText says what an operator weighs: what it costs and who would notice.
func whatIfText(now, then WhatIfResult) string {
	parts := []string{fmt.Sprintf("%.1f node-hours instead of %.1f (%s)", then.NodeHours, now.NodeHours, relative(now.NodeHours, then.NodeHours))}
	if now.Cost != nil && then.Cost != nil {
		parts = append(parts, fmt.Sprintf("cost %.2f instead of %.2f", *then.Cost, *now.Cost))
	}
	parts = append(parts,
		fmt.Sprintf("%s instead of %d refused", counted(then.Refusals, "client"), now.Refusals),
		fmt.Sprintf("%.2f %% of session time under the service level instead of %.2f %%", share(then), share(now)))
	return strings.Join(parts, "; ")
}

func relative(now, then float64) string {
	if now == 0 || math.Abs(then/now-1) < 0.0005 {
		return "the same"
	}
	return fmt.Sprintf("%+.1f %%", (then/now-1)*100)
}

func share(r WhatIfResult) float64 {
	if r.SessionSeconds == 0 {
		return 0
	}
	return r.UnderSeconds / r.SessionSeconds * 100
}

func (s *Server) foresightRoutes() {
	const tag = "Policies"
	register(s, operation{id: "what-if", method: post, path: "/clusters/{cluster}/policy/what-if", tag: tag, role: RoleViewer, pure: true,
		summary: "What would a policy have done on the load that was recorded? Nothing is changed",
		errors:  []int{http.StatusNotFound, http.StatusConflict}}, s.whatIf)
	register(s, operation{id: "get-forecast", method: get, path: "/clusters/{cluster}/forecast", tag: tag, role: RoleViewer,
		summary: "What the past says of the coming day, and how far it has come true", errors: []int{http.StatusNotFound}}, s.getForecast)
}
