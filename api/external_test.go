package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/signin"
	"github.com/godwit/godwit/signin/signintest"
)

// openToLocal lets sign-in providers be on this machine, and makes the server's own address its public one.
func (w *world) openToLocal(admin header) {
	w.t.Helper()
	w.must(http.StatusOK, "PATCH", "/api/v1/settings", map[string]any{"egress_allow": []string{"127.0.0.0/8"}, "public_url": w.url}, admin, w.latest("/api/v1/settings", admin))
}

var rules = []signin.Rule{{Group: "operators", Role: "operator"}, {Group: "chiefs", Role: "admin"}}

// acme is an OpenID provider that the server knows.
func (w *world) acme(admin header) *signintest.Provider {
	w.t.Helper()
	w.openToLocal(admin)
	p := signintest.OpenID(w.t, w.url+"/api/v1/sign-in/oidc/acme/callback")
	r := decode[api.SignInProvider](w.t, w.must(http.StatusCreated, "POST", "/api/v1/sign-in-providers", api.SignInProviderCreate{
		Name: "acme", Title: "Acme", OIDC: &api.OIDCConfig{Issuer: p.Issuer, ClientID: signintest.ClientID, CA: p.CA}, Secret: signintest.ClientSecret, Roles: rules,
	}, admin))
	if r.RedirectURL != w.url+"/api/v1/sign-in/oidc/acme/callback" {
		w.t.Fatalf("%+v", r)
	}
	return p
}

// through signs a person in at the provider, and returns the answer that the browser gets when it is back.
func (w *world) through(p *signintest.Provider, name, password string) reply {
	w.t.Helper()
	start := w.must(http.StatusSeeOther, "GET", "/api/v1/sign-in/oidc/acme", nil)
	back := p.SignIn(w.t, start.Header.Get("Location"), name, password)
	return w.must(http.StatusSeeOther, "GET", back.RequestURI(), nil, cookieOf(w.t, start))
}

// session is the cookie of a sign-in that went well.
func (w *world) session(r reply) header {
	w.t.Helper()
	if r.Header.Get("Location") != "/" {
		w.t.Fatalf("not signed in: %s", r.Header.Get("Location"))
	}
	for _, c := range r.Cookies() {
		if c.Name == "__Host-godwit" {
			return with("Cookie", c.Name+"="+c.Value)
		}
	}
	w.t.Fatal("no session")
	return nil
}

// refusal is why a browser was sent back to the sign-in page.
func refusal(t *testing.T, r reply) url.Values {
	t.Helper()
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil || to.Path != "/" || to.Host != "" {
		t.Fatalf("sent to %s", r.Header.Get("Location"))
	}
	for _, c := range r.Cookies() {
		if c.Name == "__Host-godwit" {
			t.Error("a refusal signs in")
		}
	}
	return to.Query()
}

func TestPeopleSignInByOpenIDWithTheRoleOfTheirGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	p := w.acme(ada)
	p.Add("id-1", "carol", "rain", "operators", "staff")
	p.Add("id-2", "stranger", "rain", "staff")
	p.Add("id-3", "ada", "rain", "chiefs")
	me := func(who header) api.Me {
		return decode[api.Me](t, w.must(http.StatusOK, "GET", "/api/v1/me", nil, who))
	}

	carol := w.session(w.through(p, "carol", "rain"))
	if m := me(carol); m.Name != "carol" || m.Role != api.RoleOperator {
		t.Fatalf("%+v", m)
	}
	acme := decode[api.SignInProvider](t, w.must(http.StatusOK, "GET", "/api/v1/sign-in-providers/acme", nil, ada))
	if u := decode[api.User](t, w.must(http.StatusOK, "GET", "/api/v1/users/carol", nil, ada)); !u.External || u.Provider != acme.ID {
		t.Errorf("nobody can tell by whom carol came: %+v", u)
	}
	// No group, no entry; and nobody becomes a user of the same name, least of all the administrator.
	if q := refusal(t, w.through(p, "stranger", "rain")); q.Get("sign_in") != "no_role" || q.Get("provider") != "acme" {
		t.Errorf("%v", q)
	}
	if q := refusal(t, w.through(p, "ada", "rain")); q.Get("sign_in") != "name_taken" {
		t.Errorf("%v", q)
	}
	// Once the other one has another name, there is room.
	w.must(http.StatusOK, "PATCH", "/api/v1/users/ada", `{"name":"ada.local"}`, ada, w.latest("/api/v1/users/ada", ada))
	if m := me(w.session(w.through(p, "ada", "rain"))); m.Name != "ada" || me(ada).Name != "ada.local" {
		t.Errorf("%+v", m)
	}
	// The groups say the role each time; the provider's id says who it is, whatever the name there is now.
	p.Add("id-1", "caroline", "rain", "chiefs")
	carol = w.session(w.through(p, "caroline", "rain"))
	if m := me(carol); m.Name != "carol" || m.Role != api.RoleAdmin {
		t.Errorf("%+v", m)
	}
	// She has no password here, and her role is not edited here.
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "carol", Password: "rain"})
	w.must(http.StatusConflict, "PATCH", "/api/v1/users/carol", `{"role":"viewer"}`, ada, w.latest("/api/v1/users/carol", ada))
	// An administrator of a provider is no substitute for one with a password.
	w.must(http.StatusConflict, "DELETE", "/api/v1/users/ada.local", nil, carol)
	// Renamed here, she is still who the provider says.
	w.must(http.StatusOK, "PATCH", "/api/v1/users/carol", `{"name":"carol.acme"}`, ada, w.latest("/api/v1/users/carol", ada))
	if m := me(w.session(w.through(p, "caroline", "rain"))); m.Name != "carol.acme" {
		t.Errorf("%+v", m)
	}

	w.must(http.StatusOK, "PATCH", "/api/v1/users/carol.acme", `{"disabled":true}`, ada, w.latest("/api/v1/users/carol.acme", ada))
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, carol)
	if q := refusal(t, w.through(p, "caroline", "rain")); q.Get("sign_in") != "disabled" {
		t.Errorf("%v", q)
	}
	audit := w.must(http.StatusOK, "GET", "/api/v1/audit?limit=200", nil, ada)
	if strings.Contains(string(audit.body), signintest.ClientSecret) || !strings.Contains(string(audit.body), `"provider":"acme"`) {
		t.Error("the audit holds the client's secret, or not who made carol a user")
	}
}

func TestAnswerForAnotherBrowserSignsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.acme(w.setup())
	p.Add("id-1", "carol", "rain", "operators")
	start := w.must(http.StatusSeeOther, "GET", "/api/v1/sign-in/oidc/acme", nil)
	cookie := start.Cookies()[0]
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("%+v", cookie)
	}
	back := p.SignIn(t, start.Header.Get("Location"), "carol", "rain")
	if q := refusal(t, w.must(http.StatusSeeOther, "GET", back.RequestURI(), nil)); q.Get("sign_in") != "expired" {
		t.Errorf("without the cookie: %v", q)
	}
	other := cookieOf(t, w.must(http.StatusSeeOther, "GET", "/api/v1/sign-in/oidc/acme", nil))
	if q := refusal(t, w.must(http.StatusSeeOther, "GET", back.RequestURI(), nil, other)); q.Get("sign_in") != "unauthorized" {
		t.Errorf("with the cookie of another attempt: %v", q)
	}
	w.clock.advance(11 * time.Minute)
	if q := refusal(t, w.must(http.StatusSeeOther, "GET", back.RequestURI(), nil, cookieOf(t, start))); q.Get("sign_in") != "expired" {
		t.Errorf("too late: %v", q)
	}
	if q := refusal(t, w.must(http.StatusSeeOther, "GET", "/api/v1/sign-in/oidc/acme/callback?error=access_denied&error_description=click+here", nil, other)); strings.Contains(q.Get("detail"), "click") {
		t.Errorf("a stranger's words are shown: %v", q)
	}
}

func TestProviderThatIsDownLocksNobodyOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	p := w.acme(ada)
	methods := func() api.SignInMethods {
		return decode[api.SignInMethods](t, w.must(http.StatusOK, "GET", "/api/v1/sign-in-methods", nil))
	}
	if m := methods(); len(m.Providers) != 1 || m.Providers[0].Failing || m.Providers[0].URL != "/api/v1/sign-in/oidc/acme" || m.Providers[0].Title != "Acme" {
		t.Fatalf("%+v", m)
	}
	p.Stop()
	q := refusal(t, w.must(http.StatusSeeOther, "GET", "/api/v1/sign-in/oidc/acme", nil))
	if q.Get("sign_in") != "provider_unavailable" || !strings.Contains(q.Get("detail"), "acme") || strings.Contains(q.Get("detail"), "127.0.0.1") {
		t.Errorf("%v", q)
	}
	if m := methods(); !m.Providers[0].Failing {
		t.Error("the page does not say which provider fails")
	}
	w.must(http.StatusCreated, "POST", "/api/v1/sessions", api.SignIn{Name: "ada", Password: "a quiet morning"})
	verdict := decode[api.SignInProviderVerdict](t, w.must(http.StatusOK, "POST", "/api/v1/sign-in-providers/acme/test", nil, ada))
	shown := decode[api.SignInProvider](t, w.must(http.StatusOK, "GET", "/api/v1/sign-in-providers/acme", nil, ada))
	if verdict.OK || !strings.Contains(verdict.Failure, "refused") || shown.Failure != verdict.Failure || shown.FailedAt == nil {
		t.Errorf("%+v %+v", verdict, shown)
	}
	w.must(http.StatusOK, "PATCH", "/api/v1/sign-in-providers/acme", `{"enabled":false}`, ada, w.latest("/api/v1/sign-in-providers/acme", ada))
	if m := methods(); len(m.Providers) != 0 {
		t.Errorf("%+v", m)
	}
	w.must(http.StatusNotFound, "GET", "/api/v1/sign-in/oidc/acme", nil)
}

func TestPeopleSignInByDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	d := signintest.LDAP(t)
	w.openToLocal(ada)
	body := api.SignInProviderCreate{
		Name: "office", Secret: signintest.BindPassword, Roles: rules,
		LDAP: &api.LDAPConfig{URL: d.LDAP, BindDN: signintest.BindDN, UserBase: signintest.UserBase, GroupBase: signintest.GroupBase, CA: d.CA},
	}
	made := w.must(http.StatusCreated, "POST", "/api/v1/sign-in-providers", body, ada)
	if v := decode[api.SignInProviderVerdict](t, w.must(http.StatusOK, "POST", "/api/v1/sign-in-providers/office/test", nil, ada)); !v.OK {
		t.Fatalf("%+v", v)
	}
	// The directory's ada may not become the administrator of that name; bob is in no group that may.
	w.must(http.StatusConflict, "POST", "/api/v1/sessions", api.SignIn{Name: "ada", Password: "ada's secret", Provider: "office"})
	w.must(http.StatusForbidden, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "bob's secret", Provider: "office"})
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "ada's secret", Provider: "office"})
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "*", Password: "bob's secret", Provider: "office"})
	w.must(http.StatusNotFound, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "bob's secret", Provider: "home"})
	w.must(http.StatusOK, "PATCH", "/api/v1/sign-in-providers/office", `{"default_role":"viewer"}`, ada, with("If-Match", `"`+"1"+`"`))
	bob := cookieOf(t, w.must(http.StatusCreated, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "bob's secret", Provider: "office"}))
	if me := decode[api.Me](t, w.must(http.StatusOK, "GET", "/api/v1/me", nil, bob)); me.Role != api.RoleViewer || me.Name != "bob" {
		t.Errorf("%+v", me)
	}
	if strings.Contains(string(made.body), signintest.BindPassword) || !decode[api.SignInProvider](t, made).HasSecret {
		t.Errorf("%s", made.body)
	}
	d.Stop()
	r := w.must(http.StatusBadGateway, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "bob's secret", Provider: "office"})
	if p := r.problem(t); p.Code != "provider_unavailable" || !strings.Contains(p.Detail, "office") {
		t.Errorf("%s", r.body)
	}
	// Guessing is limited as it is here.
	for range 4 {
		w.call("POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "guess", Provider: "office"})
	}
	w.must(http.StatusTooManyRequests, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "guess", Provider: "office"})
	// With the provider its users end, and stay in the history.
	w.must(http.StatusNoContent, "DELETE", "/api/v1/sign-in-providers/office", nil, ada)
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, bob)
	if u := decode[api.User](t, w.must(http.StatusOK, "GET", "/api/v1/users/bob", nil, ada)); !u.Disabled {
		t.Errorf("%+v", u)
	}
}

func TestProvidersThatCouldNeverWorkAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.setup()
	for field, body := range map[string]string{
		"body":                  `{"name":"x","roles":[{"group":"a","role":"viewer"}]}`,
		"body.roles":            `{"name":"x","oidc":{"issuer":"https://a.example","client_id":"c"}}`,
		"body.oidc.issuer":      `{"name":"x","oidc":{"issuer":"http://a.example","client_id":"c"},"default_role":"viewer"}`,
		"body.ca_pem":           `{"name":"x","oidc":{"issuer":"https://a.example","client_id":"c","ca_pem":"none"},"default_role":"viewer"}`,
		"body.ldap.url":         `{"name":"x","ldap":{"url":"http://a.example","user_base":"dc=a"},"default_role":"viewer"}`,
		"body.ldap.user_filter": `{"name":"x","ldap":{"url":"ldaps://a.example","user_base":"dc=a","user_filter":"(uid=root)"},"default_role":"viewer"}`,
		"body.name":             `{"name":"A b","oidc":{"issuer":"https://a.example","client_id":"c"},"default_role":"viewer"}`,
	} {
		p := w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/sign-in-providers", body, ada).problem(t)
		if len(p.Errors) == 0 || p.Errors[0].Location != field {
			t.Errorf("%s: %+v", field, p)
		}
	}
}
