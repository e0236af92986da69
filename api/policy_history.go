package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

type policyRevertIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version in force."`
	Body    RevertRequest
}

// RevertRequest names a version to go back to.
type RevertRequest struct {
	Version int64 `json:"version" minimum:"1" doc:"Its content becomes a new version."`
}

type policyDiffIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	From    int64  `query:"from" minimum:"1" doc:"Left out, the version before to."`
	To      int64  `query:"to" minimum:"1" doc:"Left out, the version in force."`
}

// PolicyDiff is what changed between two versions.
type PolicyDiff struct {
	From    int64         `json:"from"`
	To      int64         `json:"to"`
	Changes []FieldChange `json:"changes"`
}

func (s *Server) revertPolicy(ctx context.Context, in *policyRevertIn) (*tagged[PolicyVersion], error) {
	edit := policyEdit{cluster: in.Cluster, ifMatch: in.IfMatch, action: "revert"}
	return s.writePolicy(ctx, edit, func(ctx context.Context, tx *statestore.Tables, c statestore.Cluster, _ statestore.PolicyVersion) (policy.Policy, error) {
		old, err := policyAt(ctx, tx, c, in.Body.Version)
		if err != nil {
			return policy.Policy{}, err
		}
		p, err := policy.Parse(old.Policy)
		if err != nil {
			return p, conflict("version %d of the policy of %s is not accepted by this release: %s", old.Version, c.Name, err.Error())
		}
		return p, nil
	})
}

// policyAt is one version of a cluster's policy.
func policyAt(ctx context.Context, t *statestore.Tables, c statestore.Cluster, v int64) (statestore.PolicyVersion, error) {
	row, err := t.Policies.Get(ctx, c.ID, v)
	if errors.Is(err, statestore.ErrNotFound) {
		err = noVersion("the policy of", c.Name, v)
	}
	return row, err
}

func (s *Server) diffPolicies(ctx context.Context, in *policyDiffIn) (*body[PolicyDiff], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	out := PolicyDiff{From: in.From, To: in.To, Changes: []FieldChange{}}
	if out.To == 0 {
		out.To = c.PolicyVersion
	}
	if out.From == 0 {
		out.From = max(out.To-1, 1)
	}
	from, err := policyAt(ctx, s.store.Tables, c, out.From)
	if err != nil {
		return nil, err
	}
	to, err := policyAt(ctx, s.store.Tables, c, out.To)
	if err != nil {
		return nil, err
	}
	out.Changes, err = policyChanges(from.Policy, to.Policy)
	return ok(out), err
}

// policyChanges compares policies as they are understood: a field that an older release did not know has its default.
func policyChanges(before, after json.RawMessage) ([]FieldChange, error) {
	return fieldChanges(understood(before), understood(after))
}

func understood(doc json.RawMessage) json.RawMessage {
	p, err := policy.Parse(doc)
	if err != nil {
		return doc
	}
	b, err := json.Marshal(p)
	if err != nil {
		return doc
	}
	return b
}

// stalePolicy refuses a change that was made from an older version, and says what others changed since.
func stalePolicy(ctx context.Context, tx *statestore.Tables, c statestore.Cluster, current statestore.PolicyVersion, base int64) error {
	text := fmt.Sprintf("the policy of %s is at version %d, the change was made from %d", c.Name, current.Version, base)
	if old, err := tx.Policies.Get(ctx, c.ID, base); err == nil && base < current.Version {
		if changes, err := policyChanges(old.Policy, current.Policy); err == nil && len(changes) > 0 {
			names := make([]string, len(changes))
			for i, f := range changes {
				names[i] = f.Field
			}
			text += "; since then changed, last by " + current.Author + ": " + strings.Join(names, ", ")
		}
	}
	return newProblem(http.StatusPreconditionFailed, "", text+". Read it again and repeat the change")
}
