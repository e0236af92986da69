package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/godwit/godwit/access/password"
	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/statestore"
)

func userView(u statestore.User) User {
	return User{ID: u.ID, Name: u.Name, Role: Role(u.Role), CreatedAt: u.CreatedAt, LastSeen: u.LastLoginAt}
}

func (s *Server) listUsers(ctx context.Context, in *usersIn) (*body[Page[User]], error) {
	l, err := s.store.Users.List(ctx, in.page())
	return paged(l, err, userView)
}

func (s *Server) createUser(ctx context.Context, in *userCreateIn) (*body[User], error) {
	if err := password.Check(in.Body.Name, in.Body.Password); err != nil {
		return nil, err
	}
	var hash string
	if err := s.guesses.hash(ctx, func() { hash = password.Hash(in.Body.Password) }); err != nil {
		return nil, err
	}
	var user statestore.User
	err := s.change(ctx, "create", "user", func(tx *statestore.Tables, a *trail) error {
		var err error
		user, err = tx.Users.Create(ctx, statestore.User{Name: in.Body.Name, Role: statestore.Role(in.Body.Role)}, hash)
		a.id, a.after = user.ID, userView(user)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(userView(user)), nil
}

func findUser(ctx context.Context, t *statestore.Tables, name string) (statestore.User, error) {
	u, err := t.Users.Get(ctx, name)
	if errors.Is(err, statestore.ErrNotFound) {
		u, err = t.Users.ByName(ctx, name)
	}
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("user", name)
	}
	return u, err
}

func (s *Server) updateUser(ctx context.Context, in *userUpdateIn) (*body[User], error) {
	var hash string
	if in.Body.Password != nil {
		if err := password.Check("", *in.Body.Password); err != nil {
			return nil, err
		}
		if err := s.guesses.hash(ctx, func() { hash = password.Hash(*in.Body.Password) }); err != nil {
			return nil, err
		}
	}
	var user statestore.User
	err := s.change(ctx, "update", "user", func(tx *statestore.Tables, a *trail) error {
		var err error
		if user, err = findUser(ctx, tx, in.ID); err != nil {
			return err
		}
		a.id, a.before = user.ID, userView(user)
		if in.Body.Role != nil {
			user.Role = statestore.Role(*in.Body.Role)
			if user, err = tx.Users.Update(ctx, user); err != nil {
				return err
			}
		}
		if hash != "" {
			if err := tx.Users.SetPassword(ctx, user.ID, hash, callerOf(ctx).session); err != nil {
				return err
			}
		}
		a.after = map[string]any{"user": userView(user), "password_changed": hash != ""}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(userView(user)), nil
}

func (s *Server) deleteUser(ctx context.Context, in *userIn) (*empty, error) {
	return &empty{}, s.change(ctx, "delete", "user", func(tx *statestore.Tables, a *trail) error {
		user, err := findUser(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		a.id, a.before = user.ID, userView(user)
		return tx.Users.Delete(ctx, user.ID)
	})
}

func tokenView(names map[string]string) func(statestore.APIToken) APIToken {
	return func(t statestore.APIToken) APIToken {
		role, scopes := ofScopes(t.Scopes)
		return APIToken{
			ID: t.ID, Name: t.Name, Role: role, Scopes: scopes, Owner: names[t.UserID],
			CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsed: t.LastUsedAt,
		}
	}
}

func (s *Server) listTokens(ctx context.Context, in *tokensIn) (*body[Page[APIToken]], error) {
	who := callerOf(ctx)
	owner := who.userID
	names := map[string]string{}
	if who.role == RoleAdmin {
		owner = ""
		users, err := everything(func(p statestore.Page) (statestore.List[statestore.User], error) { return s.store.Users.List(ctx, p) })
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			names[u.ID] = u.Name
		}
	} else if who.kind == kindUser {
		names[who.userID] = who.name
	}
	l, err := s.store.APITokens.List(ctx, owner, in.page())
	kept := l.Items[:0:0]
	for _, t := range l.Items {
		if t.RevokedAt == nil {
			kept = append(kept, t)
		}
	}
	l.Items = kept
	return paged(l, err, tokenView(names))
}

func (s *Server) createToken(ctx context.Context, in *tokenCreateIn) (*body[APITokenCreated], error) {
	who := callerOf(ctx)
	if who.kind != kindUser {
		return nil, newProblem(http.StatusForbidden, "", "an API token cannot make another; sign in")
	}
	if !who.role.Includes(in.Body.Role) {
		return nil, newProblem(http.StatusForbidden, "", "a token can do at most what its maker can: "+string(who.role))
	}
	if err := s.checkScopes(in.Body.Scopes); err != nil {
		return nil, err
	}
	row := statestore.APIToken{Name: in.Body.Name, UserID: who.userID, Scopes: storedScopes(in.Body.Role, in.Body.Scopes)}
	if in.Body.ExpiresIn > 0 {
		at := s.now().Add(time.Duration(in.Body.ExpiresIn) * time.Second).UTC()
		row.ExpiresAt = &at
	}
	token := secret.New(tokenPrefix)
	view := tokenView(map[string]string{who.userID: who.name})
	err := s.change(ctx, "create", "api_token", func(tx *statestore.Tables, a *trail) error {
		var err error
		row, err = tx.APITokens.Create(ctx, row, statestore.Secret(token))
		a.id, a.after = row.ID, view(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(APITokenCreated{APIToken: view(row), Token: token}), nil
}

func (s *Server) deleteToken(ctx context.Context, in *tokenIn) (*empty, error) {
	who := callerOf(ctx)
	return &empty{}, s.change(ctx, "delete", "api_token", func(tx *statestore.Tables, a *trail) error {
		row, err := tx.APITokens.Get(ctx, in.ID)
		if errors.Is(err, statestore.ErrNotFound) || err == nil && (row.RevokedAt != nil || row.UserID != who.userID && who.role != RoleAdmin) {
			return notFound("API token", in.ID)
		}
		if err != nil {
			return err
		}
		a.id, a.before = row.ID, tokenView(nil)(row)
		return tx.APITokens.Revoke(ctx, row.ID)
	})
}
