// Package invite is what a stand-alone server prints and a client is given: one
// address that says where the server is, which certificate to expect there, and
// the secret that lets one in.
//
//	godwit://KEY@HOST:PORT/PATH
//
// KEY is the SHA-256 of the certificate and 128 random bits, in base64url. Who
// knows it can verify the server and prove itself; the secret does not travel
// (see transfer.AccessKeyProof). Nothing in an address needs quoting in a
// shell.
package invite

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/godwit/godwit/transfer"
)

// AccessKey is the name under which the holder of an invitation presents
// itself.
const AccessKey = "invitation"

const (
	pinSize    = 32
	secretSize = 16
)

// Key is the secret part of an address.
type Key struct {
	pin    [pinSize]byte
	secret [secretSize]byte
}

// ErrKey is the error of a KEY that none was made from.
var ErrKey = errors.New("the part before @ is not a key that godwit serve printed: copy the whole address")

// ParseKey is the inverse of String.
func ParseKey(s string) (Key, error) {
	var k Key
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") || len(b) != pinSize+secretSize { // line ends, the decoder passes over
		return k, ErrKey
	}
	copy(k.pin[:], b)
	copy(k.secret[:], b[pinSize:])
	return k, nil
}

// String returns the key as it stands in an address. It is a secret.
func (k Key) String() string {
	return base64.RawURLEncoding.EncodeToString(append(k.pin[:], k.secret[:]...))
}

// CertSHA256 is the pin of the server's certificate in hexadecimal.
func (k Key) CertSHA256() string { return hex.EncodeToString(k.pin[:]) }

// Secret is what the holder proves to know.
func (k Key) Secret() string { return base64.RawURLEncoding.EncodeToString(k.secret[:]) }

// Verifies reports whether c is of somebody who holds the key.
func (k Key) Verifies(c transfer.Credential) bool {
	return c.AccessKey == AccessKey && transfer.CheckAccessKeyProof(transfer.AccessKeyVerifier(k.Secret()), c)
}

// Spec says how the holder reaches a server at host and port.
func (k Key) Spec(host string, port int) transfer.Spec {
	return transfer.Spec{
		Version: transfer.SpecVersion, Host: host, Port: port, CertSHA256: k.CertSHA256(),
		AccessKey: AccessKey, Secret: k.Secret(),
	}
}

// Address is the whole invitation; hostport as of net.JoinHostPort.
func (k Key) Address(hostport string) string { return fmt.Sprintf("godwit://%s@%s/", k, hostport) }
