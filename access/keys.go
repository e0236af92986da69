package access

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/internal/realpath"
	"github.com/godwit/godwit/statestore"
)

// Permissions of an access key.
const (
	PermRead   = "read"
	PermWrite  = "write"
	PermDelete = "delete"
	PermList   = "list"
)

// AllPermissions are what a key has unless its maker says less.
func AllPermissions() []string { return []string{PermRead, PermWrite, PermDelete, PermList} }

// keyIDPrefix and secretPrefix tell people which is which.
const (
	keyIDPrefix  = "ak_"
	secretPrefix = "gws_"
)

// verifiers is what is sealed of a key: SHA-256("godwit access key" ‖ secret), and the one before it while it overlaps.
type verifiers struct {
	Current  []byte     `json:"current"`
	Previous []byte     `json:"previous,omitempty"`
	Until    *time.Time `json:"previous_until,omitempty"`
}

// valid lists those that count at the time, the current one first.
func (v verifiers) valid(at time.Time) [][]byte {
	out := [][]byte{v.Current}
	if len(v.Previous) > 0 && v.Until != nil && at.Before(*v.Until) {
		out = append(out, v.Previous)
	}
	return out
}

// Keys are the access keys. The zero value is not usable; see NewKeys.
type Keys struct {
	tables *statestore.Tables
	now    func() time.Time
	closed []string // no tenant's
}

// NewKeys returns the access keys in tables: a store's own, or a transaction's.
func NewKeys(tables *statestore.Tables, now func() time.Time) *Keys {
	return &Keys{tables: tables, now: now}
}

// In returns the same keys within a transaction.
func (k *Keys) In(tx *statestore.Tables) *Keys {
	return &Keys{tables: tx, now: k.now, closed: k.closed}
}

// Close keeps tenants out of directories of the manager's own, whose keys open everything. Call it before use.
func (k *Keys) Close(dirs ...string) {
	k.closed = append(k.closed, dirs...)
}

// open refuses storage that is closed to tenants, or no directory. What is not here may be elsewhere: nodes see it, not
// the manager.
func (k *Keys) open(raw json.RawMessage) error {
	var st Storage
	if err := json.Unmarshal(raw, &st); err != nil {
		return &Refused{Field: "storage", Problem: "is not readable: " + err.Error()}
	}
	for _, c := range k.closed {
		if realpath.Within(st.Path, c) || realpath.Within(c, st.Path) {
			return &Refused{Field: "storage.path", Problem: "would give a tenant the manager's own state; name another directory"}
		}
	}
	if fi, err := os.Stat(st.Path); err == nil && !fi.IsDir() {
		return &Refused{Field: "storage.path", Problem: "is a file; name a directory"}
	}
	return nil
}

// Create stores a new tenant and returns its secret, which is not kept. Name, Storage, Limits and Permissions are taken
// from row.
func (k *Keys) Create(ctx context.Context, row statestore.AccessKey) (statestore.AccessKey, string, error) {
	if err := CheckStorage(row.Storage); err != nil {
		return statestore.AccessKey{}, "", err
	}
	if err := k.open(row.Storage); err != nil {
		return statestore.AccessKey{}, "", err
	}
	s := secret.New(secretPrefix)
	row.ID = keyIDPrefix + statestore.NewIDAt(k.now())
	if len(row.Permissions) == 0 {
		row.Permissions = AllPermissions()
	}
	slices.Sort(row.Permissions)
	sealed, err := json.Marshal(verifiers{Current: secret.Verifier(s)})
	if err != nil {
		return statestore.AccessKey{}, "", fmt.Errorf("access key: %w", err)
	}
	row, err = k.tables.AccessKeys.Create(ctx, row, sealed, nil)
	return row, s, err
}

// Rotate gives a key a new secret and returns it. The one before works on for overlap.
func (k *Keys) Rotate(ctx context.Context, id string, overlap time.Duration) (statestore.AccessKey, string, *time.Time, error) {
	old, err := k.verifiers(ctx, id)
	if err != nil {
		return statestore.AccessKey{}, "", nil, err
	}
	s := secret.New(secretPrefix)
	next := verifiers{Current: secret.Verifier(s)}
	if overlap > 0 {
		until := k.now().Add(overlap).UTC()
		next.Previous, next.Until = old.Current, &until
	}
	sealed, err := json.Marshal(next)
	if err != nil {
		return statestore.AccessKey{}, "", nil, fmt.Errorf("access key: %w", err)
	}
	row, err := k.tables.AccessKeys.Rotate(ctx, id, sealed)
	return row, s, next.Until, err
}

// Authenticate returns the key that id and s prove, or ErrNotFound of package statestore, whatever was wrong.
func (k *Keys) Authenticate(ctx context.Context, id, s string) (statestore.AccessKey, error) {
	wrong := fmt.Errorf("access key %.40q: %w", id, statestore.ErrNotFound)
	if !strings.HasPrefix(id, keyIDPrefix) {
		return statestore.AccessKey{}, wrong
	}
	row, err := k.tables.AccessKeys.Get(ctx, id)
	if err != nil {
		return statestore.AccessKey{}, err
	}
	v, err := k.verifiers(ctx, id)
	if err != nil {
		return statestore.AccessKey{}, err
	}
	got := secret.Verifier(s)
	for _, want := range v.valid(k.now()) {
		if secret.Equal(got, want) && row.Usable(k.now()) {
			return row, nil
		}
	}
	return statestore.AccessKey{}, wrong
}

// Verifiers returns what proves a key now, the current one first: for nodes that let a client in directly.
func (k *Keys) Verifiers(ctx context.Context, id string) ([][]byte, error) {
	v, err := k.verifiers(ctx, id)
	if err != nil {
		return nil, err
	}
	return v.valid(k.now()), nil
}

func (k *Keys) verifiers(ctx context.Context, id string) (verifiers, error) {
	sealed, err := k.tables.AccessKeys.Secret(ctx, id)
	if err != nil {
		return verifiers{}, err
	}
	var v verifiers
	if err := json.Unmarshal(sealed, &v); err != nil {
		return verifiers{}, fmt.Errorf("verifier of access key %s: %w", id, err)
	}
	return v, nil
}

// Storage is where a tenant's files are, in the form of the stored row.
type Storage struct {
	Type string `json:"type"`
	Path string `json:"path"`
	// Preserve is what pushes may set of files there beyond times and modes.
	Preserve []string `json:"preserve,omitempty"`
}

// Preservable are what Storage.Preserve may hold.
func Preservable() []string { return []string{"owners", "acls", "xattrs"} }

// CheckStorage refuses storage that no node could serve.
func CheckStorage(raw json.RawMessage) error {
	var st Storage
	if err := json.Unmarshal(raw, &st); err != nil {
		return &Refused{Field: "storage", Problem: "is not readable: " + err.Error()}
	}
	switch {
	case st.Type != "local":
		return &Refused{Field: "storage.type", Problem: fmt.Sprintf("%q is not known; use local", st.Type)}
	case !filepath.IsAbs(st.Path):
		return &Refused{Field: "storage.path", Problem: "must be absolute: the nodes do not share a working directory"}
	case filepath.Clean(st.Path) == "/":
		return &Refused{Field: "storage.path", Problem: "is the whole machine; name a directory"}
	case slices.ContainsFunc(st.Preserve, func(s string) bool { return !slices.Contains(Preservable(), s) }):
		return &Refused{Field: "storage.preserve", Problem: "may hold owners, acls and xattrs"}
	case strings.ContainsRune(st.Path, 0), filepath.Clean(st.Path) != strings.TrimSuffix(st.Path, "/"):
		return &Refused{Field: "storage.path", Problem: "must be plain, without . or .."}
	}
	return nil
}

// Limits bound a tenant; zero is no limit. It is the form of the stored row.
type Limits struct {
	MaxRateBps  int64 `json:"max_rate_bps,omitempty"` // of one session, bits per second
	MaxSessions int   `json:"max_sessions,omitempty"` // on one node
}

// LimitsOf reads a row's limits.
func LimitsOf(row statestore.AccessKey) (Limits, error) {
	var l Limits
	if len(row.Limits) == 0 {
		return l, nil
	}
	if err := json.Unmarshal(row.Limits, &l); err != nil {
		return l, fmt.Errorf("limits of access key %s: %w", row.ID, err)
	}
	return l, nil
}
