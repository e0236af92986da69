package access

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/transfer"
)

const (
	// MaxLifetime is the longest that a token is good for: a week outlasts any sensible retry of one job.
	MaxLifetime = 7 * 24 * time.Hour
	// defaultLifetime is a token's when the client does not say.
	defaultLifetime = 24 * time.Hour
	// listLifetime is that of a token that only looks around.
	listLifetime = 10 * time.Minute
	// maxPathBytes bounds all paths of a transfer together, so that the token fits its size.
	maxPathBytes = 8 << 10
)

// Place is a node that takes a new session now.
type Place struct {
	NodeID, NodeName string
	Host             string   // tried first
	Addresses        []string // then these
	Port             int
	CertSHA256       string
}

// Placer picks nodes; package cluster does it by the live picture.
type Placer interface {
	// Place returns the best node of a cluster for a new session, none of those in without. With none to be had the
	// error is a *NoCapacity.
	Place(ctx context.Context, clusterID string, without []string) (Place, error)
}

// Ask is a client's wish to move or list files.
type Ask struct {
	Tenant     statestore.AccessKey
	ClusterID  string
	Direction  transfer.Direction
	Paths      []string
	ClientKey  string // base64, Ed25519
	ClientAddr string
	Name       string
	Rates      Rates
	TotalBytes int64
	Lifetime   time.Duration // of the token; 0: a day
}

// Rates are what a client asks for. The form is that of the stored row.
type Rates struct {
	TargetBps int64  `json:"target_rate_bps,omitempty"`
	MinBps    int64  `json:"min_rate_bps,omitempty"`
	Policy    string `json:"policy,omitempty"`
	// Flows carry the data of each session, which keeps what it began with; 0: one.
	Flows int `json:"flows,omitempty"`
}

// Issuer makes transfers and their specs.
type Issuer struct {
	store  *statestore.Store
	signer *Signer
	placer Placer
	now    func() time.Time
}

// NewIssuer returns an issuer.
func NewIssuer(store *statestore.Store, signer *Signer, placer Placer, now func() time.Time) *Issuer {
	return &Issuer{store: store, signer: signer, placer: placer, now: now}
}

// Create makes a transfer and says where to connect. The place is found first: without one nothing is stored. record
// is called in the transaction that stores the transfer, with its row; direction list stores nothing.
func (i *Issuer) Create(ctx context.Context, a Ask, record func(*statestore.Tables, statestore.Transfer) error) (statestore.Transfer, []transfer.Spec, error) {
	if err := a.check(); err != nil {
		return statestore.Transfer{}, nil, err
	}
	place, err := i.placer.Place(ctx, a.ClusterID, nil)
	if err != nil {
		return statestore.Transfer{}, nil, err
	}
	row := statestore.Transfer{
		AccessKeyID: a.Tenant.ID, ClusterID: a.ClusterID, Direction: storedDirection(a.Direction), Name: a.Name,
		Paths: a.Paths, ClientKey: a.ClientKey, ClientAddr: a.ClientAddr, BytesTotal: a.TotalBytes,
	}
	lifetime := a.Lifetime
	if a.Direction == transfer.List {
		lifetime = listLifetime
	} else {
		if lifetime == 0 {
			lifetime = defaultLifetime
		}
		if row.Limits, err = json.Marshal(a.Rates); err != nil {
			return statestore.Transfer{}, nil, fmt.Errorf("rates: %w", err)
		}
		expires := i.now().Add(lifetime).UTC()
		row.ExpiresAt = &expires
		row.ID = statestore.NewIDAt(i.now())
		err = i.store.Tx(ctx, func(tx *statestore.Tables) error {
			var err error
			if row, err = tx.Transfers.Create(ctx, row); err != nil {
				return err
			}
			return record(tx, row)
		})
		if err != nil {
			return statestore.Transfer{}, nil, err
		}
	}
	spec, err := i.spec(ctx, a.Tenant, row, a.Direction, place, lifetime)
	if err != nil {
		return statestore.Transfer{}, nil, err
	}
	return row, []transfer.Spec{spec}, nil
}

// Again says where to go on with a transfer, to the client that made it: on another node than those in without.
// A transfer that has ended is refused with ErrEnded, another's with ErrForbidden.
func (i *Issuer) Again(ctx context.Context, tenant statestore.AccessKey, id, clientKey string, without []string) ([]transfer.Spec, error) {
	row, err := i.store.Transfers.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if row.AccessKeyID != tenant.ID {
		return nil, fmt.Errorf("transfer %s: %w", id, statestore.ErrNotFound)
	}
	if !sameKey(row.ClientKey, clientKey) {
		return nil, fmt.Errorf("transfer %s was made with another client key: %w", id, ErrForbidden)
	}
	if row.State.Final() {
		return nil, fmt.Errorf("transfer %s is %s: %w; start a new one", id, row.State, ErrEnded)
	}
	if !tenant.Usable(i.now()) {
		return nil, fmt.Errorf("access key %s was revoked: %w", tenant.ID, ErrForbidden)
	}
	place, err := i.placer.Place(ctx, row.ClusterID, without)
	if err != nil {
		return nil, err
	}
	spec, err := i.spec(ctx, tenant, row, specDirection(row.Direction), place, defaultLifetime)
	if err != nil {
		return nil, err
	}
	return []transfer.Spec{spec}, nil
}

// spec signs a token for the place.
func (i *Issuer) spec(ctx context.Context, tenant statestore.AccessKey, row statestore.Transfer, d transfer.Direction, p Place, lifetime time.Duration) (transfer.Spec, error) {
	limits, err := LimitsOf(tenant)
	if err != nil {
		return transfer.Spec{}, err
	}
	var rates Rates
	if len(row.Limits) > 0 {
		if err := json.Unmarshal(row.Limits, &rates); err != nil {
			return transfer.Spec{}, fmt.Errorf("rates of transfer %s: %w", row.ID, err)
		}
	}
	key, err := decodeKey(row.ClientKey)
	if err != nil {
		return transfer.Spec{}, err
	}
	now := i.now()
	signed, err := i.signer.Sign(ctx, token.Claims{
		ID: statestore.NewIDAt(now), Cluster: row.ClusterID, Tenant: tenant.ID, Transfer: row.ID, Direction: string(d),
		Paths: row.Paths, BasePath: row.BasePath, Permissions: tenant.Permissions,
		Limits:    token.Limits{MaxRateBps: limits.MaxRateBps, MaxSessions: limits.MaxSessions},
		ClientKey: key, IssuedAt: now.Unix(), ExpiresAt: now.Add(lifetime).Unix(),
	})
	if err != nil {
		return transfer.Spec{}, err
	}
	s := transfer.Spec{
		Version: transfer.SpecVersion, TransferID: row.ID, NodeID: p.NodeID, NodeName: p.NodeName,
		Host: p.Host, Addresses: p.Addresses, Port: p.Port, CertSHA256: p.CertSHA256, Token: signed,
		Direction: d, TargetRate: rates.TargetBps, MinRate: rates.MinBps, Policy: transfer.Policy(rates.Policy), Flows: rates.Flows,
	}
	if limits.MaxRateBps > 0 && (s.TargetRate == 0 || s.TargetRate > limits.MaxRateBps) {
		s.TargetRate = limits.MaxRateBps
		s.MinRate = min(s.MinRate, s.TargetRate)
	}
	if d == transfer.Pull {
		s.Sources = row.Paths
	} else if len(row.Paths) > 0 {
		s.Destination = row.Paths[0]
	}
	return s, nil
}

// check refuses what cannot be granted and cleans the paths.
func (a *Ask) check() error {
	need := map[transfer.Direction]string{transfer.Push: PermWrite, transfer.Pull: PermRead, transfer.List: PermList}[a.Direction]
	if need == "" {
		return &Refused{Field: "direction", Problem: fmt.Sprintf("%q is not push, pull or list", a.Direction)}
	}
	if !slices.Contains(a.Tenant.Permissions, need) {
		return fmt.Errorf("access key %s has no permission to %s: %w", a.Tenant.ID, need, ErrForbidden)
	}
	if _, err := decodeKey(a.ClientKey); err != nil {
		return err
	}
	if a.Rates.TargetBps > 0 && a.Rates.MinBps > a.Rates.TargetBps {
		return &Refused{Field: "min_rate_bps", Problem: fmt.Sprintf("%d is above target_rate_bps (%d)", a.Rates.MinBps, a.Rates.TargetBps)}
	}
	if a.Lifetime < 0 || a.Lifetime > MaxLifetime {
		return &Refused{Field: "expires_in_s", Problem: "is more than a week"}
	}
	total := 0
	for n, p := range a.Paths {
		clean, err := cleanPath(p)
		if err != nil {
			return &Refused{Field: fmt.Sprintf("paths[%d]", n), Problem: err.Error()}
		}
		a.Paths[n] = clean
		total += len(clean)
	}
	if total > maxPathBytes {
		return &Refused{Field: "paths", Problem: fmt.Sprintf("take %d bytes, more than %d; name the directory that holds them", total, maxPathBytes)}
	}
	if a.Direction == transfer.Push && len(a.Paths) > 1 {
		return &Refused{Field: "paths", Problem: "a push has one destination"}
	}
	return nil
}

// cleanPath makes a path relative to the tenant's root, or refuses it. A leading slash means that root.
func cleanPath(p string) (string, error) {
	if strings.ContainsAny(p, "\x00\\") {
		return "", fmt.Errorf("%q holds a character that paths may not", p)
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return "", fmt.Errorf("%q leads upwards", p)
		}
	}
	clean := path.Clean(strings.TrimLeft(p, "/"))
	if clean == "" || clean == "." {
		return ".", nil
	}
	return clean, nil
}

func decodeKey(s string) (ed25519.PublicKey, error) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(s); err == nil && len(b) == ed25519.PublicKeySize {
			return b, nil
		}
	}
	return nil, &Refused{Field: "client_key", Problem: "is not an Ed25519 public key in base64"}
}

func sameKey(a, b string) bool {
	x, errX := decodeKey(a)
	y, errY := decodeKey(b)
	return errX == nil && errY == nil && subtle.ConstantTimeCompare(x, y) == 1
}

func storedDirection(d transfer.Direction) statestore.Direction {
	if d == transfer.Pull {
		return statestore.DirectionReceive
	}
	return statestore.DirectionSend
}

func specDirection(d statestore.Direction) transfer.Direction {
	if d == statestore.DirectionReceive {
		return transfer.Pull
	}
	return transfer.Push
}
