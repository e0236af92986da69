// Package secret makes the random credentials of Godwit and the hashes under which they are stored: API tokens, sessions,
// set-up tokens, access-key secrets. All of them hold 256 random bits, so that a plain SHA-256 is enough to store them
// by (there is nothing to guess), unlike passwords.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// bits of randomness: guessing is hopeless, also against many at once.
const size = 32

// New returns prefix and 43 random characters that survive URLs, shells and double clicks. The prefix tells people,
// and scanners for leaked secrets, what it is.
func New(prefix string) string {
	var b [size]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash is what is stored of a secret.
func Hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// accessKeyContext is shared with package transfer, whose clients prove an access key by it.
const accessKeyContext = "godwit access key"

// Verifier is what manager and nodes keep of an access key's secret: SHA-256("godwit access key" ‖ secret).
// It proves knowledge of the secret in a transfer's set-up and is itself kept sealed.
func Verifier(s string) []byte {
	h := sha256.Sum256([]byte(accessKeyContext + s))
	return h[:]
}

// Equal compares in constant time.
func Equal(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }
