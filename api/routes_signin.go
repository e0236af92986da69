package api

import (
	"crypto/x509"
	"net/http"

	"github.com/godwit/godwit/signin"
)

type providersIn struct{ Paging }

type providerIn struct {
	ID string `path:"provider" maxLength:"64" doc:"Id or name."`
}

type providerCreateIn struct{ Body SignInProviderCreate }

type providerUpdateIn struct {
	ID      string `path:"provider" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    SignInProviderUpdate
}

type oidcIn struct {
	Provider string `path:"provider" maxLength:"64" doc:"Name."`
}

type oidcBackIn struct {
	Provider string      `path:"provider" maxLength:"64" doc:"Name."`
	State    string      `query:"state" maxLength:"512"`
	Code     string      `query:"code" maxLength:"4096"`
	Issuer   string      `query:"iss" maxLength:"512" doc:"Of providers that name themselves (RFC 9207); the token says it, too."`
	Session  string      `query:"session_state" maxLength:"512" doc:"Not used."`
	Scope    string      `query:"scope" maxLength:"1024" doc:"Not used."`
	Error    string      `query:"error" maxLength:"256"`
	Detail   string      `query:"error_description" maxLength:"2048" doc:"Not shown: anybody could write it."`
	Help     string      `query:"error_uri" maxLength:"2048" doc:"Not used."`
	Attempt  http.Cookie `cookie:"__Host-godwit-sign-in"`
}

// redirection sends a browser elsewhere.
type redirection struct {
	Location string        `header:"Location"`
	Cookies  []http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signInRoutes() {
	const account, tag = tagAccount, "Sign-in providers"
	missing := []int{http.StatusNotFound}
	register(s, operation{id: "get-sign-in-methods", method: get, path: "/sign-in-methods", tag: account, role: RolePublic,
		summary: "By what can people sign in here, and which provider fails?"}, s.getSignInMethods)
	register(s, operation{id: "begin-oidc-sign-in", method: get, path: "/sign-in/oidc/{provider}", tag: account, role: RolePublic, status: http.StatusSeeOther,
		summary: "Send the browser to an OpenID provider",
		detail:  "When the provider cannot be asked, the browser goes back to the console with sign_in, provider and detail in its address.",
		errors:  []int{http.StatusNotFound, http.StatusTooManyRequests}}, s.beginOIDC)
	register(s, operation{id: "finish-oidc-sign-in", method: get, path: "/sign-in/oidc/{provider}/callback", tag: account, role: RolePublic, status: http.StatusSeeOther,
		summary: "Where an OpenID provider sends the browser back to", errors: missing}, s.finishOIDC)

	register(s, operation{id: "list-sign-in-providers", method: get, path: "/sign-in-providers", tag: tag, role: RoleAdmin,
		summary: "List sign-in providers and how they answered last"}, s.listProviders)
	register(s, operation{id: "create-sign-in-provider", method: post, path: "/sign-in-providers", tag: tag, role: RoleAdmin, status: http.StatusCreated,
		summary: "Add an OpenID provider or a directory", errors: []int{http.StatusConflict}}, s.createProvider)
	register(s, operation{id: "get-sign-in-provider", method: get, path: "/sign-in-providers/{provider}", tag: tag, role: RoleAdmin,
		summary: "Get a sign-in provider", errors: missing}, s.getProvider)
	register(s, operation{id: "update-sign-in-provider", method: patch, path: "/sign-in-providers/{provider}", tag: tag, role: RoleAdmin,
		summary: "Change a sign-in provider; fields left out stay, oidc and ldap are replaced whole", errors: missing}, s.updateProvider)
	register(s, operation{id: "delete-sign-in-provider", method: del, path: "/sign-in-providers/{provider}", tag: tag, role: RoleAdmin, status: http.StatusNoContent,
		summary: "Remove a sign-in provider; its users stay, disabled", errors: missing}, s.deleteProvider)
	register(s, operation{id: "test-sign-in-provider", method: post, path: "/sign-in-providers/{provider}/test", tag: tag, role: RoleAdmin,
		summary: "Ask a provider now whether it answers as it is configured", errors: missing}, s.testProvider)
}

// directory is a configured directory, ready to be asked.
func (c providerConfig) directory(roots *x509.CertPool, network signin.Network, secret string) signin.LDAP {
	return signin.LDAP{
		URL: c.LDAP.URL, BindDN: c.LDAP.BindDN, BindPassword: secret, UserBase: c.LDAP.UserBase, UserFilter: c.LDAP.UserFilter,
		NameAttribute: c.LDAP.NameAttribute, IDAttribute: c.LDAP.IDAttribute, GroupBase: c.LDAP.GroupBase,
		GroupFilter: c.LDAP.GroupFilter, GroupAttribute: c.LDAP.GroupAttribute, Roots: roots, Network: network,
	}
}
