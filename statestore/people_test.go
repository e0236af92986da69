package statestore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestAccessKeyLifeCycle(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	k := must(s.AccessKeys.Create(t.Context(), statestore.AccessKey{
		Name: "acme", Storage: raw(`{"path": "/data"}`), Limits: raw(`{"rate": 1}`), Permissions: []string{"read", "write"},
		ExpiresAt: pointer(clk.Now().Add(time.Hour)),
	}, statestore.Secret("s1"), statestore.Secret("c1")))(t)
	_, err := s.AccessKeys.Create(t.Context(), statestore.AccessKey{Name: "acme"}, statestore.Secret("x"), nil)
	wantErr(t, err, statestore.ErrConflict)
	k.Permissions = []string{"read"}
	k = must(s.AccessKeys.Update(t.Context(), k, nil))(t)
	wantEqual(t, string(must(s.AccessKeys.Credentials(t.Context(), k.ID))(t)), "c1")
	k = must(s.AccessKeys.Update(t.Context(), k, statestore.Secret{}))(t)
	if c := must(s.AccessKeys.Credentials(t.Context(), k.ID))(t); c != nil {
		t.Errorf("credentials remain")
	}
	k = must(s.AccessKeys.Rotate(t.Context(), k.ID, statestore.Secret("s2")))(t)
	wantEqual(t, string(must(s.AccessKeys.Secret(t.Context(), k.ID))(t)), "s2")
	wantEqual(t, must(s.AccessKeys.ByName(t.Context(), "acme"))(t), k)
	if !k.Usable(clk.Now()) || k.Usable(clk.Now().Add(time.Hour)) {
		t.Error("expiry is not kept")
	}
	if err := errors.Join(s.AccessKeys.Used(t.Context(), k.ID), s.AccessKeys.Revoke(t.Context(), k.ID)); err != nil {
		t.Fatal(err)
	}
	k = must(s.AccessKeys.Get(t.Context(), k.ID))(t)
	if k.Usable(clk.Now()) || k.LastUsedAt == nil {
		t.Errorf("%+v", k)
	}
	_, err = s.AccessKeys.Rotate(t.Context(), k.ID, statestore.Secret("s3"))
	wantErr(t, err, statestore.ErrNotFound)
	must(s.AccessKeys.Create(t.Context(), statestore.AccessKey{Name: "acme", RotatedFrom: &k.ID}, statestore.Secret("x"), nil))(t) // the name is free again
	if l := must(s.AccessKeys.List(t.Context(), statestore.AccessKeyFilter{Revoked: true}, statestore.Page{}))(t); len(l.Items) != 2 || l.Next != "" {
		t.Errorf("%+v", l)
	}
}

func TestLastAdminStays(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	if n := must(s.Users.Count(t.Context()))(t); n != 0 {
		t.Fatalf("%d users", n)
	}
	ada := must(s.Users.Create(t.Context(), statestore.User{Name: "Ada", Role: statestore.RoleAdmin}, "hash"))(t)
	_, err := s.Users.Create(t.Context(), statestore.User{Name: "aDA", Role: statestore.RoleViewer}, "")
	wantErr(t, err, statestore.ErrConflict)
	_, err = s.Users.Create(t.Context(), statestore.User{Name: "eve", Role: "owner"}, "")
	wantErr(t, err, statestore.ErrInvalid)
	wantEqual(t, must(s.Users.ByName(t.Context(), "ADA"))(t), ada)

	demoted := ada
	demoted.Role = statestore.RoleViewer
	_, err = s.Users.Update(t.Context(), demoted)
	wantErr(t, err, statestore.ErrState)
	disabled := ada
	disabled.DisabledAt = pointer(s.Now())
	_, err = s.Users.Update(t.Context(), disabled)
	wantErr(t, err, statestore.ErrState)
	wantErr(t, s.Users.Delete(t.Context(), ada.ID), statestore.ErrState)
	wantEqual(t, must(s.Users.Get(t.Context(), ada.ID))(t), ada)

	must(s.Users.Create(t.Context(), statestore.User{Name: "bob", Role: statestore.RoleAdmin}, ""))(t)
	if err := s.Users.Delete(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
}

func TestLoginEndsWithTimePasswordOrUser(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	must(s.Users.Create(t.Context(), statestore.User{Name: "root", Role: statestore.RoleAdmin}, ""))(t)
	u := must(s.Users.Create(t.Context(), statestore.User{Name: "bob", Role: statestore.RoleViewer}, "h1"))(t)
	login := func(token string) {
		t.Helper()
		must(s.Logins.Create(t.Context(), statestore.Login{UserID: u.ID, Address: "10.0.0.1"}, statestore.Secret(token), time.Hour))(t)
	}
	check := func(token string, want error) {
		t.Helper()
		l, who, err := s.Logins.Lookup(t.Context(), statestore.Secret(token))
		wantErr(t, err, want)
		if err == nil && (who.ID != u.ID || l.UserID != u.ID) {
			t.Fatalf("login of %+v", who)
		}
	}
	login("one")
	login("two")
	check("one", nil)
	check("three", statestore.ErrNotFound)
	if err := s.Users.SetPassword(t.Context(), u.ID, "h2", statestore.Secret("one")); err != nil {
		t.Fatal(err)
	}
	check("one", nil)
	check("two", statestore.ErrNotFound)
	wantEqual(t, must(s.Users.PasswordHash(t.Context(), u.ID))(t), "h2")
	clk.advance(50 * time.Minute)
	if err := s.Logins.Extend(t.Context(), statestore.Secret("one"), time.Hour); err != nil {
		t.Fatal(err)
	}
	clk.advance(50 * time.Minute)
	check("one", nil)
	clk.advance(10 * time.Minute)
	check("one", statestore.ErrExpired)
	login("four")
	u = must(s.Users.Get(t.Context(), u.ID))(t)
	u.DisabledAt = pointer(s.Now())
	u = must(s.Users.Update(t.Context(), u))(t)
	check("four", statestore.ErrNotFound)
	if n := must(s.Logins.Forget(t.Context(), clk.Now()))(t); n != 0 {
		t.Errorf("%d logins outlived their user's disabling", n)
	}
}

func TestAPITokenActsForItsUser(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	u := must(s.Users.Create(t.Context(), statestore.User{Name: "bob", Role: statestore.RoleOperator}, ""))(t)
	tok := must(s.APITokens.Create(t.Context(), statestore.APIToken{Name: "ci", UserID: u.ID, Scopes: []string{"read"}, ExpiresAt: pointer(clk.Now().Add(time.Hour))}, statestore.Secret("t")))(t)
	row, who, err := s.APITokens.Lookup(t.Context(), statestore.Secret("t"))
	if err != nil || who.ID != u.ID || row.ID != tok.ID || row.LastUsedAt == nil || row.Scopes[0] != "read" {
		t.Fatalf("%+v, %+v, %v", row, who, err)
	}
	clk.advance(time.Hour)
	_, _, err = s.APITokens.Lookup(t.Context(), statestore.Secret("t"))
	wantErr(t, err, statestore.ErrExpired)
	if err := s.APITokens.Revoke(t.Context(), tok.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.APITokens.Lookup(t.Context(), statestore.Secret("t"))
	wantErr(t, err, statestore.ErrNotFound)
	if l := must(s.APITokens.List(t.Context(), statestore.APITokenFilter{UserID: u.ID, Revoked: true}, statestore.Page{}))(t); len(l.Items) != 1 || l.Items[0].RevokedAt == nil {
		t.Errorf("%+v", l)
	}
}

func TestSetupLinkMakesOneUser(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	link, late := statestore.Secret("link"), statestore.Secret("late")
	for _, l := range []statestore.Secret{link, late} {
		if err := s.SetupTokens.Create(t.Context(), l, statestore.RoleAdmin, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	// A transaction that fails later gives the link back.
	broken := errors.New("broken")
	err := s.Tx(t.Context(), func(tx *statestore.Tables) error {
		must(tx.SetupTokens.Consume(t.Context(), link))(t)
		return broken
	})
	wantErr(t, err, broken)
	wantEqual(t, must(s.SetupTokens.Check(t.Context(), link))(t), statestore.RoleAdmin)
	wantEqual(t, must(s.SetupTokens.Consume(t.Context(), link))(t), statestore.RoleAdmin)
	_, err = s.SetupTokens.Consume(t.Context(), link)
	wantErr(t, err, statestore.ErrUsed)
	clk.advance(time.Hour)
	_, err = s.SetupTokens.Consume(t.Context(), late)
	wantErr(t, err, statestore.ErrExpired)
	_, err = s.SetupTokens.Consume(t.Context(), statestore.Secret("guess"))
	wantErr(t, err, statestore.ErrNotFound)
}

func TestAuditIsPartOfTheChange(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, ticking)
	broken := errors.New("broken")
	for _, fail := range []error{nil, broken, nil} {
		err := s.Tx(t.Context(), func(tx *statestore.Tables) error {
			if err := tx.Audit.Append(t.Context(), statestore.AuditEntry{
				Actor: "user:1", Action: "update", Object: "cluster", ObjectID: "c", After: raw(`{"a": 1}`), RequestID: "r",
			}); err != nil {
				return err
			}
			return fail
		})
		wantErr(t, err, fail)
	}
	list := func(f statestore.AuditFilter) []statestore.AuditEntry {
		return walk(t, 1, func(p statestore.Page) (statestore.List[statestore.AuditEntry], error) {
			return s.Audit.List(t.Context(), f, p)
		})
	}
	all := list(statestore.AuditFilter{})
	if len(all) != 2 || all[0].Before != nil || string(all[0].After) != `{"a": 1}` || !all[0].At.After(all[1].At) {
		t.Fatalf("%+v", all)
	}
	if got := list(statestore.AuditFilter{Actor: "user:1", Object: "cluster", ObjectID: "c", From: all[0].At}); len(got) != 1 {
		t.Errorf("%d from then on", len(got))
	}
	if got := list(statestore.AuditFilter{Actor: "user:2"}); len(got) != 0 {
		t.Errorf("%d of somebody else", len(got))
	}
}

func TestAuditFindsAUsersTokensWithTheUser(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	for _, actor := range []string{"user:ada", "user:ada token:ci runner", "user:adam token:ci runner", "user:adam"} {
		if err := s.Audit.Append(t.Context(), statestore.AuditEntry{Actor: actor, Action: "update", Object: "cluster", ObjectID: "c"}); err != nil {
			t.Fatal(err)
		}
	}
	for actor, want := range map[string]int{"user:ada": 2, "user:adam": 2, "token:ci runner": 2, "user:ada token:ci runner": 1, "runner": 0, "ada": 0} {
		got := must(s.Audit.List(t.Context(), statestore.AuditFilter{Actor: actor}, statestore.Page{}))(t).Items
		if len(got) != want {
			t.Errorf("%d entries of %s, want %d", len(got), actor, want)
		}
	}
}

func TestSettingsAreSharedByManagers(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	var v int
	wantErr(t, s.Settings.Get(t.Context(), "n", &v), statestore.ErrNotFound)
	first, second := 1, 2
	if err := errors.Join(s.Settings.PutFirst(t.Context(), "n", &first), s.Settings.PutFirst(t.Context(), "n", &second)); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, second, 1)
	if err := errors.Join(s.Settings.Put(t.Context(), "n", 3), s.Settings.Get(t.Context(), "n", &v), s.Settings.Delete(t.Context(), "n")); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, v, 3)
	wantErr(t, s.Settings.Get(t.Context(), "n", &v), statestore.ErrNotFound)
	if err := s.Settings.PutSealed(t.Context(), "webhook", statestore.Secret("s")); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, string(must(s.Settings.Sealed(t.Context(), "webhook"))(t)), "s")
}
