package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestWrongCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	key := w.tenant("acme", admin)
	person := w.setup()
	for _, life := range []string{"0", "-1", "-10800", "59"} { // what has ended already is not made, and never for ever instead
		w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/api-tokens", `{"name":"x","role":"viewer","expires_in_s":`+life+`}`, person)
	}
	expired := w.must(http.StatusCreated, "POST", "/api/v1/api-tokens", api.APITokenCreate{Name: "x", Role: api.RoleViewer, ExpiresIn: 60}, person)
	short := decode[api.APITokenCreated](t, expired).Token
	w.must(http.StatusOK, "GET", "/api/v1/me", nil, bearer(short))
	w.clock.advance(2 * time.Minute)
	for name, h := range map[string]header{
		"unknown token":         bearer("gwt_nonsense"),
		"empty token":           with("Authorization", "Bearer "),
		"expired token":         bearer(short),
		"unknown scheme":        with("Authorization", "Digest x"),
		"wrong secret":          basic(key.ID, "gws_wrong"),
		"unknown key":           basic("ak_"+statestore.NewID(), key.Secret),
		"not base64":            with("Authorization", "Basic !!!"),
		"no colon":              with("Authorization", "Basic YWJj"),
		"invented session":      with("Cookie", "__Host-godwit=abc"),
		"token of another kind": bearer(key.Secret),
	} {
		if r := w.call("GET", "/api/v1/transfers", nil, h); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	w.must(http.StatusOK, "GET", "/api/v1/transfers", nil, basic(key.ID, key.Secret))
}

func TestSetupLinkWorksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func() bool { return decode[api.Setup](t, w.must(http.StatusOK, "GET", "/api/v1/setup", nil)).Required }
	if !ask() {
		t.Error("no user, and set-up is not asked for")
	}
	link := secret.New("")
	if err := w.store.SetupTokens.Create(t.Context(), statestore.Secret(link), statestore.RoleAdmin, time.Hour); err != nil {
		t.Fatal(err)
	}
	good := api.SetupRequest{Token: link, Name: "ada", Password: "a quiet morning"}
	weak, wrong := good, good
	weak.Password, wrong.Token = "aaaaaaaaaaaa", "not the token of the link"
	if r := w.call("POST", "/api/v1/setup", weak); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("weak password: %d %s", r.StatusCode, r.body)
	}
	if r := w.call("POST", "/api/v1/setup", wrong); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("wrong token: %d", r.StatusCode)
	}
	r := w.must(http.StatusCreated, "POST", "/api/v1/setup", good)
	c := r.Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie: %+v", c)
	}
	if strings.Contains(string(r.body), c.Value) {
		t.Error("the session's token is in the body, where scripts can read it")
	}
	if me := decode[api.Me](t, w.must(http.StatusOK, "GET", "/api/v1/me", nil, cookieOf(t, r))); me.Role != api.RoleAdmin || me.Name != "ada" {
		t.Errorf("me: %+v", me)
	}
	second := good
	second.Name = "eve"
	again := w.call("POST", "/api/v1/setup", second)
	if again.StatusCode != http.StatusUnauthorized || !strings.Contains(again.problem(t).Detail, "used already") {
		t.Errorf("second use: %d %s", again.StatusCode, again.body)
	}
	if _, err := w.store.Users.ByName(t.Context(), "eve"); err == nil {
		t.Error("the second use made a user")
	}
	if ask() {
		t.Error("set-up is still asked for")
	}
}

func TestSetupLinkExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := secret.New("")
	if err := w.store.SetupTokens.Create(t.Context(), statestore.Secret(link), statestore.RoleAdmin, time.Hour); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(2 * time.Hour)
	r := w.must(http.StatusUnauthorized, "POST", "/api/v1/setup", api.SetupRequest{Token: link, Name: "ada", Password: "a quiet morning"})
	if !strings.Contains(r.problem(t).Detail, "expired") {
		t.Errorf("%s", r.body)
	}
}

func TestSignInIsThrottledAndSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setup()
	right := api.SignIn{Name: "ada", Password: "a quiet morning"}
	wrong := api.SignIn{Name: "ada", Password: "a loud evening"}
	unknown := api.SignIn{Name: "nobody", Password: "a loud evening"}
	a, b := w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", wrong), w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", unknown)
	if a.problem(t).Detail != b.problem(t).Detail {
		t.Errorf("the answers tell which names exist: %s, %s", a.body, b.body)
	}
	for range 4 {
		w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", wrong)
	}
	r := w.must(http.StatusTooManyRequests, "POST", "/api/v1/sessions", right)
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.clock.advance(time.Minute)
	session := cookieOf(t, w.must(http.StatusCreated, "POST", "/api/v1/sessions", right))
	w.must(http.StatusOK, "GET", "/api/v1/me", nil, session)
	out := w.must(http.StatusNoContent, "DELETE", "/api/v1/sessions/current", nil, session)
	if c := out.Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("sign-out leaves the cookie: %v", c)
	}
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, session)
}

func TestRefusedSignInsAreAuditedWithoutWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "ADA", Password: "a loud evening"})
	w.must(http.StatusUnauthorized, "POST", "/api/v1/sessions", api.SignIn{Name: "a quiet morning", Password: "ada"})
	r := w.must(http.StatusOK, "GET", "/api/v1/audit?action=sign_in_refused", nil, admin)
	l := decode[api.Page[api.AuditEntry]](t, r).Items
	if len(l) != 2 {
		t.Fatalf("%s", r.body)
	}
	typed, known := l[0], l[1]
	ada := decode[api.Me](t, w.must(http.StatusOK, "GET", "/api/v1/me", nil, admin))
	if known.ObjectID != ada.ID || known.After["name"] != "ada" || known.After["why"] != "unauthorized" || known.Actor != "anonymous" || known.Address == "" {
		t.Errorf("%+v", known)
	}
	// Somebody typed the password where the name belongs.
	if typed.ObjectID != "" || strings.Contains(string(r.body), "quiet") || strings.Contains(string(r.body), "loud") {
		t.Errorf("%s", r.body)
	}
}

func TestGuessingDoesNotFillTheAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.acme(admin)
	const tries = 400
	for range tries {
		w.must(http.StatusSeeOther, "GET", "/api/v1/sign-in/oidc/acme/callback", nil)
	}
	n := len(decode[api.Page[api.AuditEntry]](t, w.must(http.StatusOK, "GET", "/api/v1/audit?limit=500&action=sign_in_refused", nil, admin)).Items)
	if n == 0 || n >= tries {
		t.Errorf("%d of %d refusals are in the audit", n, tries)
	}
}

func TestSessionEndsAfterItsHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.setup()
	w.must(http.StatusOK, "PATCH", "/api/v1/settings", map[string]int{"session_hours": 2}, session, w.latest("/api/v1/settings", session))
	session = cookieOf(t, w.must(http.StatusCreated, "POST", "/api/v1/sessions", api.SignIn{Name: "ada", Password: "a quiet morning"}))
	w.clock.advance(90 * time.Minute)
	w.must(http.StatusOK, "GET", "/api/v1/me", nil, session) // use extends it
	w.clock.advance(90 * time.Minute)
	w.must(http.StatusOK, "GET", "/api/v1/me", nil, session)
	w.clock.advance(3 * time.Hour)
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, session)
}

func TestPagesOfOtherSitesCannotUseTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.setup()
	change := map[string]int{"session_hours": 3}
	for name, h := range map[string]header{
		"fetch metadata": with("Sec-Fetch-Site", "cross-site"), "same site is not same origin": with("Sec-Fetch-Site", "same-site"),
		"origin": with("Origin", "https://evil.example"),
	} {
		if r := w.call("PATCH", "/api/v1/settings", change, session, h, w.latest("/api/v1/settings", session)); r.StatusCode != http.StatusForbidden || r.problem(t).Code != "cross_origin" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	w.must(http.StatusOK, "PATCH", "/api/v1/settings", change, session, with("Sec-Fetch-Site", "same-origin"), w.latest("/api/v1/settings", session))
}

func TestTokensDoNoMoreThanTheirMakers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusCreated, "POST", "/api/v1/users", api.UserCreate{Name: "bob", Password: "rain on the roof", Role: api.RoleOperator}, admin)
	bob := cookieOf(t, w.must(http.StatusCreated, "POST", "/api/v1/sessions", api.SignIn{Name: "bob", Password: "rain on the roof"}))
	w.must(http.StatusForbidden, "POST", "/api/v1/api-tokens", api.APITokenCreate{Name: "x", Role: api.RoleAdmin}, bob)
	made := decode[api.APITokenCreated](t, w.must(http.StatusCreated, "POST", "/api/v1/api-tokens", api.APITokenCreate{Name: "ci", Role: api.RoleOperator}, bob))
	token := bearer(made.Token)
	if me := decode[api.Me](t, w.must(http.StatusOK, "GET", "/api/v1/me", nil, token)); me.Role != api.RoleOperator || me.Kind != "api_token" {
		t.Errorf("%+v", me)
	}
	w.must(http.StatusForbidden, "POST", "/api/v1/api-tokens", api.APITokenCreate{Name: "y", Role: api.RoleViewer}, token)
	// Its maker loses the role, and the token with him.
	w.must(http.StatusOK, "PATCH", "/api/v1/users/bob", map[string]string{"role": "viewer"}, admin, w.latest("/api/v1/users/bob", admin))
	if me := decode[api.Me](t, w.must(http.StatusOK, "GET", "/api/v1/me", nil, token)); me.Role != api.RoleViewer {
		t.Errorf("%+v", me)
	}
	list := w.must(http.StatusOK, "GET", "/api/v1/api-tokens", nil, bob)
	if items := decode[api.Page[api.APIToken]](t, list).Items; len(items) != 1 || items[0].Owner != "bob" || strings.Contains(string(list.body), made.Token) {
		t.Errorf("%s", list.body)
	}
	w.must(http.StatusNoContent, "DELETE", "/api/v1/api-tokens/"+made.ID, nil, admin)
	w.must(http.StatusUnauthorized, "GET", "/api/v1/me", nil, token)
	w.must(http.StatusConflict, "DELETE", "/api/v1/users/ada", nil, admin) // the last administrator
}

func TestEveryChangeIsAuditedWithBeforeAndAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	c := storetest.Cluster(t, w.store, "alpha")
	w.must(http.StatusOK, "POST", "/api/v1/clusters/alpha/pause", nil, admin, with("X-Request-Id", "trace-me-1234"))
	list := decode[api.Page[api.AuditEntry]](t, w.must(http.StatusOK, "GET", "/api/v1/audit?object=cluster", nil, admin))
	if len(list.Items) != 1 {
		t.Fatalf("%+v", list)
	}
	e := list.Items[0]
	if e.Actor != "user:ada" || e.Action != "pause" || e.ObjectID != c.ID || e.ObjectName != "alpha" || e.RequestID != "trace-me-1234" || e.Before["paused"] != false || e.After["paused"] != true || e.Address == "" {
		t.Errorf("%+v", e)
	}
	// A change that is refused leaves no trace in the audit.
	w.must(http.StatusNotFound, "POST", "/api/v1/clusters/beta/pause", nil, admin)
	if again := decode[api.Page[api.AuditEntry]](t, w.must(http.StatusOK, "GET", "/api/v1/audit?object=cluster", nil, admin)); len(again.Items) != 1 {
		t.Errorf("%+v", again)
	}
	// Neither passwords nor secrets are in it.
	key := w.tenant("acme", admin)
	all := w.must(http.StatusOK, "GET", "/api/v1/audit?limit=500", nil, admin)
	if strings.Contains(string(all.body), key.Secret) || strings.Contains(string(all.body), "quiet morning") {
		t.Error("a secret is in the audit")
	}
}
