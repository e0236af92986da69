package api

import "time"

// User is a person who signs in.
type User struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Role      Role       `json:"role" enum:"viewer,operator,admin"`
	CreatedAt time.Time  `json:"created_at"`
	LastSeen  *time.Time `json:"last_seen_at,omitempty"`
	Disabled  bool       `json:"disabled" doc:"May not sign in; sessions have ended and tokens do not work."`
	External  bool       `json:"external" doc:"Signs in by a provider, which says the role by its groups."`
	Provider  string     `json:"provider_id,omitempty" doc:"The sign-in provider, of those who come by one."`
}

// Session is a signed-in browser or command line of a user.
type Session struct {
	ID        string    `json:"id"`
	User      Ref       `json:"user"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used_at" doc:"To ten minutes."`
	ExpiresAt time.Time `json:"expires_at"`
	Address   string    `json:"address,omitempty" doc:"Where the sign-in came from."`
	Agent     string    `json:"agent,omitempty" doc:"What the browser or program called itself."`
	Current   bool      `json:"current" doc:"The session that asks."`
}

// Me is who the caller is, and what may be shown to them.
type Me struct {
	Kind string `json:"kind" enum:"user,api_token" doc:"What signed in."`
	ID   string `json:"id"`
	Name string `json:"name"`
	Role Role   `json:"role" enum:"viewer,operator,admin"`
	// Expires is when a session or token ends.
	Expires *time.Time `json:"expires_at,omitempty"`
}

// Setup says whether the first administrator is still to be made.
type Setup struct {
	Required bool `json:"required" doc:"True until the first administrator exists: open the set-up link that the manager printed."`
}

// SetupRequest makes the first administrator.
type SetupRequest struct {
	Token    string `json:"token" minLength:"16" maxLength:"256" doc:"From the set-up link; works once."`
	Name     string `json:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9._@-]+$" patternDescription:"letters, digits and . _ @ -" doc:"Sign-in name."`
	Password string `json:"password" minLength:"10" maxLength:"512"`
}

// SignIn opens a session.
type SignIn struct {
	Name     string `json:"name" minLength:"1" maxLength:"64"`
	Password string `json:"password" minLength:"1" maxLength:"512"`
	Provider string `json:"provider,omitempty" maxLength:"64" doc:"Name of a directory that knows the person; left out, the password is one kept here."`
}

// UserCreate adds a user.
type UserCreate struct {
	Name     string `json:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9._@-]+$" patternDescription:"letters, digits and . _ @ -"`
	Password string `json:"password" minLength:"10" maxLength:"512"`
	Role     Role   `json:"role" enum:"viewer,operator,admin"`
}

// UserUpdate changes a user; what is left out stays.
type UserUpdate struct {
	Name     *string `json:"name,omitempty" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9._@-]+$" patternDescription:"letters, digits and . _ @ -" doc:"Sessions and API tokens go on; audit entries of before keep the old name. Who signs in by a provider is known to it by another id, and keeps this name."`
	Role     *Role   `json:"role,omitempty" enum:"viewer,operator,admin"`
	Password *string `json:"password,omitempty" minLength:"10" maxLength:"512" doc:"Ends the user's sessions."`
	Disabled *bool   `json:"disabled,omitempty" doc:"True ends the user's sessions and lets no more begin."`
}

// PasswordChange changes the caller's own password and ends their other sessions.
type PasswordChange struct {
	Current string `json:"current" minLength:"1" maxLength:"512"`
	New     string `json:"new" minLength:"10" maxLength:"512"`
}

// APIToken lets a program act with a role.
type APIToken struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Role      Role       `json:"role" enum:"viewer,operator,admin"`
	Scopes    []string   `json:"scopes" doc:"What it may do below its role, such as clusters:read; empty, all of it."`
	Owner     string     `json:"owner,omitempty" doc:"The user who made it."`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	LastUsed  *time.Time `json:"last_used_at,omitempty"`
}

// APITokenCreate makes a token, with at most the role of its maker.
type APITokenCreate struct {
	Name      string   `json:"name" minLength:"1" maxLength:"64"`
	Role      Role     `json:"role" enum:"viewer,operator,admin"`
	Scopes    []string `json:"scopes,omitempty" maxItems:"64" uniqueItems:"true" doc:"Narrow it below its role: area:read or area:write, the areas being those that x-godwit-scope of the operations names. Left out, all that the role may."`
	ExpiresIn int64    `json:"expires_in_s,omitempty" minimum:"60" maximum:"157680000" doc:"Seconds until it ends; left out, it lasts until it is deleted."`
}

// APITokenUpdate changes a token; what is left out stays. The role stays.
type APITokenUpdate struct {
	Name      *string  `json:"name,omitempty" minLength:"1" maxLength:"64"`
	Scopes    []string `json:"scopes,omitempty" maxItems:"64" uniqueItems:"true" doc:"All that it shall have; see APITokenCreate."`
	ExpiresIn *int64   `json:"expires_in_s,omitempty" minimum:"60" maximum:"157680000" doc:"Seconds until it ends, from now."`
}

// APITokenCreated is the one answer that holds the token itself.
type APITokenCreated struct {
	APIToken
	Token string `json:"token" doc:"Shown this once. Send it as Authorization: Bearer."`
}
