package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/godwit/godwit/access/password"
	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/statestore"
)

// guesses limits sign-in attempts three ways: one person who mistypes, one machine that tries many names, and many
// machines that try one name. Only the last can lock somebody out, so it is wide.
type guesses struct {
	pair, address, name *throttle
	audited             *throttle     // refusals that are written down; see refused
	hashing             chan struct{} // argon2 takes 19 MiB each: a few at once
}

func newGuesses(now func() time.Time) guesses {
	return guesses{
		pair:    newThrottle(5, 20*time.Second, now),
		address: newThrottle(30, 2*time.Second, now),
		name:    newThrottle(100, time.Second, now),
		audited: newThrottle(auditedRefusals, auditedRefusalEvery, now),
		hashing: make(chan struct{}, 2),
	}
}

// take uses up an attempt, or refuses with 429.
func (g *guesses) take(address, name string) error {
	name = strings.ToLower(name)
	for _, t := range []struct {
		*throttle
		key string
	}{{g.pair, address + "\x00" + name}, {g.address, address}, {g.name, name}} {
		if wait, ok := t.take(t.key); !ok {
			p := newProblem(http.StatusTooManyRequests, "", "too many attempts to sign in; wait a moment")
			p.retryAfter(wait)
			return p
		}
	}
	return nil
}

// visit uses up one of an address' attempts where no name is guessed, or refuses with 429.
func (g *guesses) visit(address string) error {
	if wait, ok := g.address.take(address); !ok {
		p := newProblem(http.StatusTooManyRequests, "", "too many attempts to sign in; wait a moment")
		p.retryAfter(wait)
		return p
	}
	return nil
}

func (g *guesses) forgive(address, name string) {
	g.pair.forgive(address + "\x00" + strings.ToLower(name))
}

// hash runs f when there is room for another hash.
func (g *guesses) hash(ctx context.Context, f func()) error {
	select {
	case g.hashing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.hashing }()
	f()
	return nil
}

func (s *Server) getSetup(ctx context.Context, _ *struct{}) (*body[Setup], error) {
	n, err := s.store.Users.Count(ctx)
	if err != nil {
		return nil, err
	}
	return ok(Setup{Required: n == 0}), nil
}

// completeSetup makes the administrator of a set-up link, or gives an existing user a new password and the role: that
// is how somebody locked out comes back in (godwit-manager admin reset).
func (s *Server) completeSetup(ctx context.Context, in *setupIn) (*signedIn, error) {
	who := callerOf(ctx)
	if err := s.guesses.take(who.address, "\x00setup"); err != nil {
		return nil, err
	}
	// Asked first: a stranger's guess costs no hash.
	if _, err := s.store.SetupTokens.Check(ctx, statestore.Secret(in.Body.Token)); err != nil {
		return nil, setupRefusal(err)
	}
	hash, err := s.newPassword(ctx, "body.password", in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	var user statestore.User
	err = s.change(ctx, "set_up", "user", func(tx *statestore.Tables, a *trail) error {
		role, err := tx.SetupTokens.Consume(ctx, statestore.Secret(in.Body.Token))
		if err != nil {
			return setupRefusal(err)
		}
		user, err = tx.Users.ByName(ctx, in.Body.Name)
		switch {
		case errors.Is(err, statestore.ErrNotFound):
			user, err = tx.Users.Create(ctx, statestore.User{Name: in.Body.Name, Role: role}, hash)
		case err == nil:
			if user.ProviderID != nil {
				return conflict("%s signs in by a provider; take another name", user.Name)
			}
			user.Role, user.DisabledAt = role, nil
			if user, err = tx.Users.Update(ctx, user); err == nil {
				err = tx.Users.SetPassword(ctx, user.ID, hash, nil)
			}
		}
		if err != nil {
			return err
		}
		a.id, a.after = user.ID, userView(user)
		a.by.kind, a.by.name = kindUser, user.Name
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.guesses.forgive(who.address, "\x00setup")
	return s.open(ctx, user)
}

func setupRefusal(err error) error {
	switch {
	case errors.Is(err, statestore.ErrUsed):
		return unauthorized("the set-up link was used already; `godwit-manager admin reset` prints a new one")
	case errors.Is(err, statestore.ErrExpired):
		return unauthorized("the set-up link has expired; `godwit-manager admin reset` prints a new one")
	case errors.Is(err, statestore.ErrNotFound):
		return unauthorized("the set-up link is not valid; `godwit-manager admin reset` prints a new one")
	}
	return err
}

func (s *Server) signIn(ctx context.Context, in *signInIn) (*signedIn, error) {
	if in.Body.Provider != "" {
		return s.signInByDirectory(ctx, in.Body)
	}
	address := callerOf(ctx).address
	if err := s.guesses.take(address, in.Body.Name); err != nil {
		return nil, err
	}
	user, good, err := s.checkPassword(ctx, in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	if !good {
		return nil, s.refused(ctx, "", in.Body.Name, unauthorized("name or password is wrong"))
	}
	s.guesses.forgive(address, in.Body.Name)
	if v, _, err := s.readSettings(ctx, s.store.Tables); err != nil {
		return nil, err
	} else if v.LocalSignIn == administrators && Role(user.Role) != RoleAdmin {
		return nil, s.refused(ctx, "", in.Body.Name,
			newProblem(http.StatusForbidden, "", "only administrators sign in with a password kept here; use a sign-in provider"))
	}
	return s.open(ctx, user)
}

// checkPassword takes equally long whether the name exists or not.
func (s *Server) checkPassword(ctx context.Context, name, attempt string) (user statestore.User, good bool, err error) {
	hash := ""
	user, err = s.store.Users.ByName(ctx, name)
	if err == nil && user.DisabledAt == nil && user.ProviderID == nil {
		hash, err = s.store.Users.PasswordHash(ctx, user.ID)
	}
	if err != nil && !errors.Is(err, statestore.ErrNotFound) {
		return user, false, err
	}
	err = s.guesses.hash(ctx, func() {
		if hash == "" {
			password.Decoy(attempt)
			return
		}
		good = password.Matches(hash, attempt)
	})
	return user, good, err
}

// open starts a session: its token travels in the cookie alone.
func (s *Server) open(ctx context.Context, user statestore.User) (*signedIn, error) {
	token := secret.New("")
	length := s.sessionHours(ctx)
	who := callerOf(ctx)
	var login statestore.Login
	err := s.change(ctx, "sign_in", "user", func(tx *statestore.Tables, a *trail) error {
		var err error
		login, err = tx.Logins.Create(ctx, statestore.Login{UserID: user.ID, Address: who.address, Agent: who.agent}, statestore.Secret(token), length)
		if err != nil {
			return err
		}
		a.id, a.by.kind, a.by.name = user.ID, kindUser, user.Name
		return tx.Users.LoggedIn(ctx, user.ID)
	})
	if err != nil {
		return nil, err
	}
	return &signedIn{
		Cookie: cookie(token, length),
		Body:   Me{Kind: string(kindUser), ID: user.ID, Name: user.Name, Role: Role(user.Role), Expires: &login.ExpiresAt},
	}, nil
}

// cookie lives as long as the session may at most be without use; the server decides.
func cookie(value string, age time.Duration) http.Cookie {
	return http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*signedOut, error) {
	who := callerOf(ctx)
	if who.kind != kindUser {
		return nil, conflict("an API token does not sign out; delete it instead")
	}
	err := s.change(ctx, "sign_out", "user", func(tx *statestore.Tables, a *trail) error {
		a.id = who.userID
		return tx.Logins.Delete(ctx, who.session)
	})
	if err != nil {
		return nil, err
	}
	return &signedOut{Cookie: cookie("", -time.Second)}, nil
}

func (s *Server) getMe(ctx context.Context, _ *struct{}) (*body[Me], error) {
	c := callerOf(ctx)
	return ok(Me{Kind: string(c.kind), ID: c.id, Name: c.name, Role: c.role, Expires: c.expires}), nil
}

func (s *Server) changePassword(ctx context.Context, in *passwordIn) (*empty, error) {
	who := callerOf(ctx)
	if who.kind != kindUser {
		return nil, newProblem(http.StatusForbidden, "", "an API token has no password; sign in to change yours")
	}
	if err := s.guesses.take(who.address, who.name); err != nil {
		return nil, err
	}
	user, good, err := s.checkPassword(ctx, who.name, in.Body.Current)
	if err != nil {
		return nil, err
	}
	if !good {
		return nil, invalid("body.current", "is not your password")
	}
	hash, err := s.newPassword(ctx, "body.new", who.name, in.Body.New)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, "change_password", "user", func(tx *statestore.Tables, a *trail) error {
		a.id = user.ID
		return tx.Users.SetPassword(ctx, user.ID, hash, who.session)
	})
	if err != nil {
		return nil, err
	}
	s.guesses.forgive(who.address, who.name)
	return &empty{}, nil
}
