package statestore

import (
	"context"
	"time"
)

// Certificate is a certificate that the cluster issued.
type Certificate struct {
	Serial      string // hex
	AuthorityID string
	Subject     string
	NodeID      *string // nil for the manager's own
	SHA256      string  `db:"sha256"` // hex, of the DER
	NotBefore   time.Time
	NotAfter    time.Time
	IssuedAt    time.Time
	RevokedAt   *time.Time
	RevokedWhy  string
}

// Certificates are the rows of Certificate.
type Certificates struct{ *handle }

const certificateColumns = `serial, authority_id, subject, node_id, sha256, not_before, not_after,
	issued_at, revoked_at, revoked_why`

// Add records a certificate before it is handed out. ErrState: the node is
// terminated, and gets none.
func (c Certificates) Add(ctx context.Context, r Certificate) (Certificate, error) {
	name := "certificate " + r.Serial
	var out Certificate
	err := c.tx(ctx, func(h *handle) error {
		if r.NodeID != nil {
			// The lock orders this with a termination, which revokes.
			var state string
			if err := h.q.QueryRow(ctx, `SELECT state FROM nodes WHERE id = $1 FOR SHARE`, *r.NodeID).Scan(&state); err != nil {
				return fault(err, "node "+*r.NodeID)
			}
			if state == string(NodeTerminated) {
				return &StateError{Object: "node " + *r.NodeID, Found: state, Wanted: []string{"alive"}}
			}
		}
		var err error
		out, err = one[Certificate](ctx, h, name, `INSERT INTO certificates
			(serial, authority_id, subject, node_id, sha256, not_before, not_after, issued_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING `+certificateColumns,
			r.Serial, r.AuthorityID, r.Subject, r.NodeID, r.SHA256, r.NotBefore, r.NotAfter, h.now())
		return err
	})
	return out, err
}

// Get returns the certificate with the serial number.
func (c Certificates) Get(ctx context.Context, serial string) (Certificate, error) {
	return one[Certificate](ctx, c.handle, "certificate "+serial,
		`SELECT `+certificateColumns+` FROM certificates WHERE serial = $1`, serial)
}

// ByNode returns a node's certificates, newest first.
func (c Certificates) ByNode(ctx context.Context, nodeID string) ([]Certificate, error) {
	return all[Certificate](ctx, c.handle, "certificates of node "+nodeID,
		`SELECT `+certificateColumns+` FROM certificates WHERE node_id = $1 ORDER BY issued_at DESC, serial`, nodeID)
}

// Revoke revokes one certificate; the first reason stays.
func (c Certificates) Revoke(ctx context.Context, serial, why string) error {
	return c.touch(ctx, "certificate "+serial, `UPDATE certificates
		SET revoked_why = CASE WHEN revoked_at IS NULL THEN $3 ELSE revoked_why END,
		    revoked_at = coalesce(revoked_at, $2) WHERE serial = $1`, serial, c.now(), why)
}

// RevokeNode revokes all certificates of a node and returns how many were new.
func (c Certificates) RevokeNode(ctx context.Context, nodeID, why string) (int64, error) {
	return c.exec(ctx, "certificates of node "+nodeID, `UPDATE certificates SET revoked_at = $2, revoked_why = $3
		WHERE node_id = $1 AND revoked_at IS NULL`, nodeID, c.now(), why)
}

// Revoked is the revocation list: revoked certificates that have not expired.
func (c Certificates) Revoked(ctx context.Context) ([]Certificate, error) {
	return all[Certificate](ctx, c.handle, "revoked certificates", `SELECT `+certificateColumns+` FROM certificates
		WHERE revoked_at IS NOT NULL AND not_after > $1 ORDER BY serial`, c.now())
}

// Forget deletes certificates that expired before the time. Those of a node that
// sleeps stay: with their key it proves who it is when it wakes.
func (c Certificates) Forget(ctx context.Context, before time.Time) (int64, error) {
	return c.exec(ctx, "old certificates", `DELETE FROM certificates c WHERE not_after < $1 AND NOT EXISTS (
		SELECT FROM nodes n WHERE n.id = c.node_id AND n.state IN ('stopping', 'stopped', 'starting'))`, before)
}
