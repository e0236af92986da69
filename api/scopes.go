package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/godwit/godwit/statestore"
)

// Scopes narrow an API token below its role. A scope is an area and what may be done there: "clusters:read" or
// "clusters:write", which includes reading. An area is the tag that an operation has in the document, so that no
// operation is without one; x-godwit-scope names the scope that it asks for. A token without scopes of its own may do
// everything that its role may.
const (
	scopeRole  = "role:"
	scopeRead  = ":read"
	scopeWrite = ":write"
)

// tagAccount marks operations about the caller alone: every token may call them, whatever its scopes.
const tagAccount = "Account"

// scopeOf is what an operation asks a token for; "" asks for nothing.
func (o operation) scopeOf() string {
	if o.role == RolePublic || o.tag == tagAccount {
		return ""
	}
	area := strings.ReplaceAll(strings.ToLower(o.tag), " ", "-")
	if o.method == http.MethodGet || o.pure {
		return area + scopeRead
	}
	return area + scopeWrite
}

// ofScopes parts what a token's row holds: its role, and its scopes in the narrower sense.
func ofScopes(stored []string) (Role, []string) {
	role, rest := RolePublic, []string{}
	for _, sc := range stored {
		if r, ok := strings.CutPrefix(sc, scopeRole); ok {
			role = Role(r)
		} else {
			rest = append(rest, sc)
		}
	}
	return role, rest
}

// hasScope reports whether a caller may do what asks for want. Only tokens have scopes.
func (c caller) hasScope(want string) bool {
	if want == "" || c.kind != kindToken || len(c.scopes) == 0 || slices.Contains(c.scopes, want) {
		return true
	}
	area, reads := strings.CutSuffix(want, scopeRead)
	return reads && slices.Contains(c.scopes, area+scopeWrite)
}

// checkScopes refuses scopes that no operation asks for.
func (s *Server) checkScopes(wanted []string) error {
	for _, sc := range wanted {
		area, _ := strings.CutSuffix(strings.TrimSuffix(sc, scopeRead), scopeWrite)
		if !slices.Contains(s.scopes, area+scopeRead) && !slices.Contains(s.scopes, area+scopeWrite) || area == sc {
			return invalid("body.scopes", "%q is not a scope; there are %s", sc, strings.Join(s.scopes, ", "))
		}
	}
	return nil
}

// learnScope notes a scope that an operation asks for.
func (s *Server) learnScope(scope string) {
	if i, found := slices.BinarySearch(s.scopes, scope); !found && scope != "" {
		s.scopes = slices.Insert(s.scopes, i, scope)
	}
}

// storedScopes is how a token's role and scopes are kept.
func storedScopes(role Role, scopes []string) []string {
	return append([]string{scopeRole + string(role)}, scopes...)
}

func lesser(a, b Role) Role {
	if a.Includes(b) {
		return b
	}
	return a
}

// tokenRole is what a token may do now: never more than its maker.
func tokenRole(row statestore.APIToken, maker statestore.User) (Role, []string) {
	role, scopes := ofScopes(row.Scopes)
	return lesser(role, Role(maker.Role)), scopes
}
