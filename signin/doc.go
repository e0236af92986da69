// Package signin asks others who somebody is: an OpenID provider in the browser (code flow with PKCE, state and nonce),
// or a directory by LDAP (search as a service user, then bind as the person).
//
// It promises that a person is vouched for by the configured issuer or directory and by nobody else: the issuer of
// discovery, of the token and of the configuration must be equal; the token must be for this client and this attempt;
// a directory is spoken to only over TLS, must hold exactly one entry of the name, and an empty password is never sent,
// since directories take it for anonymous. What a person typed reaches a search filter only escaped.
//
// Every failure is one of two: a *RefusedError says that the person is not let in, an *UnavailableError that the
// provider could not be asked, and why. Neither holds a password, a token or a secret.
package signin

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/godwit/godwit/egress"
)

// Person is somebody whom a provider vouches for.
type Person struct {
	Subject string // the provider's own id of them; never given to another
	Name    string
	Groups  []string
}

// Network reaches providers; *egress.Dialer is one.
type Network interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	Client(o egress.Options) *http.Client
}

// RefusedError says that a person is not let in.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

// UnavailableError says that a provider could not be asked.
type UnavailableError struct {
	Doing string // "discovery", "search"
	Err   error
}

func (e *UnavailableError) Error() string { return e.Doing + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// exchange bounds one conversation with a provider.
const exchange = 15 * time.Second

// Rule gives the members of a group a role.
type Rule struct {
	Group string `json:"group" minLength:"1" maxLength:"512" doc:"As the provider names it."`
	Role  string `json:"role" enum:"viewer,operator,admin"`
}

// RoleOf is the greatest role that the rules give to a member of the groups; otherwise what everybody gets, which may be
// nothing.
func RoleOf(rules []Rule, everybody string, groups []string) string {
	rank := map[string]int{"viewer": 1, "operator": 2, "admin": 3}
	role := everybody
	for _, r := range rules {
		for _, g := range groups {
			if g == r.Group && rank[r.Role] > rank[role] {
				role = r.Role
			}
		}
	}
	return role
}
