package signin_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/signin"
	"github.com/godwit/godwit/signin/signintest"
)

const redirect = "https://manager.example/api/v1/sign-in/oidc/acme/callback"

func openID(t *testing.T, p *signintest.Provider) signin.OIDC {
	t.Helper()
	return signin.OIDC{
		Issuer: p.Issuer, ClientID: signintest.ClientID, ClientSecret: signintest.ClientSecret, Roots: pool(t, p.CA), Network: local(), Now: time.Now,
	}
}

// signsIn goes to the provider and back.
func signsIn(t *testing.T, p *signintest.Provider, o signin.OIDC) (signin.Attempt, url.Values) {
	t.Helper()
	to, a, err := o.Begin(t.Context(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	back := p.SignIn(t, to, "ada", "a quiet morning")
	if !strings.HasPrefix(back.String(), redirect+"?") {
		t.Fatalf("sent back to %s", back)
	}
	return a, back.Query()
}

func TestOpenIDProviderVouchesForAPersonOnce(t *testing.T) {
	t.Parallel()
	p := signintest.OpenID(t, redirect)
	p.Add("id-1", "ada", "a quiet morning", "ops", "staff")
	o := openID(t, p)
	if err := o.Test(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, back := signsIn(t, p, o)
	person, err := o.Complete(t.Context(), redirect, a, back.Get("state"), back.Get("code"))
	if err != nil || person.Subject != "id-1" || person.Name != "ada" || strings.Join(person.Groups, ",") != "ops,staff" {
		t.Fatalf("%+v %v", person, err)
	}
	if _, err := o.Complete(t.Context(), redirect, a, back.Get("state"), back.Get("code")); err == nil {
		t.Error("a code works twice")
	}
}

func TestAnswerOfAnotherSignInIsRefused(t *testing.T) {
	t.Parallel()
	p := signintest.OpenID(t, redirect)
	p.Add("id-1", "ada", "a quiet morning")
	o := openID(t, p)
	for name, spoil := range map[string]func(*signin.OIDC, *signin.Attempt, url.Values){
		"another state":    func(_ *signin.OIDC, _ *signin.Attempt, q url.Values) { q.Set("state", "other") },
		"no attempt":       func(_ *signin.OIDC, a *signin.Attempt, q url.Values) { *a = signin.Attempt{}; q.Set("state", "") },
		"another nonce":    func(_ *signin.OIDC, a *signin.Attempt, _ url.Values) { a.Nonce = "other" },
		"another verifier": func(_ *signin.OIDC, a *signin.Attempt, _ url.Values) { a.Verifier = strings.Repeat("v", 43) },
		"an invented code": func(_ *signin.OIDC, _ *signin.Attempt, q url.Values) { q.Set("code", "abc") },
		"a clock hours ahead": func(o *signin.OIDC, _ *signin.Attempt, _ url.Values) {
			o.Now = func() time.Time { return time.Now().Add(5 * time.Hour) }
		},
		"a clock hours back": func(o *signin.OIDC, _ *signin.Attempt, _ url.Values) {
			o.Now = func() time.Time { return time.Now().Add(-5 * time.Hour) }
		},
	} {
		o := o
		a, back := signsIn(t, p, o)
		spoil(&o, &a, back)
		person, err := o.Complete(t.Context(), redirect, a, back.Get("state"), back.Get("code"))
		if name == "a clock hours back" {
			if err != nil { // an issued-at of the future is no reason: the signature is good and the token has not expired
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var refused *signin.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %+v %v", name, person, err)
		}
	}
	slow := o
	slow.Now = func() time.Time { return time.Now().Add(time.Minute) }
	a, back := signsIn(t, p, slow)
	if _, err := slow.Complete(t.Context(), redirect, a, back.Get("state"), back.Get("code")); err != nil {
		t.Errorf("a clock a minute off: %v", err)
	}
}

func TestProviderThatCannotBeAskedIsNotARefusal(t *testing.T) {
	t.Parallel()
	p := signintest.OpenID(t, redirect)
	p.Add("id-1", "ada", "a quiet morning")
	good := openID(t, p)
	var away *signin.UnavailableError
	for name, change := range map[string]func(*signin.OIDC){
		"an issuer of another spelling": func(o *signin.OIDC) { o.Issuer += "/" },
		"an unknown authority":          func(o *signin.OIDC) { o.Roots = nil },
	} {
		o := good
		change(&o)
		if _, _, err := o.Begin(t.Context(), redirect); !errors.As(err, &away) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := good
	wrong.ClientSecret = "not the secret"
	a, back := signsIn(t, p, wrong)
	if _, err := wrong.Complete(t.Context(), redirect, a, back.Get("state"), back.Get("code")); !errors.As(err, &away) || strings.Contains(err.Error(), "not the secret") {
		t.Errorf("a wrong client secret: %v", err)
	}
	a, back = signsIn(t, p, good)
	p.Stop()
	if _, err := good.Complete(t.Context(), redirect, a, back.Get("state"), back.Get("code")); !errors.As(err, &away) {
		t.Errorf("stopped on the way: %v", err)
	}
	if err := good.Test(t.Context()); !errors.As(err, &away) {
		t.Errorf("stopped: %v", err)
	}
}
