package api

import (
	"time"

	"github.com/godwit/godwit/signin"
)

// SignInProvider vouches for people who have no password here.
type SignInProvider struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Kind        string        `json:"kind" enum:"oidc,ldap"`
	Title       string        `json:"title,omitempty" doc:"What the sign-in page calls it."`
	Enabled     bool          `json:"enabled"`
	OIDC        *OIDCConfig   `json:"oidc,omitempty"`
	LDAP        *LDAPConfig   `json:"ldap,omitempty"`
	HasSecret   bool          `json:"has_secret"`
	Roles       []signin.Rule `json:"roles" doc:"Who gets which role by their groups; the greatest counts."`
	DefaultRole string        `json:"default_role,omitempty" doc:"Of those whom no rule names; absent, they are not let in."`
	RedirectURL string        `json:"redirect_url,omitempty" doc:"Of an OpenID provider: register it there."`
	OkAt        *time.Time    `json:"ok_at,omitempty" doc:"When it last did what it is for."`
	FailedAt    *time.Time    `json:"failed_at,omitempty"`
	Failure     string        `json:"failure,omitempty" doc:"Why it fails now; absent while it does not."`
	CreatedAt   time.Time     `json:"created_at"`
	UpdatedAt   time.Time     `json:"updated_at"`
}

// OIDCConfig is how an OpenID provider is spoken to.
type OIDCConfig struct {
	Issuer      string   `json:"issuer" minLength:"9" maxLength:"512" pattern:"^https://" patternDescription:"an address that begins with https://" doc:"As the provider names itself, to the letter."`
	ClientID    string   `json:"client_id" minLength:"1" maxLength:"256"`
	Scopes      []string `json:"scopes,omitempty" maxItems:"16" doc:"Besides openid, profile and email."`
	NameClaim   string   `json:"name_claim,omitempty" maxLength:"64" doc:"Left out: preferred_username."`
	GroupsClaim string   `json:"groups_claim,omitempty" maxLength:"64" doc:"Left out: groups."`
	CA          string   `json:"ca_pem,omitempty" maxLength:"65536" doc:"Authorities to trust instead of the system's."`
}

// LDAPConfig is how a directory is spoken to.
type LDAPConfig struct {
	URL            string `json:"url" minLength:"8" maxLength:"512" doc:"ldaps://host, or ldap://host, which must speak StartTLS. Never without TLS."`
	BindDN         string `json:"bind_dn,omitempty" maxLength:"512" doc:"The user that searches; left out, nobody. The provider's secret is its password."`
	UserBase       string `json:"user_base" minLength:"1" maxLength:"512" doc:"Below which people are."`
	UserFilter     string `json:"user_filter,omitempty" maxLength:"1024" doc:"{name} is what was typed. Left out: (uid={name})."`
	NameAttribute  string `json:"name_attribute,omitempty" maxLength:"64" doc:"Left out: uid."`
	IDAttribute    string `json:"id_attribute,omitempty" maxLength:"64" doc:"What never changes about an entry. Left out: entryUUID; Active Directory: objectGUID."`
	GroupBase      string `json:"group_base,omitempty" maxLength:"512" doc:"Below which groups are; left out, those of memberOf count."`
	GroupFilter    string `json:"group_filter,omitempty" maxLength:"1024" doc:"{dn} and {name} are the person's. Left out: (member={dn})."`
	GroupAttribute string `json:"group_attribute,omitempty" maxLength:"64" doc:"Left out: cn."`
	CA             string `json:"ca_pem,omitempty" maxLength:"65536" doc:"Authorities to trust instead of the system's."`
}

// SignInProviderCreate adds a provider, of the kind whose part is given.
type SignInProviderCreate struct {
	Name        string        `json:"name" minLength:"1" maxLength:"32" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"small letters, digits and hyphens, with a hyphen at neither end" doc:"Part of the redirect URL."`
	Title       string        `json:"title,omitempty" maxLength:"64"`
	OIDC        *OIDCConfig   `json:"oidc,omitempty"`
	LDAP        *LDAPConfig   `json:"ldap,omitempty"`
	Secret      string        `json:"secret,omitempty" maxLength:"1024" doc:"Of the client, or the password of the user that searches. Stored sealed and never shown."`
	Roles       []signin.Rule `json:"roles,omitempty" maxItems:"200"`
	DefaultRole string        `json:"default_role,omitempty" enum:"viewer,operator,admin"`
	Disabled    bool          `json:"disabled,omitempty"`
}

// SignInProviderUpdate changes a provider; what is left out stays. The kind stays.
type SignInProviderUpdate struct {
	Title       *string        `json:"title,omitempty" maxLength:"64"`
	OIDC        *OIDCConfig    `json:"oidc,omitempty"`
	LDAP        *LDAPConfig    `json:"ldap,omitempty"`
	Secret      *string        `json:"secret,omitempty" maxLength:"1024" doc:"Empty: none."`
	Roles       *[]signin.Rule `json:"roles,omitempty" maxItems:"200"`
	DefaultRole *string        `json:"default_role,omitempty" enum:"viewer,operator,admin,none"`
	Enabled     *bool          `json:"enabled,omitempty"`
}

// SignInProviderVerdict is how a provider answered just now.
type SignInProviderVerdict struct {
	OK      bool   `json:"ok"`
	Failure string `json:"failure,omitempty"`
}

// SignInMethods are the ways in that the sign-in page shows.
type SignInMethods struct {
	Local     string         `json:"local" enum:"everyone,administrators" doc:"Who signs in with a password kept here."`
	Providers []SignInMethod `json:"providers"`
}

// SignInMethod is one provider on the sign-in page.
type SignInMethod struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Kind    string `json:"kind" enum:"oidc,ldap"`
	URL     string `json:"url,omitempty" doc:"Of an OpenID provider: where the browser goes. To a directory, send name and password with POST /sessions."`
	Failing bool   `json:"failing" doc:"It did not answer when it was asked last."`
}
