package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/statestore"
)

func once(key string) header { return with("Idempotency-Key", key) }

func TestRepeatedCreationIsAnsweredAgainAndDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	body := `{"name":"acme","storage":{"type":"local","path":"/srv/acme"}}`
	first := w.must(http.StatusCreated, "POST", "/api/v1/access-keys", body, admin, once("k-1"))
	again := w.must(http.StatusCreated, "POST", "/api/v1/access-keys", body, admin, once("k-1"))
	if string(first.body) != string(again.body) || first.Header.Get("ETag") != again.Header.Get("ETag") {
		t.Errorf("another answer:\n%s\n%s", first.body, again.body)
	}
	if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Error("the answers do not say which of them is the first")
	}
	secret := decode[api.AccessKeySecret](t, again).Secret
	w.must(http.StatusOK, "GET", "/api/v1/transfers", nil, basic(decode[api.AccessKeySecret](t, again).ID, secret))

	other := w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/access-keys", strings.Replace(body, "acme", "apex", 1), admin, once("k-1"))
	if p := other.problem(t); p.Errors[0].Location != "header.Idempotency-Key" {
		t.Errorf("%s", other.body)
	}
	// Another sender's keys are others, and after a day a key is new.
	w.must(http.StatusConflict, "POST", "/api/v1/access-keys", body, bearer(w.token(api.RoleAdmin)), once("k-1"))
	w.clock.advance(25 * time.Hour)
	admin = cookieOf(t, w.must(http.StatusCreated, "POST", "/api/v1/sessions", api.SignIn{Name: "ada", Password: "a quiet morning"}))
	w.must(http.StatusConflict, "POST", "/api/v1/access-keys", body, admin, once("k-1"))
	w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/access-keys", body, admin, once("not one word"))
}

func TestRefusedRequestGivesItsKeyBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusNotFound, "POST", "/api/v1/clusters", `{"name":"a","template":"small"}`, admin, once("k"))
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"a","template":"small"}`, admin, once("k"))
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"a","template":"small"}`, admin, once("k"))
}

func TestSimultaneousDuplicatesDoOneThing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	var running sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		running.Go(func() {
			r := w.call("POST", "/api/v1/users", api.UserCreate{Name: "bob", Password: "rain on the roof", Role: api.RoleViewer}, admin, once("same"))
			if statuses[i] = r.StatusCode; r.StatusCode == http.StatusConflict && (r.Header.Get("Retry-After") == "" || strings.Contains(string(r.body), "taken")) {
				t.Errorf("a duplicate was carried out, or is not told when to ask: %s", r.body)
			}
		})
	}
	running.Wait()
	for _, s := range statuses {
		if s != http.StatusCreated && s != http.StatusConflict {
			t.Errorf("%v", statuses)
		}
	}
	w.must(http.StatusCreated, "POST", "/api/v1/users", api.UserCreate{Name: "bob", Password: "rain on the roof", Role: api.RoleViewer}, admin, once("same"))
	l := decode[api.Page[api.AuditEntry]](t, w.must(http.StatusOK, "GET", "/api/v1/audit?object=user&action=create", nil, admin))
	if len(l.Items) != 1 {
		t.Errorf("done %d times", len(l.Items))
	}
}

// A manager may die between any two steps. Before the change, the next request takes over; after it, nothing is done
// again.
func TestDeadManagersRequestIsDoneAtMostOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, err := w.store.Users.Create(t.Context(), statestore.User{Name: "eve", Role: statestore.RoleAdmin}, "none")
	if err != nil {
		t.Fatal(err)
	}
	keys, sender, request := w.store.Idempotency, "user:"+user.ID, []byte("hash")
	dead, _, err := keys.Claim(t.Context(), sender, "k", request)
	if err != nil || dead == nil {
		t.Fatal(dead, err)
	}
	if c, before, err := keys.Claim(t.Context(), sender, "k", request); c != nil || before.Answer != nil || err != nil {
		t.Fatalf("claimed twice: %v %v %v", c, before, err)
	}
	w.clock.advance(5 * time.Minute)
	heir, _, err := keys.Claim(t.Context(), sender, "k", request)
	if err != nil || heir == nil {
		t.Fatal("a dead manager's claim holds", err)
	}
	if err := keys.Changed(t.Context(), dead, "user", "1"); err == nil {
		t.Error("who lost the claim may change something")
	}
	if err := keys.Changed(t.Context(), heir, "user", "1"); err != nil {
		t.Fatal(err)
	}
	if err := keys.Free(t.Context(), heir); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(5 * time.Minute)
	if c, before, err := keys.Claim(t.Context(), sender, "k", request); c != nil || before.ObjectID != "1" || err != nil {
		t.Errorf("what was changed can be done again: %v %+v %v", c, before, err)
	}
}

// The answers hold secrets that are shown once: neither they nor the keys lie readable in the database.
func TestKeptAnswersAreSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	r := w.must(http.StatusCreated, "POST", "/api/v1/api-tokens", api.APITokenCreate{Name: "ci", Role: api.RoleViewer}, admin, once("tell-tale-key"))
	rows := w.rows("SELECT t::text FROM idempotency_keys t")
	made := decode[api.APITokenCreated](t, r)
	if len(rows) != 1 || strings.Contains(rows[0], fmt.Sprintf("%x", made.Token)) || strings.Contains(rows[0], fmt.Sprintf("%x", "tell-tale-key")) || !strings.Contains(rows[0], made.ID) {
		t.Errorf("%v", rows)
	}
}
