package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/godwit/godwit/statestore"
)

// sessionCookie has the prefix with which browsers insist on Secure, Path=/ and no Domain.
const sessionCookie = "__Host-godwit"

// tokenPrefix begins every API token, so that scanners for leaked secrets find it.
const tokenPrefix = "gwt_"

// authorize is huma's middleware in front of every operation: who is it, and may they?
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	role, _ := op.Metadata[metaRole].(Role)
	tenant, _ := op.Metadata[metaTenant].(bool)
	r, _ := humachi.Unwrap(ctx)
	c := caller{address: remoteHost(r), agent: agentOf(r)}
	if role != RolePublic {
		var err error
		c, err = s.authenticate(r, tenant)
		if err == nil && !c.mayCall(role, tenant) {
			err = forbidden(c, role)
		}
		if scope, _ := op.Metadata[metaScope].(string); err == nil && !c.hasScope(scope) {
			err = newProblem(http.StatusForbidden, "", "this needs the scope "+scope+"; the token "+c.name+" has "+strings.Join(c.scopes, ", "))
		}
		if err != nil {
			s.refuse(ctx, err)
			return
		}
	}
	if match, _ := op.Metadata[metaMatch].(bool); match && ctx.Header("If-Match") == "" {
		s.refuse(ctx, newProblem(http.StatusPreconditionRequired, "", "send the ETag of what you changed as If-Match, so that nobody's change is lost; reading it gives one"))
		return
	}
	next(huma.WithValue(ctx, callerCtx, c))
}

func (c caller) mayCall(role Role, tenant bool) bool {
	return c.kind == kindKey && tenant || c.role.Includes(role)
}

func forbidden(c caller, role Role) error {
	if c.kind == kindKey {
		return newProblem(http.StatusForbidden, "", "access keys open transfer operations only; sign in as a user or send an API token")
	}
	return newProblem(http.StatusForbidden, "", "this needs the role "+string(role)+"; "+c.name+" has "+string(c.role))
}

// authenticate finds out who sent r. A credential that is sent and wrong is refused even if another would do.
func (s *Server) authenticate(r *http.Request, tenant bool) (caller, error) {
	ctx := r.Context()
	scheme, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	c := caller{kind: kindStranger, address: remoteHost(r), agent: agentOf(r)}
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return s.byToken(ctx, c, strings.TrimSpace(credential))
	case strings.EqualFold(scheme, "Basic"):
		if !tenant {
			return c, newProblem(http.StatusForbidden, "", "access keys open transfer operations only; sign in as a user or send an API token")
		}
		return s.byAccessKey(ctx, c, strings.TrimSpace(credential))
	case scheme != "":
		return c, unauthorized("Authorization: " + scheme + " is not known; send Bearer with an API token, or Basic with an access key")
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil && cookie.Value != "" {
		return s.bySession(ctx, c, statestore.Secret(cookie.Value))
	}
	return c, unauthorized("sign in, or send an API token as Authorization: Bearer")
}

func (s *Server) bySession(ctx context.Context, c caller, token statestore.Secret) (caller, error) {
	login, user, err := s.store.Logins.Lookup(ctx, token)
	if err != nil {
		return c, credentialError(err, "the session has ended; sign in again")
	}
	c.kind, c.id, c.userID, c.name, c.role, c.session, c.expires = kindUser, user.ID, user.ID, user.Name, Role(user.Role), token, &login.ExpiresAt
	if s.now().Sub(login.SeenAt) > sessionTouch {
		hours := s.sessionHours(ctx)
		if err := s.store.Logins.Extend(ctx, token, hours); err != nil && !errors.Is(err, statestore.ErrNotFound) {
			return c, err
		}
	}
	return c, nil
}

// sessionTouch is how old the note of a session's last use may be: one write in so long is enough.
const sessionTouch = 10 * time.Minute

func (s *Server) byToken(ctx context.Context, c caller, token string) (caller, error) {
	row, user, err := s.store.APITokens.Lookup(ctx, statestore.Secret(token))
	if err != nil {
		return c, credentialError(err, "the API token is unknown, was deleted or has expired; make another")
	}
	c.kind, c.id, c.userID, c.name, c.expires = kindToken, row.ID, user.ID, row.Name, row.ExpiresAt
	c.owner = user.Name
	c.role, c.scopes = tokenRole(row, user)
	return c, nil
}

func (s *Server) byAccessKey(ctx context.Context, c caller, credential string) (caller, error) {
	raw, err := base64.StdEncoding.DecodeString(credential)
	id, secret, found := strings.Cut(string(raw), ":")
	if err != nil || !found {
		return c, unauthorized("Authorization: Basic must hold the access key's id and secret")
	}
	key, err := s.keys.Authenticate(ctx, id, secret)
	if err != nil {
		return c, credentialError(err, "access key or secret is wrong, or the key was revoked")
	}
	c.kind, c.id, c.name, c.role, c.key = kindKey, key.ID, key.Name, RolePublic, &key
	return c, nil
}

// credentialError hides why a credential failed, but not that the store is away.
func credentialError(err error, detail string) error {
	if errors.Is(err, statestore.ErrNotFound) || errors.Is(err, statestore.ErrExpired) {
		return unauthorized(detail)
	}
	return err
}

func unauthorized(detail string) *Problem {
	p := newProblem(http.StatusUnauthorized, "", detail)
	// Basic is accepted but never asked for: at its name a browser opens a dialog of its own over the console.
	p.headers = http.Header{"Www-Authenticate": {`Bearer realm="godwit"`}}
	return p
}

// maxAgent bounds what is kept of a User-Agent.
const maxAgent = 200

func agentOf(r *http.Request) string {
	agent := r.UserAgent()
	return strings.ToValidUTF8(strings.ReplaceAll(agent[:min(len(agent), maxAgent)], "\x00", ""), "")
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
