package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// ConfigurationVersion is one node configuration that a cluster had or has.
// Rows never change: what a node lags behind by is told from them.
type ConfigurationVersion struct {
	ClusterID string
	Version   int64
	Config    json.RawMessage
	Author    string
	CreatedAt time.Time
}

// Configurations are the rows of ConfigurationVersion. Every cluster has one
// from its creation on, version 1.
type Configurations struct{ *handle }

const configurationColumns = "cluster_id, version, config, author, created_at"

// Put stores the cluster's next configuration and makes it current. base is
// the version that the author started from: ErrStale when it is no longer the
// current one; a negative base skips the check. A configuration equal to the
// current one is no new version: the current one is returned.
func (c Configurations) Put(ctx context.Context, clusterID string, base int64, config json.RawMessage, author string) (ConfigurationVersion, error) {
	var out ConfigurationVersion
	err := c.tx(ctx, func(h *handle) error {
		name := "configuration of cluster " + clusterID
		var current int64
		var same bool
		if err := h.q.QueryRow(ctx, `SELECT config_version, config = $2::jsonb FROM clusters WHERE id = $1 FOR NO KEY UPDATE`,
			clusterID, orObject(config)).Scan(&current, &same); err != nil {
			return fault(err, name)
		}
		if base >= 0 && base != current {
			return fmt.Errorf("%s: version %d: %w", name, base, ErrStale)
		}
		var err error
		if same {
			out, err = Configurations{h}.Get(ctx, clusterID, current)
			return err
		}
		now := h.now()
		if out, err = one[ConfigurationVersion](ctx, h, name,
			`INSERT INTO configuration_versions (`+configurationColumns+`) VALUES ($1, $2, $3, $4, $5)
			 RETURNING `+configurationColumns, clusterID, current+1, orObject(config), author, now); err != nil {
			return err
		}
		return h.touch(ctx, name, `UPDATE clusters SET config = $2, config_version = $3, updated_at = $4 WHERE id = $1`,
			clusterID, orObject(config), current+1, now)
	})
	return out, err
}

// Get returns one version.
func (c Configurations) Get(ctx context.Context, clusterID string, version int64) (ConfigurationVersion, error) {
	return one[ConfigurationVersion](ctx, c.handle, fmt.Sprintf("configuration %d of cluster %s", version, clusterID),
		`SELECT `+configurationColumns+` FROM configuration_versions WHERE cluster_id = $1 AND version = $2`, clusterID, version)
}

// List pages through a cluster's versions, newest first.
func (c Configurations) List(ctx context.Context, clusterID string, page Page) (List[ConfigurationVersion], error) {
	after, err := page.after("configurations")
	if err != nil {
		return List[ConfigurationVersion]{}, err
	}
	below := int64(1<<63 - 1)
	if after != "" {
		if below, err = strconv.ParseInt(after, 10, 64); err != nil {
			return List[ConfigurationVersion]{}, fmt.Errorf("page cursor: %w", ErrInvalid)
		}
	}
	rows, err := all[ConfigurationVersion](ctx, c.handle, "configurations",
		`SELECT `+configurationColumns+` FROM configuration_versions WHERE cluster_id = $1 AND version < $2
		 ORDER BY version DESC LIMIT $3`, clusterID, below, page.limit()+1)
	return paged("configurations", rows, page.limit(), func(r ConfigurationVersion) string {
		return strconv.FormatInt(r.Version, 10)
	}), err
}
