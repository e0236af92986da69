package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/identity"
	"github.com/godwit/godwit/statestore"
)

// enlightener answers what nodes ask, and tells them what they run with.
type enlightener struct {
	store  *statestore.Store
	keys   *access.Keys
	signer *access.Signer
	urls   func() []string
	log    *slog.Logger
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
	keys, err := e.signer.Keys(ctx)
	if err != nil {
		return command.Config{}, err
	}
	raw, err := json.Marshal(keys)
	if err != nil {
		return command.Config{}, fmt.Errorf("token keys: %w", err)
	}
	return command.Config{
		Version: uint64(max(cluster.ConfigVersion, 0)), ClusterID: cluster.ID, NodeName: n.Name, TokenKeys: raw,
	}, nil
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

const (
	// tellEvery paces the look for nodes that have not yet been told their configuration by this manager.
	tellEvery = 2 * time.Second
	// tellAgain is when even those that were told are compared with what is stored now.
	tellAgain = 15 * time.Second
)

// tell sends each node its configuration when it (re)starts and when it changed: signing keys rotate, versions rise.
// A node that misses it is told again; an equal configuration is nothing to it.
func (e *enlightener) tell(ctx context.Context, f *fleet.Fleet) {
	told := map[string]string{} // node → boot and configuration
	compared := time.Time{}
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		all := time.Since(compared) >= tellAgain
		if all {
			compared = time.Now()
		}
		seen := map[string]bool{}
		for _, v := range f.Snapshot() {
			seen[v.ID] = true
			if before, known := told[v.ID]; known && !all && before[:min(len(v.Boot), len(before))] == v.Boot {
				continue
			}
			if key, err := e.tellOne(ctx, f, v, told[v.ID]); err != nil {
				e.log.DebugContext(ctx, "node was not told its configuration; it will be", "node", v.ID, "error", err)
			} else {
				told[v.ID] = key
			}
		}
		for id := range told {
			if !seen[id] {
				delete(told, id)
			}
		}
	}
}

func (e *enlightener) tellOne(ctx context.Context, f *fleet.Fleet, v *fleet.NodeView, before string) (string, error) {
	n, err := e.store.Nodes.Get(ctx, v.ID)
	if err != nil {
		return before, err
	}
	c, err := e.config(ctx, n)
	if err != nil {
		return before, err
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return before, fmt.Errorf("node configuration: %w", err)
	}
	key := v.Boot + string(raw)
	if key == before {
		return key, nil
	}
	return key, f.Command(ctx, v.ID, command.Configure, c, nil)
}
