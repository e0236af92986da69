package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/transfer"
)

// findTransfer returns a transfer's row; to a tenant, another's does not exist.
func findTransfer(ctx context.Context, t *statestore.Tables, id string) (statestore.Transfer, error) {
	row, err := t.Transfers.Get(ctx, id)
	if key := callerOf(ctx).tenant(); err == nil && key != nil && row.AccessKeyID != key.ID {
		err = statestore.ErrNotFound
	}
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("transfer", id)
	}
	return row, err
}

func (s *Server) getTransfer(ctx context.Context, in *transferIn) (*body[Transfer], error) {
	p := s.flock.current()
	live := s.fleet.Transfer(in.ID)
	row, err := findTransfer(ctx, s.store.Tables, in.ID)
	var out Transfer
	switch {
	case err == nil:
		out = s.transferView(p, row, live)
	case len(live) > 0 && callerOf(ctx).tenant() == nil:
		out = s.strangerView(p, live)
	default:
		return nil, err
	}
	if err := s.withSessions(ctx, p, &out, live); err != nil {
		return nil, err
	}
	return ok(out), nil
}

// tenantOf is the access key that a request is for: the caller's own, or the one that an operator names.
func (s *Server) tenantOf(ctx context.Context, named string) (statestore.AccessKey, error) {
	if key := callerOf(ctx).tenant(); key != nil {
		if named != "" && named != key.ID {
			return statestore.AccessKey{}, invalid("body.access_key", "an access key asks for itself")
		}
		return *key, nil
	}
	if named == "" {
		return statestore.AccessKey{}, invalid("body.access_key", "name the access key that the transfer is for")
	}
	key, err := s.findKey(ctx, s.store.Tables, named)
	if err == nil && !key.Usable(s.now()) {
		err = conflict("access key %s was revoked", key.ID)
	}
	return key, err
}

// clusterFor is the named cluster, or the only one.
func (s *Server) clusterFor(ctx context.Context, name string) (statestore.Cluster, error) {
	if name != "" {
		return findCluster(ctx, s.store.Tables, name)
	}
	l, err := s.store.Clusters.List(ctx, statestore.Page{Limit: 2})
	if err != nil {
		return statestore.Cluster{}, err
	}
	switch len(l.Items) {
	case 0:
		return statestore.Cluster{}, conflict("there is no cluster yet; make one first")
	case 1:
		return l.Items[0], nil
	}
	return statestore.Cluster{}, invalid("body.cluster", "there are several clusters; name one")
}

func (s *Server) createTransfer(ctx context.Context, in *transferCreateIn) (*body[TransferSpecs], error) {
	b := in.Body
	tenant, err := s.tenantOf(ctx, b.AccessKey)
	if err != nil {
		return nil, err
	}
	c, err := s.clusterFor(ctx, b.Cluster)
	if err != nil {
		return nil, err
	}
	if deleting(c) {
		return nil, conflict("cluster %s is being deleted", c.Name)
	}
	who := callerOf(ctx)
	row, specs, err := s.config.Issuer.Create(ctx, access.Ask{
		Tenant: tenant, ClusterID: c.ID, Direction: transfer.Direction(b.Direction), Paths: b.Paths, ClientKey: b.ClientKey,
		ClientAddr: who.address, Name: b.Name, TotalBytes: b.TotalBytes, Lifetime: time.Duration(b.ExpiresIn) * time.Second,
		Rates: access.Rates{TargetBps: b.RateBps, MinBps: b.MinRateBps, Policy: b.Policy, Flows: b.Flows},
	}, func(tx *statestore.Tables, t statestore.Transfer) error {
		after, err := asJSON(map[string]any{"access_key": t.AccessKeyID, "direction": b.Direction, "paths": t.Paths, "cluster": c.Name})
		if err != nil {
			return err
		}
		return tx.Audit.Append(ctx, statestore.AuditEntry{
			Actor: who.actor(), Action: "create", Object: "transfer", ObjectID: t.ID, After: after, RequestID: requestID(ctx), Address: who.address,
		})
	})
	if err != nil {
		return nil, err
	}
	s.touchKey(ctx, tenant.ID)
	return ok(TransferSpecs{TransferID: row.ID, Specs: specs}), nil
}

// touchKey notes a key's use. Failing at it refuses nobody.
func (s *Server) touchKey(ctx context.Context, id string) {
	if err := s.store.AccessKeys.Used(ctx, id); err != nil {
		s.log.WarnContext(ctx, "access key's use was not noted", "key", id, "error", err)
	}
}

func (s *Server) createSpec(ctx context.Context, in *specIn) (*body[TransferSpecs], error) {
	row, err := findTransfer(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	tenant, err := s.tenantOf(ctx, row.AccessKeyID)
	if err != nil {
		return nil, err
	}
	specs, err := s.config.Issuer.Again(ctx, tenant, row.ID, in.Body.ClientKey, in.Body.FailedNodes)
	if err != nil {
		return nil, err
	}
	// Who was let in, and where to, is a fact that an audit must hold.
	nodes := make([]string, 0, len(specs))
	for _, sp := range specs {
		nodes = append(nodes, sp.NodeID)
	}
	err = s.change(ctx, "continue", "transfer", func(_ *statestore.Tables, a *trail) error {
		a.id, a.after = row.ID, map[string]any{"client_key": in.Body.ClientKey, "nodes": nodes, "reason": in.Body.Reason}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(TransferSpecs{TransferID: row.ID, Specs: specs}), nil
}

// cancelTransfer ends the row first: from then on no node that asks lets the token in. Then it tells the nodes.
func (s *Server) cancelTransfer(ctx context.Context, in *transferIn) (*body[Transfer], error) {
	var row statestore.Transfer
	err := s.change(ctx, "cancel", "transfer", func(tx *statestore.Tables, a *trail) error {
		old, err := findTransfer(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		a.id, a.before, a.after = old.ID, map[string]any{"state": old.State}, map[string]any{"state": statestore.TransferCancelled}
		row, err = tx.Transfers.Transition(ctx, old.ID, []statestore.TransferState{statestore.TransferCreated, statestore.TransferRunning},
			statestore.TransferCancelled, func(t *statestore.Transfer) { t.ErrorText = "cancelled by " + a.by.person() })
		if errors.Is(err, statestore.ErrState) {
			return conflict("transfer %s has ended: it is %s", old.ID, old.State)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for node, err := range s.config.Commands.Revoke(ctx, command.RevokeRequest{Transfer: row.ID, Reason: row.ErrorText}) {
		s.log.WarnContext(ctx, "node was not told of a cancelled transfer", "node", node, "transfer", row.ID, "error", err)
	}
	s.Changed()
	return ok(s.transferView(s.flock.current(), row, nil)), nil
}

// updateTransfer keeps the rates for sessions to come, and changes those that run.
func (s *Server) updateTransfer(ctx context.Context, in *transferUpdateIn) (*body[Transfer], error) {
	var row statestore.Transfer
	var rates access.Rates
	err := s.change(ctx, "update", "transfer", func(tx *statestore.Tables, a *trail) error {
		old, err := findTransfer(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if old.State.Final() {
			return conflict("transfer %s has ended: it is %s", old.ID, old.State)
		}
		if len(old.Limits) > 0 {
			if err := json.Unmarshal(old.Limits, &rates); err != nil {
				return err
			}
		}
		a.id, a.before = old.ID, rates
		if rates, err = s.newRates(ctx, old, rates, in.Body); err != nil {
			return err
		}
		a.after = rates
		limits, err := json.Marshal(rates)
		if err != nil {
			return err
		}
		row, err = tx.Transfers.SetLimits(ctx, old.ID, limits)
		return err
	})
	if err != nil {
		return nil, err
	}
	live := s.fleet.Transfer(row.ID)
	for _, l := range live {
		r := command.RateRequest{Session: l.GetId(), Target: in.Body.RateBps, Min: in.Body.MinRateBps, Policy: rates.Policy}
		if in.Body.Policy == nil {
			r.Policy = ""
		}
		if err := s.config.Commands.SetRate(ctx, l.NodeID, r); err != nil {
			return nil, conflict("the change is stored, but node %s did not take it for its running session: %v; repeat it", l.NodeID, err)
		}
	}
	return ok(s.transferView(s.flock.current(), row, live)), nil
}

func (s *Server) newRates(ctx context.Context, row statestore.Transfer, r access.Rates, u TransferUpdate) (access.Rates, error) {
	if u.RateBps != nil {
		r.TargetBps = *u.RateBps
	}
	if u.MinRateBps != nil {
		r.MinBps = *u.MinRateBps
	}
	if u.Policy != nil {
		r.Policy = *u.Policy
	}
	if r.TargetBps > 0 && r.MinBps > r.TargetBps {
		return r, invalid("body.min_rate_bps", "%d is above target_rate_bps (%d)", r.MinBps, r.TargetBps)
	}
	key, err := s.store.AccessKeys.Get(ctx, row.AccessKeyID)
	if err != nil {
		return r, err
	}
	limits, err := access.LimitsOf(key)
	if err != nil {
		return r, err
	}
	if limits.MaxRateBps > 0 && (r.TargetBps > limits.MaxRateBps || u.RateBps != nil && r.TargetBps == 0) {
		return r, invalid("body.target_rate_bps", "access key %s may take at most %d bit/s", key.ID, limits.MaxRateBps)
	}
	return r, nil
}
