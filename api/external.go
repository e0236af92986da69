package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/godwit/godwit/signin"
	"github.com/godwit/godwit/statestore"
)

// attemptCookie keeps a sign-in that is under way at an OpenID provider, sealed, in the browser that began it. It is Lax,
// since the way back begins on the provider's page.
const (
	attemptCookie = "__Host-godwit-sign-in"
	attemptTime   = 10 * time.Minute
)

// attempt is what is in the cookie.
type attempt struct {
	signin.Attempt
	Provider string    `json:"provider"`
	Ends     time.Time `json:"ends"`
}

// external is a provider that can be asked.
type external struct {
	row    statestore.SignInProvider
	config providerConfig
	oidc   signin.OIDC
	ldap   signin.LDAP
}

// provider makes a stored provider ready to be asked.
func (s *Server) provider(ctx context.Context, row statestore.SignInProvider) (external, error) {
	c, err := readProvider(row)
	if err != nil {
		return external{}, err
	}
	secret, err := s.store.SignIn.Secret(ctx, row.ID)
	if err != nil {
		return external{}, err
	}
	out := external{row: row, config: c}
	switch {
	case c.OIDC != nil:
		pool, err := roots(c.OIDC.CA)
		if err != nil {
			return out, err
		}
		out.oidc = signin.OIDC{
			Issuer: c.OIDC.Issuer, ClientID: c.OIDC.ClientID, ClientSecret: string(secret), Scopes: c.OIDC.Scopes,
			NameClaim: c.OIDC.NameClaim, GroupsClaim: c.OIDC.GroupsClaim, Roots: pool, Network: s.network, Now: s.now,
		}
	case c.LDAP != nil:
		pool, err := roots(c.LDAP.CA)
		if err != nil {
			return out, err
		}
		out.ldap = c.directory(pool, s.network, string(secret))
	}
	return out, nil
}

func (e external) test(ctx context.Context) error {
	if e.config.OIDC != nil {
		return e.oidc.Test(ctx)
	}
	return e.ldap.Test(ctx)
}

// enabledProvider is one of a kind that people may use now.
func (s *Server) enabledProvider(ctx context.Context, name string, kind statestore.ProviderKind) (external, error) {
	row, err := s.store.SignIn.ByName(ctx, name)
	if errors.Is(err, statestore.ErrNotFound) || err == nil && (!row.Enabled || row.Kind != kind) {
		return external{}, notFound("sign-in provider", name)
	}
	if err != nil {
		return external{}, err
	}
	return s.provider(ctx, row)
}

// report notes how a provider answered, when that is news. It must not fail a sign-in.
func (s *Server) report(ctx context.Context, row statestore.SignInProvider, err error) {
	failure := ""
	var away *signin.UnavailableError
	if errors.As(err, &away) {
		failure = away.Error()
		s.log.WarnContext(ctx, "sign-in provider cannot be asked", "provider", row.Name, "error", away)
	} else if err == nil && row.OkAt != nil && row.Failure == "" && s.now().Sub(*row.OkAt) < time.Minute {
		return
	}
	if err := s.store.SignIn.Report(ctx, row.ID, failure); err != nil {
		s.log.WarnContext(ctx, "how a sign-in provider answered was not noted", "provider", row.Name, "error", err)
	}
}

// providerProblem says to a person why a provider did not let them in.
func providerProblem(provider string, err error) error {
	var away *signin.UnavailableError
	var refused *signin.RefusedError
	switch {
	case errors.As(err, &away):
		return newProblem(http.StatusBadGateway, "provider_unavailable", "the sign-in provider "+provider+
			" cannot be asked at the moment; try again later, or sign in with a password kept here. Administrators see why in its settings")
	case errors.As(err, &refused):
		return unauthorized(refused.Why)
	}
	return err
}

// signInByDirectory asks a directory for the person of a name and password.
func (s *Server) signInByDirectory(ctx context.Context, in SignIn) (*signedIn, error) {
	address := callerOf(ctx).address
	guess := in.Provider + "\x00" + in.Name
	if err := s.guesses.take(address, guess); err != nil {
		return nil, err
	}
	p, err := s.enabledProvider(ctx, in.Provider, statestore.ProviderLDAP)
	if err != nil {
		return nil, err
	}
	person, err := p.ldap.SignIn(ctx, in.Name, in.Password)
	s.report(ctx, p.row, err)
	if err != nil {
		return nil, s.refused(ctx, p.row.Name, in.Name, providerProblem(p.row.Name, err))
	}
	s.guesses.forgive(address, guess)
	session, err := s.admit(ctx, p, person)
	if err != nil {
		return nil, s.refused(ctx, p.row.Name, in.Name, err)
	}
	return session, nil
}

// userName is what a person may be called here.
var userName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)

// admit opens a session for a person whom a provider vouches for. The first time it makes a user; each time the user gets
// the role that their groups give now.
func (s *Server) admit(ctx context.Context, p external, person signin.Person) (*signedIn, error) {
	role := signin.RoleOf(p.config.Roles, p.config.DefaultRole, person.Groups)
	if role == "" {
		return nil, newProblem(http.StatusForbidden, "no_role", person.Name+" is in no group that may sign in here; an administrator names groups in the settings of the provider "+p.row.Name)
	}
	if !userName.MatchString(person.Name) {
		return nil, newProblem(http.StatusForbidden, "bad_name", "the provider's name of you is none that can be used here: letters, digits and . _ @ - only, 64 at most")
	}
	user, err := s.store.Users.BySubject(ctx, p.row.ID, person.Subject)
	switch {
	case errors.Is(err, statestore.ErrNotFound):
		user, err = s.welcome(ctx, p, person, statestore.Role(role))
	case err != nil:
	case user.DisabledAt != nil:
		err = newProblem(http.StatusForbidden, "disabled", user.Name+" is disabled here; ask an administrator")
	case string(user.Role) != role:
		user, err = s.follow(ctx, p, user.ID, statestore.Role(role))
	}
	if err != nil {
		return nil, err
	}
	return s.open(ctx, user)
}

// welcome makes the user of a person who is here for the first time. A name that somebody else has is never taken over.
func (s *Server) welcome(ctx context.Context, p external, person signin.Person, role statestore.Role) (statestore.User, error) {
	user := statestore.User{Name: person.Name, Role: role, ProviderID: &p.row.ID, Subject: person.Subject}
	err := s.change(ctx, "create", "user", func(tx *statestore.Tables, a *trail) error {
		var err error
		a.by.kind, a.by.name = kindUser, person.Name
		user, err = tx.Users.Create(ctx, user, "")
		if errors.Is(err, statestore.ErrConflict) {
			return newProblem(http.StatusConflict, "name_taken", "another user here is called "+person.Name+"; an administrator must rename one of you")
		}
		a.id, a.version = user.ID, user.Version
		a.after = map[string]any{"name": user.Name, "role": user.Role, "provider": p.row.Name, "groups": person.Groups}
		return err
	})
	return user, err
}

// follow gives a user the role that the groups give now.
func (s *Server) follow(ctx context.Context, p external, id string, role statestore.Role) (statestore.User, error) {
	var user statestore.User
	err := s.change(ctx, "update", "user", func(tx *statestore.Tables, a *trail) error {
		old, err := tx.Users.Get(ctx, id)
		if err != nil {
			return err
		}
		a.id, a.before = id, userView(old)
		a.by.kind, a.by.name = kindUser, old.Name
		old.Role = role
		user, err = tx.Users.Update(ctx, old)
		a.version, a.after = user.Version, userView(user)
		return err
	})
	return user, err
}

// beginOIDC sends the browser to a provider.
func (s *Server) beginOIDC(ctx context.Context, in *oidcIn) (*redirection, error) {
	if err := s.guesses.visit(callerOf(ctx).address); err != nil {
		return nil, err
	}
	p, err := s.enabledProvider(ctx, in.Provider, statestore.ProviderOIDC)
	if err != nil {
		return nil, err
	}
	public, err := s.publicURL(ctx)
	if err != nil {
		return nil, err
	}
	to, begun, err := p.oidc.Begin(ctx, redirectURL(public, p.row.Name))
	s.report(ctx, p.row, err)
	if err != nil {
		return s.backToSignIn(ctx, p.row.Name, providerProblem(p.row.Name, err)), nil
	}
	raw, err := json.Marshal(attempt{Attempt: begun, Provider: p.row.Name, Ends: s.now().Add(attemptTime)})
	if err != nil {
		return nil, err
	}
	return &redirection{Location: to, Cookies: []http.Cookie{attemptCookieOf(s.store.SealText(raw, attemptCookie), attemptTime)}}, nil
}

func attemptCookieOf(value string, age time.Duration) http.Cookie {
	return http.Cookie{Name: attemptCookie, Value: value, Path: "/", MaxAge: int(age.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// finishOIDC takes the browser back from a provider. It always answers with a redirect to the console: a person looks on.
func (s *Server) finishOIDC(ctx context.Context, in *oidcBackIn) (*redirection, error) {
	p, err := s.enabledProvider(ctx, in.Provider, statestore.ProviderOIDC)
	if err != nil {
		return nil, err
	}
	session, err := s.completeOIDC(ctx, p, in)
	if err != nil {
		return s.backToSignIn(ctx, in.Provider, err), nil
	}
	return &redirection{Location: "/", Cookies: []http.Cookie{session.Cookie, attemptCookieOf("", -time.Second)}}, nil
}

func (s *Server) completeOIDC(ctx context.Context, p external, in *oidcBackIn) (*signedIn, error) {
	var begun attempt
	raw, err := s.store.OpenText(in.Attempt.Value, attemptCookie)
	if err != nil || json.Unmarshal(raw, &begun) != nil || begun.Provider != in.Provider || s.now().After(begun.Ends) {
		return nil, newProblem(http.StatusUnauthorized, "expired", "the sign-in took too long, or was begun in another browser; begin again")
	}
	if in.Error != "" {
		return nil, newProblem(http.StatusUnauthorized, "refused", "the provider "+in.Provider+" did not sign you in")
	}
	public, err := s.publicURL(ctx)
	if err != nil {
		return nil, err
	}
	person, err := p.oidc.Complete(ctx, redirectURL(public, p.row.Name), begun.Attempt, in.State, in.Code)
	s.report(ctx, p.row, err)
	if err != nil {
		return nil, providerProblem(p.row.Name, err)
	}
	return s.admit(ctx, p, person)
}

// backToSignIn shows a person why they were not signed in: the console reads it from its address.
func (s *Server) backToSignIn(ctx context.Context, provider string, err error) *redirection {
	p := s.refused(ctx, provider, "", err)
	q := url.Values{"sign_in": {p.Code}, "provider": {provider}, "detail": {p.Detail}}
	return &redirection{Location: "/?" + q.Encode(), Cookies: []http.Cookie{attemptCookieOf("", -time.Second)}}
}
