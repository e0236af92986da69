package api

import (
	"context"
	"errors"

	"github.com/godwit/godwit/access/password"
	"github.com/godwit/godwit/statestore"
)

func userView(u statestore.User) User {
	out := User{
		ID: u.ID, Name: u.Name, Role: Role(u.Role), CreatedAt: u.CreatedAt, LastSeen: u.LastLoginAt,
		Disabled: u.DisabledAt != nil, External: u.ProviderID != nil,
	}
	if u.ProviderID != nil {
		out.Provider = *u.ProviderID
	}
	return out
}

func taggedUser(u statestore.User) *tagged[User] {
	return &tagged[User]{ETag: etag(u.Version), Body: userView(u)}
}

func (s *Server) listUsers(ctx context.Context, in *usersIn) (*body[Page[User]], error) {
	l, err := s.store.Users.List(ctx, statestore.UserFilter{Query: in.Search, Role: statestore.Role(in.Role)}, in.page())
	return paged(l, err, userView)
}

func (s *Server) getUser(ctx context.Context, in *userIn) (*tagged[User], error) {
	u, err := findUser(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	return taggedUser(u), nil
}

// newPassword checks a password and hashes it.
func (s *Server) newPassword(ctx context.Context, field, name, text string) (string, error) {
	v, _, err := s.readSettings(ctx, s.store.Tables)
	if err != nil {
		return "", err
	}
	if n := len([]rune(text)); n < v.PasswordMin {
		return "", invalid(field, "has %d characters; this installation wants at least %d", n, v.PasswordMin)
	}
	if err := password.Check(name, text); err != nil {
		return "", err
	}
	var hash string
	err = s.guesses.hash(ctx, func() { hash = password.Hash(text) })
	return hash, err
}

func (s *Server) createUser(ctx context.Context, in *userCreateIn) (*tagged[User], error) {
	hash, err := s.newPassword(ctx, "body.password", in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	var user statestore.User
	err = s.change(ctx, "create", "user", func(tx *statestore.Tables, a *trail) error {
		var err error
		user, err = tx.Users.Create(ctx, statestore.User{Name: in.Body.Name, Role: statestore.Role(in.Body.Role)}, hash)
		a.id, a.version, a.after = user.ID, user.Version, userView(user)
		return userRefusal(err, in.Body.Name)
	})
	if err != nil {
		return nil, err
	}
	return taggedUser(user), nil
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

// userRefusal puts what the store refuses of a user into words for who asked.
func userRefusal(err error, name string) error {
	switch {
	case errors.Is(err, statestore.ErrConflict):
		return conflict("another user is called %s", name)
	case errors.Is(err, statestore.ErrState):
		return conflict("%s is the last administrator who signs in with a password; make another one first", name)
	}
	return err
}

// userTrail is what the audit holds of an edit of a user.
type userTrail struct {
	User
	PasswordChanged bool `json:"password_changed,omitempty"`
}

func (s *Server) updateUser(ctx context.Context, in *userUpdateIn) (*tagged[User], error) {
	hash := ""
	if in.Body.Password != nil {
		var err error
		if hash, err = s.newPassword(ctx, "body.password", "", *in.Body.Password); err != nil {
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
		if err := a.edits(in.IfMatch, user.Version); err != nil {
			return err
		}
		if user.ProviderID != nil && (in.Body.Role != nil || hash != "") {
			return conflict("%s signs in by a provider, which says the role by its groups and keeps the password", user.Name)
		}
		if in.Body.Name != nil {
			user.Name = *in.Body.Name
		}
		if in.Body.Role != nil {
			user.Role = statestore.Role(*in.Body.Role)
		}
		if in.Body.Disabled != nil {
			user.DisabledAt = nil
			if now := s.store.Now(); *in.Body.Disabled {
				user.DisabledAt = &now
			}
		}
		wanted := user.Name
		if user, err = tx.Users.Update(ctx, user); err != nil {
			return userRefusal(err, wanted)
		}
		if hash != "" {
			if err := tx.Users.SetPassword(ctx, user.ID, hash, callerOf(ctx).session); err != nil {
				return err
			}
			if user, err = tx.Users.Get(ctx, user.ID); err != nil {
				return err
			}
		}
		a.version, a.after = user.Version, userTrail{userView(user), hash != ""}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taggedUser(user), nil
}

func (s *Server) deleteUser(ctx context.Context, in *userIn) (*empty, error) {
	return &empty{}, s.change(ctx, "delete", "user", func(tx *statestore.Tables, a *trail) error {
		user, err := findUser(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		a.id, a.before = user.ID, userView(user)
		return userRefusal(tx.Users.Delete(ctx, user.ID), user.Name)
	})
}
