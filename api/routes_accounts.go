package api

import "net/http"

type setupIn struct{ Body SetupRequest }

// signedIn is the answer to a sign-in: the session travels in the cookie only.
type signedIn struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   Me
}

type signedOut struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

type signInIn struct{ Body SignIn }

type passwordIn struct{ Body PasswordChange }

type usersIn struct {
	Role   string `query:"role" enum:"viewer,operator,admin" doc:"Only users of this role."`
	Search string `query:"q" maxLength:"100" doc:"In the name."`
	Paging
}

type tokensIn struct {
	Search string `query:"q" maxLength:"100" doc:"In the name."`
	Paging
}

type sessionsIn struct {
	User string `query:"user" maxLength:"64" doc:"Id or name; left out, all that the caller may see."`
	Paging
}

type sessionIn struct {
	ID string `path:"session" maxLength:"64"`
}

type tokenUpdateIn struct {
	ID      string `path:"token" maxLength:"64" doc:"Id, or a name that one token alone has."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    APITokenUpdate
}

type userIn struct {
	ID string `path:"user" maxLength:"64" doc:"Id or name."`
}

type userCreateIn struct{ Body UserCreate }

type userUpdateIn struct {
	ID      string `path:"user" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    UserUpdate
}

type tokenIn struct {
	ID string `path:"token" maxLength:"64" doc:"Id, or a name that one token alone has."`
}

type tokenCreateIn struct{ Body APITokenCreate }

func (s *Server) accountRoutes() {
	const setup, account, users, tokens = "Set-up", tagAccount, "Users", "API tokens"
	register(s, operation{id: "get-setup", method: get, path: "/setup", tag: setup, role: RolePublic,
		summary: "Is the first administrator still to be made?"}, s.getSetup)
	register(s, operation{id: "complete-setup", method: post, path: "/setup", tag: setup, role: RolePublic, status: http.StatusCreated,
		summary: "Make the first administrator with the token of the set-up link, and sign in",
		errors:  []int{http.StatusUnauthorized, http.StatusConflict, http.StatusTooManyRequests}}, s.completeSetup)

	register(s, operation{id: "sign-in", method: post, path: "/sessions", tag: account, role: RolePublic, status: http.StatusCreated,
		summary: "Sign in", detail: "Sets a session cookie. Attempts are limited per name and per address.",
		errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests, http.StatusBadGateway}}, s.signIn)
	register(s, operation{id: "sign-out", method: del, path: "/sessions/current", tag: account, role: RoleViewer, status: http.StatusNoContent,
		summary: "Sign out"}, s.signOut)
	register(s, operation{id: "get-me", method: get, path: "/me", tag: account, role: RoleViewer,
		summary: "Who am I, and what may I do?"}, s.getMe)
	register(s, operation{id: "change-password", method: put, path: "/me/password", tag: account, role: RoleViewer, status: http.StatusNoContent,
		summary: "Change the own password", errors: []int{http.StatusTooManyRequests}}, s.changePassword)

	register(s, operation{id: "list-sessions", method: get, path: "/sessions", tag: "Sessions", role: RoleViewer,
		summary: "List who is signed in: the caller's own sessions, or all for an administrator", errors: []int{http.StatusNotFound}}, s.listSessions)
	register(s, operation{id: "end-session", method: del, path: "/sessions/{session}", tag: "Sessions", role: RoleViewer, status: http.StatusNoContent,
		summary: "End a session: an own one, or anybody's for an administrator", errors: []int{http.StatusNotFound}}, s.endSession)

	register(s, operation{id: "list-users", method: get, path: "/users", tag: users, role: RoleAdmin,
		summary: "List users"}, s.listUsers)
	register(s, operation{id: "create-user", method: post, path: "/users", tag: users, role: RoleAdmin, status: http.StatusCreated,
		summary: "Add a user", errors: []int{http.StatusConflict}}, s.createUser)
	register(s, operation{id: "get-user", method: get, path: "/users/{user}", tag: users, role: RoleAdmin,
		summary: "Get a user", errors: []int{http.StatusNotFound}}, s.getUser)
	register(s, operation{id: "update-user", method: patch, path: "/users/{user}", tag: users, role: RoleAdmin,
		summary: "Change a user's name, role or password, or disable them", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.updateUser)
	register(s, operation{id: "delete-user", method: del, path: "/users/{user}", tag: users, role: RoleAdmin, status: http.StatusNoContent,
		summary: "Remove a user, their sessions and their tokens", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.deleteUser)

	register(s, operation{id: "list-api-tokens", method: get, path: "/api-tokens", tag: tokens, role: RoleViewer,
		summary: "List API tokens: the caller's own, or all for an administrator"}, s.listTokens)
	register(s, operation{id: "get-api-token", method: get, path: "/api-tokens/{token}", tag: tokens, role: RoleViewer,
		summary: "Get an API token", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.getToken)
	register(s, operation{id: "update-api-token", method: patch, path: "/api-tokens/{token}", tag: tokens, role: RoleViewer,
		summary: "Change an API token's name, scopes or end", detail: "Tokens cannot change tokens.",
		errors: []int{http.StatusNotFound, http.StatusConflict}}, s.updateToken)
	register(s, operation{id: "create-api-token", method: post, path: "/api-tokens", tag: tokens, role: RoleViewer, status: http.StatusCreated,
		summary: "Make an API token", detail: "It can do at most what its maker can. Tokens cannot make tokens."}, s.createToken)
	register(s, operation{id: "delete-api-token", method: del, path: "/api-tokens/{token}", tag: tokens, role: RoleViewer, status: http.StatusNoContent,
		summary: "Delete an API token; it stops working at once", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.deleteToken)
}
