package transfer

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"os"
	"time"
)

// Credential is what a client presented and proved when it opened a session.
type Credential struct {
	// Token is set when the client came with a transfer token.
	Token string

	// ClientKey is the key whose possession the client proved by signing the
	// Binding of this very connection; nil when it proved none. A token that
	// is bound to a key must be refused unless it equals this one.
	ClientKey ed25519.PublicKey

	// AccessKey and Proof are set when the client came with an access key:
	// Proof is to equal AccessKeyProof(key, Binding).
	AccessKey string
	Proof     []byte

	// Binding is the TLS exporter value of the connection, 32 bytes. It is
	// different for each connection, so that a proof cannot be replayed.
	Binding []byte

	RemoteAddr netip.AddrPort
}

// Request is what the client wants to do.
type Request struct {
	Direction  Direction
	Paths      []string // cleaned, slash-separated, relative to the root: sources, destination or listed directory; "." is the root
	TransferID string   // "" when the client named none
	Resumed    bool     // the client says that an earlier session of the same transfer broke
}

// Grant is what a client may do in one session.
type Grant struct {
	Tenant     string // for reports
	TransferID string // for reports and part files; "" takes the request's, or a new one

	// OpenRoot opens the tenant's root. The session closes what it returns.
	OpenRoot func() (*os.Root, error)

	// BasePath is a directory under the root that is the client's "/", so that
	// all paths of request and grant are relative to it; it is made when
	// missing. "" is the root itself.
	BasePath string

	// Resolve says where a path of the request really is in the root, for a
	// root whose links may lead anywhere; follow: through the path's own link
	// too. nil: where it says.
	Resolve func(path string, follow bool) string

	Directions []Direction // empty: all
	// Delete lets the client remove: extras at the destination of a push, and
	// sources after a pull.
	Delete bool
	// Preserve is what a push may set of files beyond times and modes. Times of
	// access are always allowed.
	Preserve []Attribute
	Paths    []string // prefixes that every path of the request must lie under; empty: all

	MaxRate     int64     // bit/s, 0: no limit of its own
	MaxPolicy   Policy    // strongest policy (fixed > high > fair > low); "": any
	Expires     time.Time // the session ends then; zero: never
	MaxSessions int       // sessions of this TransferID at once on this node; 0: no limit
}

// Authorizer decides who may do what. Authorize is called once per session,
// from several goroutines at once, before anything of the tenant is touched.
// It returns an [*Error] with CodeUnauthorized, CodeExpired, CodeEnded or
// CodeBusy; any other error is logged and shown as "internal".
type Authorizer interface {
	Authorize(ctx context.Context, c Credential, r Request) (Grant, error)
}

// AuthorizerFunc is a function as an [Authorizer].
type AuthorizerFunc func(ctx context.Context, c Credential, r Request) (Grant, error)

// Authorize calls f.
func (f AuthorizerFunc) Authorize(ctx context.Context, c Credential, r Request) (Grant, error) {
	return f(ctx, c, r)
}

// AccessKeyVerifier is the key that both ends derive from the secret of an
// access key: a node needs only this, never the secret.
func AccessKeyVerifier(secret string) [32]byte {
	return sha256.Sum256(append([]byte("godwit access key"), secret...))
}

// AccessKeyProof is HMAC-SHA256 of the connection's binding under the
// verifier: knowledge of the secret, good for one connection.
func AccessKeyProof(verifier [32]byte, binding []byte) []byte {
	m := hmac.New(sha256.New, verifier[:])
	m.Write(binding)
	return m.Sum(nil)
}

// CheckAccessKeyProof compares in constant time.
func CheckAccessKeyProof(verifier [32]byte, c Credential) bool {
	return hmac.Equal(AccessKeyProof(verifier, c.Binding), c.Proof)
}

// keyProofContext separates signatures over a binding from any other use of
// the client's key.
const keyProofContext = "godwit client key proof v1\x00"

// signBinding proves possession of key on the connection of binding.
func signBinding(key ed25519.PrivateKey, binding []byte) []byte {
	return ed25519.Sign(key, append([]byte(keyProofContext), binding...))
}

func checkBinding(key ed25519.PublicKey, binding, signature []byte) bool {
	return len(key) == ed25519.PublicKeySize &&
		ed25519.Verify(key, append([]byte(keyProofContext), binding...), signature)
}
