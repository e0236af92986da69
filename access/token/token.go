// Package token makes and checks transfer tokens: what a client shows a node to be let in.
//
// A token is a JWT signed with Ed25519 by the manager. Nodes check it offline, so this package reaches for nothing:
// no store, no network, no clock of its own. It promises:
//
//   - One algorithm, EdDSA, and one type, "godwit-transfer". The header's key id picks among keys that the node was
//     given; nothing else in the header is looked at, least of all a key.
//   - A token without an expiry, a client key or a claim that this version knows is refused, and so is one with a claim
//     that it does not know: a restriction that is not understood must not be passed over.
//   - A token is worth nothing to anybody who cannot prove the client key in it. The proof itself is made over the TLS
//     exporter, by package transfer; [Claims.BoundTo] is the comparison.
package token

import (
	"bytes"
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// Version is the claims' version; a verifier refuses any other.
	Version = 1
	// MaxSize is the most bytes that a token has; what is longer is not looked at.
	MaxSize = 16 << 10

	typ      = "godwit-transfer"
	audience = "godwit-node"
	// leeway forgives clocks that differ: nodes are kept by NTP, new ones may not yet be.
	leeway = 30 * time.Second
)

// The reasons for which a token is refused. They are told apart with errors.Is.
var (
	ErrMalformed  = errors.New("transfer token is malformed")
	ErrUnknownKey = errors.New("transfer token is signed with an unknown key")
	ErrSignature  = errors.New("transfer token's signature is wrong")
	ErrExpired    = errors.New("transfer token has expired")
	ErrClientKey  = errors.New("transfer token belongs to another client")
)

// Claims are what a token grants.
type Claims struct {
	Version int    `json:"v"`
	ID      string `json:"jti"`
	// Audience is filled in by Sign.
	Audience string `json:"aud"`
	Cluster  string `json:"cluster"` // cluster id
	Tenant   string `json:"tenant"`  // access key id
	// Transfer is the transfer that the token serves; empty for direction list.
	Transfer  string `json:"transfer,omitempty"`
	Direction string `json:"direction"` // push, pull or list, as the client sees it
	// Paths are prefixes below BasePath that the client may name; empty: all.
	Paths    []string `json:"paths,omitempty"`
	BasePath string   `json:"base,omitempty"` // below the tenant's root
	// Permissions of the access key when the token was made: read, write, delete, list.
	Permissions []string `json:"perm"`
	Limits      Limits   `json:"limits"`
	ClientKey   []byte   `json:"client_key"` // Ed25519 public key
	IssuedAt    int64    `json:"iat"`        // seconds since 1970
	ExpiresAt   int64    `json:"exp"`        // seconds since 1970
}

// Limits bound a transfer; 0 and "" are no limit.
type Limits struct {
	MaxRateBps  int64  `json:"max_rate_bps,omitempty"` // bits per second
	MaxPolicy   string `json:"max_policy,omitempty"`   // strongest congestion policy: fixed, high, fair, low
	MaxSessions int    `json:"max_sessions,omitempty"`
}

// Expires is when the token stops opening sessions.
func (c *Claims) Expires() time.Time { return time.Unix(c.ExpiresAt, 0).UTC() }

// BoundTo returns nil when key, whose possession the caller has proved, is the one in the token; else ErrClientKey.
func (c *Claims) BoundTo(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize || subtle.ConstantTimeCompare(c.ClientKey, key) != 1 {
		return ErrClientKey
	}
	return nil
}

// Sign makes a token with the key that keyID names. Version and Audience are filled in.
func Sign(keyID string, key ed25519.PrivateKey, c Claims) (string, error) {
	c.Version, c.Audience = Version, audience
	if err := c.check(); err != nil {
		return "", err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wire{c})
	t.Header["kid"], t.Header["typ"] = keyID, typ
	s, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign transfer token: %w", err)
	}
	if len(s) > MaxSize {
		return "", fmt.Errorf("%w: %d bytes are more than %d; name fewer paths", ErrMalformed, len(s), MaxSize)
	}
	return s, nil
}

// Keys are the verification keys by key id. A nil map refuses every token.
type Keys map[string]ed25519.PublicKey

// Verify checks signature, form and expiry against now, and returns what the token grants.
// Whether the client is the one in it, and whether its transfer goes on, is for the caller to check.
func (k Keys) Verify(token string, now time.Time) (*Claims, error) {
	if len(token) > MaxSize {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxSize)
	}
	var w wire
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(func() time.Time { return now }),
	)
	_, err := parser.ParseWithClaims(token, &w, func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != typ {
			return nil, fmt.Errorf("%w: it is no transfer token", ErrMalformed)
		}
		id, _ := t.Header["kid"].(string)
		key, ok := k[id]
		if !ok || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%w %.40q", ErrUnknownKey, id)
		}
		return key, nil
	})
	switch {
	case err == nil:
	case errors.Is(err, ErrUnknownKey), errors.Is(err, ErrMalformed):
		return nil, err
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, fmt.Errorf("%w at %s", ErrExpired, w.Expires().Format(time.RFC3339))
	default:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return &w.Claims, nil
}

// check refuses claims that no manager makes.
func (c *Claims) check() error {
	switch {
	case c.Version != Version:
		return fmt.Errorf("%w: version %d, this program knows %d", ErrMalformed, c.Version, Version)
	case c.ID == "", c.Cluster == "", c.Tenant == "":
		return fmt.Errorf("%w: id, cluster or tenant is missing", ErrMalformed)
	case c.Direction != "push" && c.Direction != "pull" && c.Direction != "list":
		return fmt.Errorf("%w: direction %.20q", ErrMalformed, c.Direction)
	case c.Transfer == "" && c.Direction != "list":
		return fmt.Errorf("%w: transfer is missing", ErrMalformed)
	case len(c.ClientKey) != ed25519.PublicKeySize:
		return fmt.Errorf("%w: no client key", ErrMalformed)
	case c.ExpiresAt <= 0:
		return fmt.Errorf("%w: no expiry", ErrMalformed)
	case c.Limits.MaxRateBps < 0, c.Limits.MaxSessions < 0:
		return fmt.Errorf("%w: negative limit", ErrMalformed)
	}
	return nil
}

// wire is Claims as the JWT library wants them.
type wire struct{ Claims }

// UnmarshalJSON refuses claims that it does not know.
func (w *wire) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(&w.Claims)
}

// MarshalJSON writes the claims themselves.
func (w wire) MarshalJSON() ([]byte, error) { return json.Marshal(w.Claims) }

// GetExpirationTime is the JWT library's view of exp.
func (w wire) GetExpirationTime() (*jwt.NumericDate, error) { return date(w.ExpiresAt), nil }

// GetIssuedAt is the JWT library's view of iat.
func (w wire) GetIssuedAt() (*jwt.NumericDate, error) { return date(w.IssuedAt), nil }

// GetNotBefore is absent: a token serves from the time it was made.
func (w wire) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil } //nolint:nilnil // the library's way to say "none"

// GetIssuer is absent: the key id says who.
func (w wire) GetIssuer() (string, error) { return "", nil }

// GetSubject is the tenant.
func (w wire) GetSubject() (string, error) { return w.Tenant, nil }

// GetAudience is the JWT library's view of aud.
func (w wire) GetAudience() (jwt.ClaimStrings, error) { return jwt.ClaimStrings{w.Audience}, nil }

func date(seconds int64) *jwt.NumericDate {
	if seconds == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0))
}
