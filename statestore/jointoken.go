package statestore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// JoinToken lets one node join once. Only the SHA-256 of the token is kept:
// tokens are long and random, so a slow hash would add nothing.
type JoinToken struct {
	Hash      []byte
	NodeID    string
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
	UsedFrom  string // address of the caller that used it
}

// JoinTokens are the rows of JoinToken.
type JoinTokens struct{ *handle }

const joinTokenColumns = "hash, node_id, created_at, expires_at, used_at, used_from"

// hashToken is how every one-time or bearer token is stored and looked up.
func hashToken(token Secret) []byte {
	sum := sha256.Sum256(token)
	return sum[:]
}

// Create stores a token for the node, valid for ttl. It is the leader's write:
// the token goes into the launch that it makes. The same token again, for a
// launch that is repeated, is valid from now for ttl, unless it was used. Another
// token takes the place of those of the node that were not used.
func (t JoinTokens) Create(ctx context.Context, term Term, nodeID string, token Secret, ttl time.Duration) error {
	return t.fenced(ctx, term, func(h *handle) error {
		now, name := h.now(), "join token of node "+nodeID
		if _, err := h.exec(ctx, name, `DELETE FROM join_tokens WHERE node_id = $1 AND hash <> $2 AND used_at IS NULL`, nodeID, hashToken(token)); err != nil {
			return err
		}
		_, err := h.exec(ctx, name,
			`INSERT INTO join_tokens (hash, node_id, created_at, expires_at) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (hash) DO UPDATE SET expires_at = greatest(join_tokens.expires_at, excluded.expires_at)
			 WHERE join_tokens.node_id = excluded.node_id AND join_tokens.used_at IS NULL`,
			hashToken(token), nodeID, now, now.Add(ttl))
		return err
	})
}

// Consume takes the token for nodeID, atomically and once; from is the caller's
// address. ErrNotFound: unknown, or another node's; ErrExpired; ErrUsed: it was
// taken before, and the returned row says when and from where.
func (t JoinTokens) Consume(ctx context.Context, nodeID string, token Secret, from string) (JoinToken, error) {
	name, hash, now := "join token of node "+nodeID, hashToken(token), t.now()
	taken, err := all[JoinToken](ctx, t.handle, name, `UPDATE join_tokens SET used_at = $3, used_from = $4
		WHERE hash = $1 AND node_id = $2 AND used_at IS NULL AND expires_at > $3 RETURNING `+joinTokenColumns,
		hash, nodeID, now, from)
	if err != nil {
		return JoinToken{}, err
	}
	if len(taken) == 1 {
		return taken[0], nil
	}
	row, err := one[JoinToken](ctx, t.handle, name,
		`SELECT `+joinTokenColumns+` FROM join_tokens WHERE hash = $1 AND node_id = $2`, hash, nodeID)
	switch {
	case err != nil:
		return JoinToken{}, err
	case row.UsedAt != nil:
		return row, fmt.Errorf("%s: %w at %s from %s", name, ErrUsed, row.UsedAt.UTC().Format(time.RFC3339), row.UsedFrom)
	}
	return row, fmt.Errorf("%s: %w at %s", name, ErrExpired, row.ExpiresAt.UTC().Format(time.RFC3339))
}

// Forget deletes tokens that expired before the time.
func (t JoinTokens) Forget(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "old join tokens", `DELETE FROM join_tokens WHERE expires_at < $1`, before)
}
