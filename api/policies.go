package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

func policyView(v statestore.PolicyVersion) PolicyVersion {
	out := PolicyVersion{Version: v.Version, Author: v.Author, CreatedAt: v.CreatedAt}
	// A stored version that this program would no longer accept is still shown as far as it can be read.
	_ = json.Unmarshal(v.Policy, &out.Policy)
	if out.Policy.Schedules == nil {
		out.Policy.Schedules = []policy.Schedule{}
	}
	return out
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// version reads an If-Match that etag made.
func version(ifMatch string) (int64, error) {
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(ifMatch, "W/"), `"`), 10, 64)
	if err != nil || n < 0 {
		return 0, invalid("header.If-Match", "is not an ETag that this resource gave")
	}
	return n, nil
}

// policyOf is a cluster with its policy in force.
func (s *Server) policyOf(ctx context.Context, cluster string) (c statestore.Cluster, v statestore.PolicyVersion, err error) {
	if c, err = findCluster(ctx, s.store.Tables, cluster); err == nil {
		v, err = s.store.Policies.Current(ctx, c.ID)
	}
	return c, v, err
}

// parsedPolicyOf is the same for those who reckon with it.
func (s *Server) parsedPolicyOf(ctx context.Context, cluster string) (c statestore.Cluster, p policy.Policy, err error) {
	c, v, err := s.policyOf(ctx, cluster)
	if err != nil {
		return c, p, err
	}
	if p, err = policy.Parse(v.Policy); err != nil {
		return c, p, conflict("the policy of %s is not accepted by this release: %s", c.Name, err.Error())
	}
	return c, p, nil
}

func (s *Server) getPolicy(ctx context.Context, in *clusterIn) (*tagged[PolicyVersion], error) {
	_, v, err := s.policyOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	return &tagged[PolicyVersion]{ETag: etag(v.Version), Body: policyView(v)}, nil
}

func (s *Server) putPolicy(ctx context.Context, in *policyPutIn) (*tagged[PolicyVersion], error) {
	return s.writePolicy(ctx, in.edit(), func(context.Context, *statestore.Tables, statestore.Cluster, statestore.PolicyVersion) (policy.Policy, error) {
		return policy.Parse(in.Body)
	})
}

func (s *Server) patchPolicy(ctx context.Context, in *policyPutIn) (*tagged[PolicyVersion], error) {
	return s.writePolicy(ctx, in.edit(), func(_ context.Context, _ *statestore.Tables, _ statestore.Cluster, v statestore.PolicyVersion) (policy.Policy, error) {
		return amend(v.Policy, in.Body)
	})
}

// policyEdit is who changes which policy, from which version.
type policyEdit struct{ cluster, ifMatch, action string }

func (in *policyPutIn) edit() policyEdit {
	return policyEdit{cluster: in.Cluster, ifMatch: in.IfMatch, action: "update"}
}

// nextPolicy makes the policy that follows the one in force.
type nextPolicy func(context.Context, *statestore.Tables, statestore.Cluster, statestore.PolicyVersion) (policy.Policy, error)

func (s *Server) writePolicy(ctx context.Context, e policyEdit, next nextPolicy) (*tagged[PolicyVersion], error) {
	base, err := version(e.ifMatch)
	if err != nil {
		return nil, err
	}
	var v statestore.PolicyVersion
	err = s.change(ctx, e.action, "policy", func(tx *statestore.Tables, a *trail) error {
		c, err := findCluster(ctx, tx, e.cluster)
		if err != nil {
			return err
		}
		if deleting(c) {
			return conflict("cluster %s is being deleted", c.Name)
		}
		old, err := tx.Policies.Current(ctx, c.ID)
		if err != nil {
			return err
		}
		a.id, a.base = c.ID, base
		if old.Version != base {
			return stalePolicy(ctx, tx, c, old, base)
		}
		p, err := next(ctx, tx, c, old)
		if err != nil {
			return policyError(err)
		}
		doc, err := json.Marshal(p)
		if err != nil {
			return err
		}
		v, err = tx.Policies.Put(ctx, c.ID, base, doc, a.by.actor())
		a.version, a.before, a.after = v.Version, old.Policy, p
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return &tagged[PolicyVersion]{ETag: etag(v.Version), Body: policyView(v)}, nil
}

// policyError keeps faults of fields as they are; other refusals of the document become one of the body.
func policyError(err error) error {
	var faults policy.FieldErrors
	var refusal *Problem
	if errors.As(err, &faults) || errors.As(err, &refusal) {
		return err
	}
	return invalid("body", "%s", err.Error())
}

// amend applies a change to a stored policy: objects field by field, everything else as a whole.
func amend(stored, change []byte) (policy.Policy, error) {
	var base, over map[string]any
	if err := json.Unmarshal(stored, &base); err != nil {
		return policy.Policy{}, fmt.Errorf("stored policy: %w", err)
	}
	if err := json.Unmarshal(change, &over); err != nil {
		return policy.Policy{}, err
	}
	doc, err := json.Marshal(merge(base, over))
	if err != nil {
		return policy.Policy{}, err
	}
	return policy.Parse(doc)
}

func merge(base, over map[string]any) map[string]any {
	for k, v := range over {
		inner, isObject := v.(map[string]any)
		old, wasObject := base[k].(map[string]any)
		if isObject && wasObject {
			v = merge(old, inner)
		}
		base[k] = v
	}
	return base
}

func (s *Server) previewPolicy(ctx context.Context, in *policyPreviewIn) (*body[PolicyPreview], error) {
	c, v, err := s.policyOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	p, err := amend(v.Policy, in.Body)
	if in.Whole {
		p, err = policy.Parse(in.Body)
	}
	if err != nil {
		return nil, policyError(err)
	}
	plan, err := s.config.Clusters.Preview(ctx, c.ID, p)
	if err != nil {
		return nil, err
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	changes, err := policyChanges(v.Policy, doc)
	if err != nil {
		return nil, err
	}
	return ok(PolicyPreview{
		Changes: changes, Plan: filled(plan), Reasons: filled(plan).Reasons,
		Warnings: policyWarnings(p, c, s.now()), Schedule: policy.Occurrences(p, s.now(), scheduleDays),
	}), nil
}

// filled gives a plan lists where it has none: the document promises them.
func filled(p Plan) Plan {
	if p.Actions == nil {
		p.Actions = []policy.Action{}
	}
	if p.Reasons == nil {
		p.Reasons = []policy.Reason{}
	}
	if p.Pools == nil {
		p.Pools = []policy.Assignment{}
	}
	return p
}

func (s *Server) listPolicyVersions(ctx context.Context, in *policyVersionsIn) (*body[Page[PolicyVersion]], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Policies.List(ctx, c.ID, in.page())
	return paged(l, err, policyView)
}

func (s *Server) getPolicyVersion(ctx context.Context, in *policyVersionIn) (*body[PolicyVersion], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	v, err := policyAt(ctx, s.store.Tables, c, in.Version)
	if err != nil {
		return nil, err
	}
	return ok(policyView(v)), nil
}
