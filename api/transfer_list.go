package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/statestore"
)

var transferStates = []statestore.TransferState{
	statestore.TransferCreated, statestore.TransferRunning, statestore.TransferDone,
	statestore.TransferFailed, statestore.TransferCancelled, statestore.TransferExpired,
}

// listed writes words as a person lists them.
func listed[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// transferQuery is a list's filters after names became ids.
type transferQuery struct {
	in      *transfersIn
	cluster string
	tenant  string
}

func (s *Server) listTransfers(ctx context.Context, in *transfersIn) (*body[Page[Transfer]], error) {
	cluster, err := s.pastClusterID(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	for _, st := range in.State {
		if !slices.Contains(transferStates, statestore.TransferState(st)) {
			return nil, invalid("query.state", "%q is no state of a transfer; there are %s", st, listed(transferStates))
		}
	}
	q := transferQuery{in: in, cluster: cluster, tenant: in.AccessKey}
	if key := callerOf(ctx).tenant(); key != nil {
		if q.tenant != "" && q.tenant != key.ID {
			return nil, forbidden(callerOf(ctx), RoleViewer)
		}
		q.tenant = key.ID
	}
	if in.Live {
		return s.liveTransfers(ctx, q)
	}
	return s.storedTransfers(ctx, q)
}

func (s *Server) storedTransfers(ctx context.Context, q transferQuery) (*body[Page[Transfer]], error) {
	f := statestore.TransferFilter{AccessKeyID: q.tenant, ClusterID: q.cluster, NodeID: q.in.Node}
	switch q.in.Direction {
	case "push":
		f.Direction = statestore.DirectionSend
	case "pull":
		f.Direction = statestore.DirectionReceive
	}
	for _, st := range q.in.State {
		f.States = append(f.States, statestore.TransferState(st))
	}
	l, err := s.store.Transfers.List(ctx, f, q.in.page())
	if err != nil {
		return nil, cursorError(err)
	}
	p := s.flock.current()
	out := Page[Transfer]{Items: []Transfer{}, NextCursor: l.Next}
	for _, t := range l.Items {
		if matches(q.in.Search, t.ID, t.Name, t.ClientAddr) {
			out.Items = append(out.Items, s.transferView(p, t, s.fleet.Transfer(t.ID)))
		}
	}
	return ok(out), nil
}

// liveTransfers pages through the live sessions, newest first, and shows each transfer where its newest session is.
func (s *Server) liveTransfers(ctx context.Context, q transferQuery) (*body[Page[Transfer]], error) {
	var at fleet.Cursor
	if q.in.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(q.in.Cursor)
		if err != nil || json.Unmarshal(b, &at) != nil {
			return nil, invalid("query.cursor", "is not one that this list gave")
		}
	}
	p := s.flock.current()
	out := Page[Transfer]{Items: []Transfer{}}
	for {
		lives, next, more := s.fleet.Page(q.tenant, at, q.in.Limit)
		for i, l := range lives {
			all := s.fleet.Transfer(l.GetTransferId())
			if newest(all) != nil && newest(all).GetId() != l.GetId() {
				continue
			}
			if len(all) == 0 {
				all = []*fleet.Live{l}
			}
			view, err := s.liveView(ctx, p, l.GetTransferId(), all)
			if err != nil {
				return nil, err
			}
			if !q.wants(view) {
				continue
			}
			out.Items = append(out.Items, view)
			if len(out.Items) == q.in.Limit && (more || i < len(lives)-1) {
				out.NextCursor = liveCursor(fleet.Cursor{StartedUnixMs: l.GetStartedUnixMs(), Session: l.GetId(), Node: l.NodeID})
				return ok(out), nil
			}
		}
		if !more || len(lives) == 0 {
			return ok(out), nil
		}
		at = next
	}
}

func liveCursor(c fleet.Cursor) string {
	b, _ := json.Marshal(c) // three plain fields
	return base64.RawURLEncoding.EncodeToString(b)
}

func newest(all []*fleet.Live) *fleet.Live {
	if len(all) == 0 {
		return nil
	}
	return slices.MaxFunc(all, func(a, b *fleet.Live) int {
		if a.GetStartedUnixMs() != b.GetStartedUnixMs() {
			return int(a.GetStartedUnixMs() - b.GetStartedUnixMs())
		}
		if a.GetId() < b.GetId() {
			return -1
		}
		return 1
	})
}

func (q transferQuery) wants(t Transfer) bool {
	in := q.in
	return (q.cluster == "" || t.Cluster.ID == q.cluster) && (in.Direction == "" || t.Direction == in.Direction) &&
		(len(in.State) == 0 || slices.Contains(in.State, t.State)) && matches(in.Search, t.ID, t.Name, t.Client) &&
		(in.Node == "" || slices.ContainsFunc(t.Nodes, func(n Ref) bool { return n.ID == in.Node }))
}

// liveView shows a transfer by its live sessions, with its row if there is one.
func (s *Server) liveView(ctx context.Context, p *picture, id string, live []*fleet.Live) (Transfer, error) {
	row, err := s.store.Transfers.Get(ctx, id)
	switch {
	case err == nil:
		return s.transferView(p, row, live), nil
	case errors.Is(err, statestore.ErrNotFound) && len(live) > 0:
		return s.strangerView(p, live), nil
	}
	return Transfer{}, err
}
