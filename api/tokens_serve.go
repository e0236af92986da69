package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/statestore"
)

func tokenView(names map[string]string) func(statestore.APIToken) APIToken {
	return func(t statestore.APIToken) APIToken {
		role, scopes := ofScopes(t.Scopes)
		return APIToken{
			ID: t.ID, Name: t.Name, Role: role, Scopes: scopes, Owner: names[t.UserID],
			CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsed: t.LastUsedAt,
		}
	}
}

// userNames are the names of all users by id.
func userNames(ctx context.Context, t *statestore.Tables) (map[string]string, error) {
	users, err := everything(func(p statestore.Page) (statestore.List[statestore.User], error) {
		return t.Users.List(ctx, statestore.UserFilter{}, p)
	})
	names := make(map[string]string, len(users))
	for _, u := range users {
		names[u.ID] = u.Name
	}
	return names, err
}

// own limits a list to what is the caller's, unless they administer all; "" is no limit.
func (c caller) own() string {
	if c.role == RoleAdmin {
		return ""
	}
	return c.userID
}

func (s *Server) listTokens(ctx context.Context, in *tokensIn) (*body[Page[APIToken]], error) {
	names, err := userNames(ctx, s.store.Tables)
	if err != nil {
		return nil, err
	}
	l, err := s.store.APITokens.List(ctx, statestore.APITokenFilter{UserID: callerOf(ctx).own(), Query: in.Search}, in.page())
	return paged(l, err, tokenView(names))
}

// findToken takes the id of a token, or a name that only one has, of those that are
// not revoked and that the caller may see.
func findToken(ctx context.Context, t *statestore.Tables, name string) (statestore.APIToken, error) {
	who := callerOf(ctx)
	row, err := t.APITokens.Get(ctx, name)
	switch {
	case errors.Is(err, statestore.ErrNotFound):
		return tokenByName(ctx, t, name)
	case err == nil && (row.RevokedAt != nil || row.UserID != who.userID && who.role != RoleAdmin):
		return row, notFound("API token", name)
	}
	return row, err
}

func tokenByName(ctx context.Context, t *statestore.Tables, name string) (found statestore.APIToken, err error) {
	who := callerOf(ctx)
	filter := statestore.APITokenFilter{Query: name}
	if who.role != RoleAdmin {
		filter.UserID = who.userID
	}
	alike, err := everything(func(p statestore.Page) (statestore.List[statestore.APIToken], error) {
		return t.APITokens.List(ctx, filter, p)
	})
	if err != nil {
		return found, err
	}
	var ids []string
	for _, row := range alike {
		if row.Name == name {
			found, ids = row, append(ids, row.ID)
		}
	}
	switch len(ids) {
	case 0:
		return found, notFound("API token", name)
	case 1:
		return found, nil
	}
	return found, conflict("%d API tokens are called %s: name one by its id (%s)", len(ids), name, strings.Join(ids, ", "))
}

func (s *Server) getToken(ctx context.Context, in *tokenIn) (*tagged[APIToken], error) {
	row, err := findToken(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	return s.taggedToken(ctx, row)
}

func (s *Server) taggedToken(ctx context.Context, row statestore.APIToken) (*tagged[APIToken], error) {
	names := map[string]string{}
	u, err := s.store.Users.Get(ctx, row.UserID)
	if err != nil && !errors.Is(err, statestore.ErrNotFound) {
		return nil, err
	}
	names[row.UserID] = u.Name
	return &tagged[APIToken]{ETag: etag(row.Version), Body: tokenView(names)(row)}, nil
}

// signedInPerson refuses tokens where they could give themselves, or leave behind, more than they were given.
func signedInPerson(ctx context.Context, instead string) (caller, error) {
	who := callerOf(ctx)
	if who.kind != kindUser {
		return who, newProblem(http.StatusForbidden, "", "an API token cannot "+instead+"; sign in")
	}
	return who, nil
}

func (s *Server) createToken(ctx context.Context, in *tokenCreateIn) (*tagged[APITokenCreated], error) {
	who, err := signedInPerson(ctx, "make another")
	if err != nil {
		return nil, err
	}
	if !who.role.Includes(in.Body.Role) {
		return nil, newProblem(http.StatusForbidden, "", "a token can do at most what its maker can: "+string(who.role))
	}
	if err := s.checkScopes(in.Body.Scopes); err != nil {
		return nil, err
	}
	row := statestore.APIToken{Name: in.Body.Name, UserID: who.userID, Scopes: storedScopes(in.Body.Role, in.Body.Scopes)}
	row.ExpiresAt = s.after(in.Body.ExpiresIn)
	token := secret.New(tokenPrefix)
	view := tokenView(map[string]string{who.userID: who.name})
	err = s.change(ctx, "create", "api_token", func(tx *statestore.Tables, a *trail) error {
		var err error
		row, err = tx.APITokens.Create(ctx, row, statestore.Secret(token))
		a.id, a.version, a.after = row.ID, row.Version, view(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tagged[APITokenCreated]{ETag: etag(row.Version), Body: APITokenCreated{APIToken: view(row), Token: token}}, nil
}

// after is the time in so many seconds; nil for none.
func (s *Server) after(seconds int64) *time.Time {
	if seconds <= 0 {
		return nil
	}
	at := s.now().Add(time.Duration(seconds) * time.Second).UTC()
	return &at
}

func (s *Server) updateToken(ctx context.Context, in *tokenUpdateIn) (*tagged[APIToken], error) {
	if _, err := signedInPerson(ctx, "change a token"); err != nil {
		return nil, err
	}
	if err := s.checkScopes(in.Body.Scopes); err != nil {
		return nil, err
	}
	var row statestore.APIToken
	err := s.change(ctx, "update", "api_token", func(tx *statestore.Tables, a *trail) error {
		old, err := findToken(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		a.id, a.before = old.ID, tokenView(nil)(old)
		if err := a.edits(in.IfMatch, old.Version); err != nil {
			return err
		}
		if in.Body.Name != nil {
			old.Name = *in.Body.Name
		}
		if in.Body.Scopes != nil {
			role, _ := ofScopes(old.Scopes)
			old.Scopes = storedScopes(role, in.Body.Scopes)
		}
		if in.Body.ExpiresIn != nil {
			old.ExpiresAt = s.after(*in.Body.ExpiresIn)
		}
		row, err = tx.APITokens.Update(ctx, old)
		a.after = tokenView(nil)(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.taggedToken(ctx, row)
}

func (s *Server) deleteToken(ctx context.Context, in *tokenIn) (*empty, error) {
	return &empty{}, s.change(ctx, "delete", "api_token", func(tx *statestore.Tables, a *trail) error {
		row, err := findToken(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		a.id, a.before = row.ID, tokenView(nil)(row)
		return tx.APITokens.Revoke(ctx, row.ID)
	})
}
