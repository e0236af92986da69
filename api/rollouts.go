package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// Rollout is the replacement of a cluster's nodes by nodes of another version of its template, one after the other.
type Rollout struct {
	ID             string     `json:"id"`
	Cluster        Ref        `json:"cluster"`
	State          string     `json:"state" enum:"rolling,paused,done,rolled_back,aborted,superseded" doc:"rolled_back: its new nodes came to nothing, and the version before is launched again; superseded: the template changed meanwhile, and another rollout goes on."`
	From           TemplateAt `json:"from" doc:"What most of the nodes were made from, and what a rollback goes back to. Version 0: not known yet."`
	To             TemplateAt `json:"to"`
	Surge          int        `json:"surge" doc:"Nodes more than wanted that there may be meanwhile."`
	SurgePercent   int        `json:"surge_percent" doc:"The same as a share of those wanted, rounded up; the larger counts."`
	MaxUnavailable int        `json:"max_unavailable" doc:"Nodes fewer than wanted that may serve meanwhile."`
	MaxFailures    int        `json:"max_failures" doc:"So many new nodes that came to nothing roll it back; a tenth of those that serve if that is more."`
	Total          int        `json:"total" doc:"Nodes to replace."`
	Replaced       int        `json:"replaced" doc:"Of these, nodes that are gone."`
	Failures       int        `json:"failures" doc:"New nodes that came to nothing."`
	Doing          string     `json:"doing,omitempty" doc:"What it does or waits for, by the last decision."`
	Reason         string     `json:"reason,omitempty" doc:"Why it is in its state."`
	Author         string     `json:"author,omitempty" doc:"Who started it; policy: by itself."`
	StartedAt      time.Time  `json:"started_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	EndedAt        *time.Time `json:"ended_at,omitempty"`
}

// TemplateAt names a version of a template.
type TemplateAt struct {
	Template Ref   `json:"template"`
	Version  int64 `json:"version"`
}

// RolloutStart says how a rollout goes; what is left out is as the cluster's policy says.
type RolloutStart struct {
	Surge          *int `json:"surge,omitempty" minimum:"0" maximum:"100000" doc:"Nodes more than wanted that there may be meanwhile. With surge alone surge_percent is 0, and the other way round."`
	SurgePercent   *int `json:"surge_percent,omitempty" minimum:"0" maximum:"100"`
	MaxUnavailable *int `json:"max_unavailable,omitempty" minimum:"0" maximum:"100000"`
	MaxFailures    *int `json:"max_failures,omitempty" minimum:"1" maximum:"100000"`
}

type rolloutStartIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Body    RolloutStart
}

type rolloutsIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Paging
}

func (s *Server) rolloutRoutes() {
	const tag, path = "Rollouts", "/clusters/{cluster}/rollout"
	notFound, edit := []int{http.StatusNotFound}, []int{http.StatusNotFound, http.StatusConflict}
	register(s, operation{id: "list-rollouts", method: get, path: path + "s", tag: tag, role: RoleViewer,
		summary: "List a cluster's rollouts, newest first", errors: notFound}, s.listRollouts)
	register(s, operation{id: "get-rollout", method: get, path: path, tag: tag, role: RoleViewer,
		summary: "Get the rollout under way, or the last one", errors: notFound}, s.getRollout)
	register(s, operation{id: "start-rollout", method: post, path: path, tag: tag, role: RoleOperator, status: http.StatusCreated,
		summary: "Replace the nodes that differ from what would be launched now, one after the other, without touching a running transfer",
		errors:  edit}, s.startRollout)
	register(s, operation{id: "pause-rollout", method: post, path: path + "/pause", tag: tag, role: RoleOperator,
		summary: "Hold the rollout: nothing is launched or drained for it", errors: edit}, s.steerRollout(statestore.RolloutPaused, "pause"))
	register(s, operation{id: "resume-rollout", method: post, path: path + "/resume", tag: tag, role: RoleOperator,
		summary: "Let the rollout go on", errors: edit}, s.steerRollout(statestore.RolloutRolling, "resume"))
	register(s, operation{id: "abort-rollout", method: post, path: path + "/abort", tag: tag, role: RoleOperator,
		summary: "Give the rollout up: new nodes that do not serve yet are ended, nothing more is drained, and the version before is launched again",
		errors:  edit}, s.steerRollout(statestore.RolloutAborted, "abort"))
}

func (p *picture) rolloutView(r statestore.Rollout) Rollout {
	of := func(template string, version int64) TemplateAt {
		name := template
		if t, ok := p.templates[template]; ok {
			name = t.Name
		}
		return TemplateAt{Template: Ref{ID: template, Name: name}, Version: version}
	}
	return Rollout{
		ID: r.ID, Cluster: p.clusterRef(r.ClusterID), State: string(r.State), From: of(r.FromTemplate, r.FromVersion), To: of(r.ToTemplate, r.ToVersion),
		Surge: r.Surge, SurgePercent: r.SurgePercent, MaxUnavailable: r.MaxUnavailable, MaxFailures: r.MaxFailures,
		Total: r.Total, Replaced: max(r.Total-r.Remaining, 0), Failures: r.Failures, Doing: r.Doing, Reason: r.Reason, Author: r.Author,
		StartedAt: r.StartedAt, UpdatedAt: r.UpdatedAt, EndedAt: r.EndedAt,
	}
}

func (s *Server) listRollouts(ctx context.Context, in *rolloutsIn) (*body[Page[Rollout]], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Rollouts.List(ctx, c.ID, in.page())
	return paged(l, err, s.flock.current().rolloutView)
}

func (s *Server) getRollout(ctx context.Context, in *clusterIn) (*body[Rollout], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	r, err := newestRollout(ctx, s.store.Tables, c)
	if err != nil {
		return nil, err
	}
	return ok(s.flock.current().rolloutView(r)), nil
}

func newestRollout(ctx context.Context, t *statestore.Tables, c statestore.Cluster) (statestore.Rollout, error) {
	r, err := t.Rollouts.Newest(ctx, c.ID)
	if errors.Is(err, statestore.ErrNotFound) {
		err = newProblem(http.StatusNotFound, "", fmt.Sprintf("cluster %s has had no rollout; godwit rollout start %s begins one", c.Name, c.Name))
	}
	return r, err
}

func (s *Server) startRollout(ctx context.Context, in *rolloutStartIn) (*body[Rollout], error) {
	var row statestore.Rollout
	err := s.change(ctx, "start", "rollout", func(tx *statestore.Tables, a *trail) error {
		c, err := findCluster(ctx, tx, in.Cluster)
		if err != nil {
			return err
		}
		if deleting(c) {
			return conflict("cluster %s is being deleted", c.Name)
		}
		if old, err := tx.Rollouts.Newest(ctx, c.ID); err == nil && old.State.UnderWay() {
			return conflict("a rollout of cluster %s is under way (%s): it goes on to the newest version of the template by itself", c.Name, old.State)
		}
		p, err := rolloutPolicy(ctx, tx, c, in.Body)
		if err != nil {
			return err
		}
		t, err := tx.Templates.Get(ctx, c.TemplateID)
		if err != nil {
			return err
		}
		row, err = tx.Rollouts.Start(ctx, statestore.Rollout{
			ClusterID: c.ID, State: statestore.RolloutRolling, Surge: p.Surge, SurgePercent: p.SurgePercent, MaxUnavailable: p.MaxUnavailable,
			MaxFailures: p.MaxFailures, ToTemplate: t.ID, ToVersion: t.Version, Author: a.by.actor(),
		})
		a.id, a.after = row.ID, map[string]any{"cluster": c.Name, "template": t.Name, "version": t.Version, "surge": p.Surge,
			"surge_percent": p.SurgePercent, "max_unavailable": p.MaxUnavailable, "max_failures": p.MaxFailures}
		return err
	})
	if errors.Is(err, statestore.ErrConflict) {
		err = conflict("a rollout of this cluster began at the same time")
	}
	if err != nil {
		return nil, err
	}
	s.Changed()
	return ok(s.flock.current().rolloutView(row)), nil
}

// rolloutPolicy is how a rollout goes: as the policy says, but for what its start says.
func rolloutPolicy(ctx context.Context, tx *statestore.Tables, c statestore.Cluster, start RolloutStart) (policy.RolloutPolicy, error) {
	v, err := tx.Policies.Current(ctx, c.ID)
	if err != nil {
		return policy.RolloutPolicy{}, err
	}
	p, err := policy.Parse(v.Policy)
	if err != nil {
		return policy.RolloutPolicy{}, err
	}
	if start.Surge != nil || start.SurgePercent != nil {
		p.Rollout.Surge, p.Rollout.SurgePercent = 0, 0
	}
	for _, x := range []struct {
		given *int
		field *int
	}{
		{start.Surge, &p.Rollout.Surge}, {start.SurgePercent, &p.Rollout.SurgePercent},
		{start.MaxUnavailable, &p.Rollout.MaxUnavailable}, {start.MaxFailures, &p.Rollout.MaxFailures},
	} {
		if x.given != nil {
			*x.field = *x.given
		}
	}
	if p.Rollout.Surge == 0 && p.Rollout.SurgePercent == 0 && p.Rollout.MaxUnavailable == 0 {
		return p.Rollout, invalid("body.surge", "is 0 as are surge_percent and max_unavailable: no node could ever be replaced")
	}
	return p.Rollout, nil
}

// steerRollout makes the operation that moves the rollout under way to a state.
func (s *Server) steerRollout(to statestore.RolloutState, verb string) func(context.Context, *clusterIn) (*body[Rollout], error) {
	return func(ctx context.Context, in *clusterIn) (*body[Rollout], error) {
		var row statestore.Rollout
		err := s.change(ctx, verb, "rollout", func(tx *statestore.Tables, a *trail) error {
			c, err := findCluster(ctx, tx, in.Cluster)
			if err != nil {
				return err
			}
			if row, err = newestRollout(ctx, tx, c); err != nil {
				return err
			}
			if !row.State.UnderWay() {
				return conflict("no rollout of cluster %s is under way: the last one is %s", c.Name, row.State)
			}
			why := ""
			if to != statestore.RolloutRolling {
				why = verb + " by " + a.by.actor()
			}
			a.id, a.before, a.after = row.ID, map[string]any{"state": row.State}, map[string]any{"state": to}
			if _, err := tx.Rollouts.Steer(ctx, row.ID, to, why); err != nil {
				return err
			}
			row, err = tx.Rollouts.Newest(ctx, c.ID)
			return err
		})
		if errors.Is(err, statestore.ErrState) {
			err = conflict("the rollout has ended meanwhile")
		}
		if err != nil {
			return nil, err
		}
		s.Changed()
		return ok(s.flock.current().rolloutView(row)), nil
	}
}
