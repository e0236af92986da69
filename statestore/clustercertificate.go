package statestore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ClusterCertificate is what somebody uploaded for the nodes of a cluster to show
// to clients that look for them by name. Its key is sealed and read by Key alone.
type ClusterCertificate struct {
	ClusterID string
	Version   int64  // grows with every change; 0: there never was one
	Chain     string // PEM; empty: there is none
	Author    string
	UpdatedAt time.Time
}

// ClusterCertificates are the rows of ClusterCertificate.
type ClusterCertificates struct{ *handle }

const clusterCertificateColumns = "cluster_id, version, chain, author, updated_at"

func certificateOf(clusterID string) string { return "certificate of cluster " + clusterID }

// Get returns the cluster's row, one of version 0 where there never was any.
func (c ClusterCertificates) Get(ctx context.Context, clusterID string) (ClusterCertificate, error) {
	row, err := one[ClusterCertificate](ctx, c.handle, certificateOf(clusterID),
		`SELECT `+clusterCertificateColumns+` FROM cluster_certificates WHERE cluster_id = $1`, clusterID)
	if errors.Is(err, ErrNotFound) {
		return ClusterCertificate{ClusterID: clusterID}, nil
	}
	return row, err
}

// All returns the certificates that there are.
func (c ClusterCertificates) All(ctx context.Context) ([]ClusterCertificate, error) {
	return all[ClusterCertificate](ctx, c.handle, "cluster certificates",
		`SELECT `+clusterCertificateColumns+` FROM cluster_certificates WHERE chain <> '' ORDER BY cluster_id`)
}

// Key opens the key that goes with version of the cluster's certificate.
// ErrNotFound: it has another version by now.
func (c ClusterCertificates) Key(ctx context.Context, clusterID string, version int64) (Secret, error) {
	var sealed []byte
	if err := c.q.QueryRow(ctx, `SELECT key FROM cluster_certificates WHERE cluster_id = $1 AND version = $2`, clusterID, version).Scan(&sealed); err != nil {
		return nil, fault(err, certificateOf(clusterID))
	}
	return c.sealer.Open(sealed, "cluster_certificates", "key", clusterID)
}

// Put stores a chain and its key in place of version base, and returns the new
// row. ErrStale: the cluster's row has another version.
func (c ClusterCertificates) Put(ctx context.Context, clusterID string, base int64, chain string, key Secret, author string) (ClusterCertificate, error) {
	return c.put(ctx, clusterID, base, chain, c.sealer.Seal(key, "cluster_certificates", "key", clusterID), author)
}

// Remove takes the certificate away. The row stays, and its versions go on.
func (c ClusterCertificates) Remove(ctx context.Context, clusterID string, base int64, author string) (ClusterCertificate, error) {
	return c.put(ctx, clusterID, base, "", []byte{}, author)
}

func (c ClusterCertificates) put(ctx context.Context, clusterID string, base int64, chain string, sealed []byte, author string) (ClusterCertificate, error) {
	row, err := one[ClusterCertificate](ctx, c.handle, certificateOf(clusterID),
		`INSERT INTO cluster_certificates (cluster_id, version, chain, key, author, updated_at) VALUES ($1, $2::bigint + 1, $3, $4, $5, $6)
		 ON CONFLICT (cluster_id) DO UPDATE SET version = excluded.version, chain = excluded.chain, key = excluded.key,
		   author = excluded.author, updated_at = excluded.updated_at
		 WHERE cluster_certificates.version = $2
		 RETURNING `+clusterCertificateColumns, clusterID, base, chain, sealed, author, c.now())
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%s: version %d: %w", certificateOf(clusterID), base, ErrStale)
	}
	return row, err
}
