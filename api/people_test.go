package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
)

// person makes a user with contractPassword and signs them in.
func (w *world) person(name string, role api.Role, admin header) header {
	w.t.Helper()
	w.must(http.StatusCreated, "POST", "/api/v1/users", api.UserCreate{Name: name, Password: contractPassword, Role: role}, admin)
	return w.signsIn(name)
}

func (w *world) signsIn(name string, headers ...header) header {
	w.t.Helper()
	return cookieOf(w.t, w.must(http.StatusCreated, "POST", "/api/v1/sessions", api.SignIn{Name: name, Password: contractPassword}, headers...))
}

func TestSecondEditorIsToldWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	eve := w.person("eve", api.RoleAdmin, ada)
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, ada)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"small"}`, ada)
	w.person("bob", api.RoleViewer, ada)
	w.tenant("acme", ada)
	key := decode[api.Page[api.AccessKey]](t, w.must(http.StatusOK, "GET", "/api/v1/access-keys", nil, ada)).Items[0].ID
	for _, tc := range []struct{ method, path, first, second, field string }{
		{"PATCH", "/api/v1/clusters/alpha/policy", `{"max_nodes":7}`, `{"max_nodes":8}`, "max_nodes"},
		{"PATCH", "/api/v1/settings", `{"session_hours":3}`, `{"session_hours":4}`, "session_hours"},
		{"PATCH", "/api/v1/users/bob", `{"role":"operator"}`, `{"disabled":true}`, "role"},
		{"PATCH", "/api/v1/access-keys/" + key, `{"permissions":["read"]}`, `{"name":"apex"}`, "permissions"},
		{"PUT", "/api/v1/templates/small", `{"spec":{"node":{"max_sessions":20}}}`, `{"spec":{"node":{}}}`, "node"},
		{"PATCH", "/api/v1/clusters/alpha", `{"name":"alpha"}`, `{"name":"beta"}`, ""},
	} {
		tag := w.latest(tc.path, ada)
		first := w.must(http.StatusOK, tc.method, tc.path, tc.first, eve, tag)
		late := w.must(http.StatusPreconditionFailed, tc.method, tc.path, tc.second, ada, tag)
		p := late.problem(t)
		if len(p.Since) != 1 || p.Since[0].Actor != "user:eve" || tc.field != "" && !slices.Equal(p.Since[0].Fields, []string{tc.field}) || !strings.Contains(p.Detail, tc.field) {
			t.Errorf("%s: %s", tc.path, late.body)
		}
		w.must(http.StatusOK, tc.method, tc.path, tc.second, ada, with("If-Match", first.Header.Get("ETag")))
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	bob := w.person("bob", api.RoleViewer, ada)
	laptop := w.signsIn("bob", with("User-Agent", "Laptop/1.0"))
	list := func(who header) []api.Session {
		return decode[api.Page[api.Session]](t, w.must(http.StatusOK, "GET", "/api/v1/sessions", nil, who)).Items
	}
	own := list(bob)
	if len(own) != 2 || own[0].Agent != "Laptop/1.0" || own[0].Current || !own[1].Current || own[1].User.Name != "bob" {
		t.Fatalf("%+v", own)
	}
	all := list(ada)
	if len(all) != 3 {
		t.Fatalf("%+v", all)
	}
	w.must(http.StatusNotFound, "DELETE", "/api/v1/sessions/"+all[2].ID, nil, bob) // ada's
	w.must(http.StatusNotFound, "GET", "/api/v1/sessions?user=ada", nil, bob)
	w.must(http.StatusNoContent, "DELETE", "/api/v1/sessions/"+own[0].ID, nil, bob)
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, laptop)
	w.must(http.StatusNoContent, "DELETE", "/api/v1/sessions/"+own[1].ID, nil, ada)
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, bob)
}

func TestNewPasswordEndsOtherSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	bob := w.person("bob", api.RoleViewer, ada)
	stolen := w.signsIn("bob")
	w.must(http.StatusNoContent, "PUT", "/api/v1/me/password", api.PasswordChange{Current: contractPassword, New: "rain on the roof"}, bob)
	w.must(http.StatusOK, "GET", "/api/v1/me", nil, bob)
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, stolen)
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: contractPassword})
}

func TestRenamedUsersKeepWhatIsTheirs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	bob := w.person("bob", api.RoleOperator, ada)
	w.person("eve", api.RoleViewer, ada)
	token := bearer(decode[api.APITokenCreated](t, w.must(http.StatusCreated, "POST", "/api/v1/api-tokens", api.APITokenCreate{Name: "ci", Role: api.RoleViewer}, bob)).Token)
	rename := func(status int, body string) reply {
		return w.must(status, "PATCH", "/api/v1/users/bob", body, ada, w.latest("/api/v1/users/bob", ada))
	}
	if p := rename(http.StatusConflict, `{"name":"EVE"}`).problem(t); !strings.Contains(p.Detail, "EVE") {
		t.Errorf("%+v", p)
	}
	for _, bad := range []string{`{"name":""}`, `{"name":"two words"}`} {
		rename(http.StatusUnprocessableEntity, bad)
	}
	if u := decode[api.User](t, rename(http.StatusOK, `{"name":"Robert"}`)); u.Name != "Robert" || u.Role != api.RoleOperator {
		t.Errorf("%+v", u)
	}
	if me := decode[api.Me](t, w.must(http.StatusOK, "GET", "/api/v1/me", nil, bob)); me.Name != "Robert" {
		t.Errorf("%+v", me)
	}
	w.must(http.StatusOK, "GET", "/api/v1/nodes", nil, token)
	w.must(http.StatusNotFound, "GET", "/api/v1/users/bob", nil, ada)
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: contractPassword})
	w.signsIn("robert")
	last := decode[api.Page[api.AuditEntry]](t, w.must(http.StatusOK, "GET", "/api/v1/audit?object=user&action=update", nil, ada)).Items
	if len(last) != 1 || last[0].Before["name"] != "bob" || last[0].After["name"] != "Robert" {
		t.Errorf("%+v", last)
	}
}

func TestDisabledUsersAndTheirTokensStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	bob := w.person("bob", api.RoleOperator, ada)
	token := bearer(decode[api.APITokenCreated](t, w.must(http.StatusCreated, "POST", "/api/v1/api-tokens", api.APITokenCreate{Name: "ci", Role: api.RoleViewer}, bob)).Token)
	w.must(http.StatusOK, "PATCH", "/api/v1/users/bob", `{"disabled":true}`, ada, w.latest("/api/v1/users/bob", ada))
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, bob)
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, token)
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: contractPassword})
	w.must(http.StatusOK, "PATCH", "/api/v1/users/bob", `{"disabled":false}`, ada, w.latest("/api/v1/users/bob", ada))
	w.signsIn("bob")
	// Nobody can lock out the last administrator, himself included.
	for _, change := range []string{`{"disabled":true}`, `{"role":"viewer"}`} {
		w.must(http.StatusConflict, "PATCH", "/api/v1/users/ada", change, ada, w.latest("/api/v1/users/ada", ada))
	}
}

func TestTokensKeepToTheirScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	body := api.APITokenCreate{Name: "reader", Role: api.RoleAdmin, Scopes: []string{"nodes:read", "users:write"}}
	made := decode[api.APITokenCreated](t, w.must(http.StatusCreated, "POST", "/api/v1/api-tokens", body, ada))
	token := bearer(made.Token)
	w.must(http.StatusOK, "GET", "/api/v1/nodes", nil, token)
	w.must(http.StatusOK, "GET", "/api/v1/users", nil, token) // writing includes reading
	w.must(http.StatusOK, "GET", "/api/v1/me", nil, token)    // about itself: no scope
	r := w.must(http.StatusForbidden, "GET", "/api/v1/clusters", nil, token)
	if d := r.problem(t).Detail; !strings.Contains(d, "clusters:read") || !strings.Contains(d, "nodes:read") {
		t.Errorf("%s does not say what is missing", d)
	}
	body.Scopes = []string{"nodes:fly"}
	bad := w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/api-tokens", body, ada)
	if !strings.Contains(string(bad.body), "nodes:read") {
		t.Errorf("the refusal does not say which scopes there are: %s", bad.body)
	}
	path := "/api/v1/api-tokens/" + made.ID
	w.must(http.StatusForbidden, "PATCH", path, `{"scopes":["clusters:write"]}`, bearer(w.token(api.RoleAdmin)), w.latest(path, ada))
	w.must(http.StatusOK, "PATCH", path, `{"scopes":["clusters:read"]}`, ada, w.latest(path, ada))
	w.must(http.StatusOK, "GET", "/api/v1/clusters", nil, token)
	w.must(http.StatusForbidden, "GET", "/api/v1/nodes", nil, token)
}

func TestSettingsAreCheckedAndHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	set := func(status int, body string) reply {
		return w.must(status, "PATCH", "/api/v1/settings", body, ada, w.latest("/api/v1/settings", ada))
	}
	for _, bad := range []string{
		`{"egress_allow":["10.0.0.0/99"]}`, `{"public_url":"http://plain.example"}`, `{"public_url":"https://user@host/path"}`,
		`{"password_min":4}`, `{"retention":{"audit_days":1}}`, `{"retention":{"days":1}}`, `{"local_sign_in":"nobody"}`,
	} {
		set(http.StatusUnprocessableEntity, bad)
	}
	r := decode[api.Settings](t, set(http.StatusOK, `{"password_min":20,"public_url":"https://files.example","egress_allow":["10.1.0.0/16","mail.internal"],"retention":{"audit_days":60}}`))
	if r.PasswordMin != 20 || r.Retention != (api.RetentionDays{Decisions: 30, History: 90, Audit: 60}) || !strings.HasPrefix(r.Login, "godwit login https://files.example#sha256=") || len(r.EgressAllow) != 2 {
		t.Errorf("%+v", r)
	}
	short := w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/users", api.UserCreate{Name: "bob", Password: contractPassword, Role: api.RoleViewer}, ada)
	if p := short.problem(t); p.Errors[0].Location != "body.password" || !strings.Contains(p.Detail, "20") {
		t.Errorf("%s", short.body)
	}
	set(http.StatusOK, `{"password_min":10,"local_sign_in":"administrators"}`)
	w.must(http.StatusCreated, "POST", "/api/v1/users", api.UserCreate{Name: "bob", Password: contractPassword, Role: api.RoleViewer}, ada)
	w.must(http.StatusForbidden, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: contractPassword})
	w.signsIn("ada") // break glass
}

func TestAuditIsSearchedInTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	began := w.clock.Now()
	for _, name := range []string{"bob", "carol", "dan"} {
		w.clock.advance(time.Hour)
		w.must(http.StatusCreated, "POST", "/api/v1/users", api.UserCreate{Name: name, Password: contractPassword, Role: api.RoleViewer}, ada)
	}
	count := func(query string) int {
		return len(decode[api.Page[api.AuditEntry]](t, w.must(http.StatusOK, "GET", "/api/v1/audit?"+query, nil, ada)).Items)
	}
	at := func(d time.Duration) string { return url.QueryEscape(began.Add(d).Format(time.RFC3339)) }
	for query, want := range map[string]int{
		"action=create&object=user": 3, "q=CAROL": 1, "q=nothing+like+it": 0, "actor=user:ada&action=create": 3, "actor=user:eve": 0,
		"action=create&from=" + at(90*time.Minute): 2, "action=create&to=" + at(90*time.Minute): 1,
		"action=create&from=" + at(90*time.Minute) + "&to=" + at(150*time.Minute): 1, "action=create&limit=2": 2,
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}
