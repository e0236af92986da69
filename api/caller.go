package api

import (
	"context"
	"time"

	"github.com/godwit/godwit/statestore"
)

type kind string

const (
	kindUser     kind = "user"
	kindToken    kind = "api_token"
	kindKey      kind = "access_key"
	kindStranger kind = ""
)

// caller is who sent a request.
type caller struct {
	kind    kind
	id      string // of the user, token or access key
	name    string
	role    Role     // RolePublic for access keys: they have no role, only what is theirs
	scopes  []string // of a token; none means all that its role may
	userID  string
	owner   string            // name of a token's user
	session statestore.Secret // the cookie's content, when kind is user
	expires *time.Time
	key     *statestore.AccessKey
	address string
	agent   string // what the browser or program calls itself
}

// actor is how the audit names the caller.
func (c caller) actor() string {
	switch c.kind {
	case kindUser:
		return "user:" + c.name
	case kindToken:
		return "user:" + c.owner + " token:" + c.name
	case kindKey:
		return "key:" + c.id
	case kindStranger:
	}
	return "anonymous"
}

// person is how a sentence names the caller.
func (c caller) person() string {
	switch c.kind {
	case kindUser:
		return c.name
	case kindToken:
		return c.owner + " with API token " + c.name
	case kindKey:
		return "access key " + c.name
	case kindStranger:
	}
	return "somebody unknown"
}

// tenant is the access key that the caller is limited to; nil for users and tokens.
func (c caller) tenant() *statestore.AccessKey { return c.key }

type ctxKey int

const (
	callerCtx ctxKey = iota
	requestCtx
	claimCtx
)

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerCtx).(caller)
	return c
}

// requestID names the request in log, audit and problem documents.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestCtx).(string)
	return id
}
