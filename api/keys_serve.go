package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/statestore"
)

func (s *Server) keyView(k statestore.AccessKey) AccessKey {
	out := AccessKey{
		ID: k.ID, Name: k.Name, State: "active", Permissions: k.Permissions, CreatedAt: k.CreatedAt, RevokedAt: k.RevokedAt,
		LastUsed: k.LastUsedAt, Sessions: s.fleet.TenantSessions(k.ID),
	}
	if k.RevokedAt != nil {
		out.State = "revoked"
	}
	if out.Permissions == nil {
		out.Permissions = []string{}
	}
	// What an operator stored before this version is shown as far as it can be read.
	_ = json.Unmarshal(k.Storage, &out.Storage)
	_ = json.Unmarshal(k.Limits, &out.Limits)
	if out.Sessions > 0 {
		lives, _, _ := s.fleet.Page(k.ID, fleetStart, 1000)
		for _, l := range lives {
			out.RateBps += int64(l.GetRateBps())
		}
	}
	return out
}

// findKey takes an id, or the name of a key that is not revoked.
func (s *Server) findKey(ctx context.Context, t *statestore.Tables, name string) (statestore.AccessKey, error) {
	k, err := t.AccessKeys.Get(ctx, name)
	if errors.Is(err, statestore.ErrNotFound) {
		k, err = t.AccessKeys.ByName(ctx, name)
	}
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("access key", name)
	}
	return k, err
}

func (s *Server) listKeys(ctx context.Context, in *keysIn) (*body[Page[AccessKey]], error) {
	l, err := s.store.AccessKeys.List(ctx, statestore.AccessKeyFilter{Query: in.Search, Revoked: in.Revoked}, in.page())
	return paged(l, err, s.keyView)
}

func (s *Server) getKey(ctx context.Context, in *keyIn) (*tagged[AccessKey], error) {
	k, err := s.findKey(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	return s.taggedKey(k), nil
}

func (s *Server) taggedKey(k statestore.AccessKey) *tagged[AccessKey] {
	return &tagged[AccessKey]{ETag: etag(k.Version), Body: s.keyView(k)}
}

func (s *Server) createKey(ctx context.Context, in *keyCreateIn) (*tagged[AccessKeySecret], error) {
	storage, err := json.Marshal(access.Storage(in.Body.Storage))
	if err != nil {
		return nil, err
	}
	limits, err := json.Marshal(access.Limits(in.Body.Limits))
	if err != nil {
		return nil, err
	}
	var row statestore.AccessKey
	var secret string
	err = s.change(ctx, "create", "access_key", func(tx *statestore.Tables, a *trail) error {
		var err error
		row, secret, err = s.keys.In(tx).Create(ctx, statestore.AccessKey{
			Name: in.Body.Name, Storage: storage, Limits: limits, Permissions: in.Body.Permissions,
		})
		a.id, a.version, a.after = row.ID, row.Version, s.keyView(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tagged[AccessKeySecret]{ETag: etag(row.Version), Body: s.shown(ctx, row, secret, nil)}, nil
}

// shown is a key with its secret, and the line that puts both on a client.
func (s *Server) shown(ctx context.Context, row statestore.AccessKey, secret string, until *time.Time) AccessKeySecret {
	return AccessKeySecret{
		AccessKey: s.keyView(row), Secret: secret, PreviousUntil: until,
		Login: fmt.Sprintf("godwit login %s --key %s --secret-stdin", s.address(ctx), row.ID),
	}
}

func (s *Server) updateKey(ctx context.Context, in *keyUpdateIn) (*tagged[AccessKey], error) {
	var row statestore.AccessKey
	err := s.change(ctx, "update", "access_key", func(tx *statestore.Tables, a *trail) error {
		k, err := s.liveKey(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		a.id, a.before = k.ID, s.keyView(k)
		if err := a.edits(in.IfMatch, k.Version); err != nil {
			return err
		}
		if in.Body.Name != nil {
			k.Name = *in.Body.Name
		}
		if in.Body.Permissions != nil {
			k.Permissions = in.Body.Permissions
		}
		if in.Body.Limits != nil {
			if k.Limits, err = json.Marshal(access.Limits(*in.Body.Limits)); err != nil {
				return err
			}
		}
		row, err = tx.AccessKeys.Update(ctx, k, nil)
		a.after = s.keyView(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.forgetTenant(ctx, row.ID)
	return s.taggedKey(row), nil
}

func (s *Server) liveKey(ctx context.Context, tx *statestore.Tables, name string) (statestore.AccessKey, error) {
	k, err := s.findKey(ctx, tx, name)
	if err == nil && k.RevokedAt != nil {
		err = conflict("access key %s was revoked; create another", k.ID)
	}
	return k, err
}

func (s *Server) rotateKey(ctx context.Context, in *rotateIn) (*body[AccessKeySecret], error) {
	overlap := time.Duration(0)
	if in.Body != nil {
		overlap = time.Duration(in.Body.Overlap) * time.Second
	}
	var row statestore.AccessKey
	var secret string
	var until *time.Time
	err := s.change(ctx, "rotate", "access_key", func(tx *statestore.Tables, a *trail) error {
		k, err := s.liveKey(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		row, secret, until, err = s.keys.In(tx).Rotate(ctx, k.ID, overlap)
		a.id, a.version, a.after = k.ID, row.Version, map[string]any{"previous_secret_until": until}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.forgetTenant(ctx, row.ID)
	return ok(s.shown(ctx, row, secret, until)), nil
}

func (s *Server) revokeKey(ctx context.Context, in *keyIn) (*empty, error) {
	var id string
	err := s.change(ctx, "revoke", "access_key", func(tx *statestore.Tables, a *trail) error {
		k, err := s.findKey(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		id, a.id, a.before = k.ID, k.ID, s.keyView(k)
		return tx.AccessKeys.Revoke(ctx, k.ID)
	})
	if err != nil {
		return nil, err
	}
	for node, err := range s.config.Commands.Revoke(ctx, command.RevokeRequest{AccessKey: id, Reason: "access key revoked"}) {
		s.log.WarnContext(ctx, "node was not told of a revoked access key", "node", node, "key", id, "error", err)
	}
	return &empty{}, nil
}

// forgetTenant makes nodes ask again about an access key.
func (s *Server) forgetTenant(ctx context.Context, id string) {
	for node, err := range s.config.Commands.Broadcast(ctx, command.TenantChanged, command.TenantRequest{AccessKey: id}) {
		s.log.WarnContext(ctx, "node was not told of a changed access key", "node", node, "key", id, "error", err)
	}
}
