package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/identity"
	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/statestore"
)

// enlightener answers what nodes ask, and tells them what they run with.
type enlightener struct {
	store  *statestore.Store
	keys   *access.Keys
	signer *access.Signer
	urls   func() []string
	shown  *shown
	// challenges are nil where no certificate is ordered; nodes answer those of their cluster at proofPort.
	challenges *certificate.Challenges
	proofPort  int
	log        *slog.Logger
}

// settings is what a joining node is told.
func (e *enlightener) settings(ctx context.Context, n statestore.Node) (identity.Settings, error) {
	c, err := e.config(ctx, n)
	if err != nil {
		return identity.Settings{}, err
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return identity.Settings{}, fmt.Errorf("node configuration: %w", err)
	}
	return identity.Settings{FleetURLs: e.urls(), TokenKeys: c.TokenKeys, Config: raw, ReportIntervalS: c.ReportInterval}, nil
}

// config is what a node runs with. Caps and limits that it leaves open are those of the node's bootstrap, which came
// from the template that it was launched from.
func (e *enlightener) config(ctx context.Context, n statestore.Node) (command.Config, error) {
	cluster, err := e.store.Clusters.Get(ctx, n.ClusterID)
	if err != nil {
		return command.Config{}, err
	}
	g, err := e.common(ctx)
	if err != nil {
		return command.Config{}, err
	}
	g.clusters[cluster.ID] = cluster
	return g.config(n.ID, place{n.ClusterID, n.Name}, time.Now())
}

// gathered is what configurations are made from, read once for all nodes.
type gathered struct {
	clusters map[string]statestore.Cluster
	keys     json.RawMessage
	levels   configuration.LogLevels
	named    map[string]showing // by cluster id
	// proofs that nodes are to answer, by the cluster's name, name and token.
	proofs map[string]map[string]string
	port   int
}

// common is gathered without the clusters.
func (e *enlightener) common(ctx context.Context) (gathered, error) {
	g := gathered{clusters: map[string]statestore.Cluster{}}
	keys, err := e.signer.Keys(ctx)
	if err != nil {
		return g, err
	}
	if g.keys, err = json.Marshal(keys); err != nil {
		return g, fmt.Errorf("token keys: %w", err)
	}
	if err := e.store.Settings.Get(ctx, configuration.LevelsKey, &g.levels); err != nil && !errors.Is(err, statestore.ErrNotFound) {
		return g, err
	}
	return g, nil
}

// gather is common with the clusters and the certificates that nodes are told by command alone.
func (e *enlightener) gather(ctx context.Context) (gathered, error) {
	g, err := e.common(ctx)
	if err != nil {
		return g, err
	}
	names, page := map[string]string{}, statestore.Page{Limit: 1000}
	for {
		l, err := e.store.Clusters.List(ctx, page)
		if err != nil {
			return g, err
		}
		for _, c := range l.Items {
			g.clusters[c.ID], names[c.ID] = c, c.Name
		}
		if l.Next == "" {
			if g.named, err = e.shown.by(ctx, names); err == nil {
				g.port = e.proofPort
				g.proofs, err = e.proofs(ctx)
			}
			return g, err
		}
		page.Cursor = l.Next
	}
}

// proofs are those of each cluster's names, by token.
func (e *enlightener) proofs(ctx context.Context) (map[string]map[string]string, error) {
	if e.challenges == nil {
		return nil, nil
	}
	by, err := e.challenges.Proofs(ctx)
	if err != nil || len(by) == 0 {
		return nil, err
	}
	out := map[string]map[string]string{}
	for _, w := range e.shown.ordered {
		for _, name := range w.Names {
			if len(by[name]) == 0 {
				continue
			}
			if out[w.Cluster] == nil {
				out[w.Cluster] = map[string]string{}
			}
			maps.Copy(out[w.Cluster], by[name])
		}
	}
	return out, nil
}

func (g gathered) config(node string, p place, now time.Time) (command.Config, error) {
	cluster, known := g.clusters[p.cluster]
	if !known {
		return command.Config{}, fmt.Errorf("cluster %s: %w", p.cluster, statestore.ErrNotFound)
	}
	c := command.Config{
		Version: uint64(max(cluster.ConfigVersion, 0)), ClusterID: cluster.ID, NodeName: p.name, TokenKeys: g.keys,
	}
	g.levels.Fill(&c, node, now)
	configuration.Read(cluster.Config).Fill(&c)
	c.NamedCert, c.NamedKey = g.named[cluster.ID].Chain, g.named[cluster.ID].Key
	if c.Proofs = g.proofs[cluster.Name]; len(c.Proofs) > 0 {
		c.ProofPort = g.port
	}
	return c, nil
}

// register answers the nodes' questions.
func (e *enlightener) register(f *fleet.Fleet) error {
	return errors.Join(
		f.Handle(command.MethodTenant, func(ctx context.Context, node string, request []byte) (any, error) {
			var r command.TenantRequest
			if err := json.Unmarshal(request, &r); err != nil {
				return nil, command.Errorf(command.CodeInvalid, "question is not readable: %v", err)
			}
			return answer(e.tenant(ctx, node, r))
		}),
		f.Handle(command.MethodKeys, func(ctx context.Context, _ string, _ []byte) (any, error) {
			return answer(e.signer.Keys(ctx))
		}),
		f.Handle(command.MethodConfig, func(ctx context.Context, node string, _ []byte) (any, error) {
			n, err := e.store.Nodes.Get(ctx, node)
			if err != nil {
				return answer[any](nil, err)
			}
			return answer(e.config(ctx, n))
		}),
	)
}

// answer turns the state store's errors into those that cross the fleet.
func answer[T any](v T, err error) (any, error) {
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, statestore.ErrNotFound):
		return nil, command.Errorf(command.CodeNotFound, "%v", err)
	case errors.Is(err, statestore.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return nil, command.Errorf(command.CodeUnavailable, "the state store cannot be reached at the moment")
	}
	return nil, err
}

// tenant is what a node needs to serve an access key. A transfer that is not the key's own is over as far as the node
// is concerned. A node that no longer serves is told nothing.
func (e *enlightener) tenant(ctx context.Context, node string, r command.TenantRequest) (command.Tenant, error) {
	n, err := e.store.Nodes.Get(ctx, node)
	if err != nil {
		return command.Tenant{}, err
	}
	if n.State != statestore.NodeRunning && n.State != statestore.NodeDraining && n.State != statestore.NodeBooting && n.State != statestore.NodeLost {
		return command.Tenant{}, command.Errorf(command.CodeRefused, "node %s is %s and serves nobody", node, n.State)
	}
	row, err := e.store.AccessKeys.Get(ctx, r.AccessKey)
	if err != nil {
		return command.Tenant{}, err
	}
	t := command.Tenant{AccessKey: row.ID, Storage: row.Storage, Permissions: row.Permissions, Revoked: !row.Usable(time.Now())}
	limits, err := access.LimitsOf(row)
	if err != nil {
		return command.Tenant{}, err
	}
	t.Limits = command.Limits{MaxRateBps: limits.MaxRateBps, MaxSessions: limits.MaxSessions}
	if t.Verifiers, err = e.keys.Verifiers(ctx, row.ID); err != nil {
		return command.Tenant{}, err
	}
	if r.Transfer == "" {
		return t, nil
	}
	transfer, err := e.store.Transfers.Get(ctx, r.Transfer)
	switch {
	case errors.Is(err, statestore.ErrNotFound):
		t.TransferEnded = true
	case err != nil:
		return command.Tenant{}, err
	default:
		t.TransferEnded = transfer.State.Final() || transfer.AccessKeyID != row.ID || transfer.ClusterID != n.ClusterID
	}
	return t, nil
}
