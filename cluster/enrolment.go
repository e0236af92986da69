package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// Authority is what the reconciler needs of the cluster's identity;
// *identity.Authority is one.
type Authority interface {
	// Pin is the fingerprint by which nodes recognise the manager.
	Pin() string
	// RevokeNode makes a node's certificates worthless at once.
	RevokeNode(ctx context.Context, nodeID, why string) error
}

// Identity is the Enrolment over the real state store and authority. urls are
// where nodes find the managers; they are asked at each launch.
func Identity(tables *statestore.Tables, authority Authority, urls func() []string) Enrolment {
	return identity{tables, authority, urls}
}

type identity struct {
	tables    *statestore.Tables
	authority Authority
	urls      func() []string
}

// Bootstrap makes a token of 256 random bits; the store keeps only its hash.
func (i identity) Bootstrap(ctx context.Context, term statestore.Term, node statestore.Node, clusterName string, ttl time.Duration) (provisioner.Bootstrap, error) {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return provisioner.Bootstrap{}, fmt.Errorf("join token: %w", err)
	}
	token := base64.RawURLEncoding.EncodeToString(raw[:])
	if err := i.tables.JoinTokens.Create(ctx, term, node.ID, statestore.Secret(token), ttl); err != nil {
		return provisioner.Bootstrap{}, err
	}
	return provisioner.Bootstrap{
		ManagerURLs: i.urls(), CASHA256: i.authority.Pin(), NodeID: node.ID, Cluster: clusterName, JoinToken: token,
	}, nil
}

// Retire revokes the certificates. Unused join tokens need nothing: a join is
// refused for a node whose row ends.
func (i identity) Retire(ctx context.Context, nodeID, why string) error {
	return i.authority.RevokeNode(ctx, nodeID, why)
}
