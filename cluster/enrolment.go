package cluster

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
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

// Door is where nodes come in; it is asked at each launch.
type Door interface {
	// URLs are where nodes find the managers.
	URLs() []string
	// Programs are the checksums of the node programs that managers hand out, by
	// architecture (provisioner.Bootstrap); nil where there are none.
	Programs() map[string]string
}

// Identity is the Enrolment over the real state store and authority.
func Identity(tables *statestore.Tables, authority Authority, door Door) Enrolment {
	return &identity{tables: tables, authority: authority, door: door}
}

type identity struct {
	tables    *statestore.Tables
	authority Authority
	door      Door

	mutex sync.Mutex
	key   statestore.Secret // of the join tokens; read once
}

// Bootstrap derives the node's token from a key of 256 random bits that only
// managers know, so that a repeated launch, of another manager too, hands out
// the same one. The store keeps its hash, which says whether it was used.
func (i *identity) Bootstrap(ctx context.Context, term statestore.Term, node statestore.Node, clusterName string, ttl time.Duration) (provisioner.Bootstrap, error) {
	key, err := i.tokenKey(ctx)
	if err != nil {
		return provisioner.Bootstrap{}, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("join token of node " + node.ID))
	if node.Offering != "" {
		// Of its own: a machine that comes late from where the node was asked for
		// before is nobody's.
		mac.Write([]byte(" at " + node.Offering))
	}
	token := base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if err := i.tables.JoinTokens.Create(ctx, term, node.ID, statestore.Secret(token), ttl); err != nil {
		return provisioner.Bootstrap{}, err
	}
	return provisioner.Bootstrap{
		ManagerURLs: i.door.URLs(), CASHA256: i.authority.Pin(), NodeID: node.ID, Cluster: clusterName, JoinToken: token,
		JoinTimeoutS: int(ttl / time.Second), Binaries: i.door.Programs(),
	}, nil
}

func (i *identity) tokenKey(ctx context.Context) (statestore.Secret, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.key != nil {
		return i.key, nil
	}
	fresh := make([]byte, sha256.Size)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("join token key: %w", err)
	}
	key, err := i.tables.Settings.PutSealedFirst(ctx, "join token key", fresh)
	if err != nil {
		return nil, err
	}
	i.key = key
	return key, nil
}

// Retire revokes the certificates. Unused join tokens need nothing: a join is
// refused for a node whose row ends.
func (i *identity) Retire(ctx context.Context, nodeID, why string) error {
	return i.authority.RevokeNode(ctx, nodeID, why)
}
