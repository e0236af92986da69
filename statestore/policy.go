package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// PolicyVersion is one policy that a cluster had or has. Rows never change, so
// that a stored decision finds the policy it was made with.
type PolicyVersion struct {
	ClusterID string
	Version   int64
	Policy    json.RawMessage
	Author    string
	CreatedAt time.Time
}

// Policies are the rows of PolicyVersion.
type Policies struct{ *handle }

const policyColumns = "cluster_id, version, policy, author, created_at"

// Put stores the cluster's next policy version and makes it current. base is
// the version that the author started from: ErrStale when it is no longer the
// current one; a negative base skips the check.
func (p Policies) Put(ctx context.Context, clusterID string, base int64, policy json.RawMessage, author string) (PolicyVersion, error) {
	var out PolicyVersion
	err := p.tx(ctx, func(h *handle) error {
		name := "policy of cluster " + clusterID
		var current int64
		if err := h.q.QueryRow(ctx, `SELECT policy_version FROM clusters WHERE id = $1 FOR NO KEY UPDATE`,
			clusterID).Scan(&current); err != nil {
			return fault(err, name)
		}
		if base >= 0 && base != current {
			return fmt.Errorf("%s: version %d: %w", name, base, ErrStale)
		}
		var err error
		now := h.now()
		out, err = one[PolicyVersion](ctx, h, name,
			`INSERT INTO policy_versions (`+policyColumns+`)
			 SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM policy_versions WHERE cluster_id = $1
			 RETURNING `+policyColumns, clusterID, orObject(policy), author, now)
		if err != nil {
			return err
		}
		return h.touch(ctx, name, `UPDATE clusters SET policy_version = $2, updated_at = $3 WHERE id = $1`,
			clusterID, out.Version, now)
	})
	return out, err
}

// Current returns the cluster's policy; ErrNotFound while it has none.
func (p Policies) Current(ctx context.Context, clusterID string) (PolicyVersion, error) {
	return one[PolicyVersion](ctx, p.handle, "policy of cluster "+clusterID,
		`SELECT v.cluster_id, v.version, v.policy, v.author, v.created_at
		 FROM policy_versions v JOIN clusters c ON c.id = v.cluster_id AND c.policy_version = v.version
		 WHERE c.id = $1`, clusterID)
}

// Get returns one version.
func (p Policies) Get(ctx context.Context, clusterID string, version int64) (PolicyVersion, error) {
	return one[PolicyVersion](ctx, p.handle, fmt.Sprintf("policy %d of cluster %s", version, clusterID),
		`SELECT `+policyColumns+` FROM policy_versions WHERE cluster_id = $1 AND version = $2`, clusterID, version)
}

// List pages through a cluster's versions, newest first.
func (p Policies) List(ctx context.Context, clusterID string, page Page) (List[PolicyVersion], error) {
	below, err := page.below("policies")
	if err != nil {
		return List[PolicyVersion]{}, err
	}
	rows, err := all[PolicyVersion](ctx, p.handle, "policies",
		`SELECT `+policyColumns+` FROM policy_versions WHERE cluster_id = $1 AND version < $2
		 ORDER BY version DESC LIMIT $3`, clusterID, below, page.limit()+1)
	return paged("policies", rows, page.limit(), func(r PolicyVersion) string {
		return strconv.FormatInt(r.Version, 10)
	}), err
}
