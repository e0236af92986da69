package signin

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/egress"
)

// skew is how far a provider's clock may be off ours. go-oidc adds five minutes of its own to "not before".
const skew = 2 * time.Minute

// OIDC is an OpenID provider. The zero values of Scopes and claims stand for the usual ones.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret string // empty: a public client, which PKCE makes safe
	Scopes       []string
	NameClaim    string // "preferred_username"
	GroupsClaim  string // "groups"
	Roots        *x509.CertPool
	Network      Network
	Now          func() time.Time
}

// Attempt is one sign-in under way. Whoever began it must bring it back; keep it from everybody else.
type Attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// asked is a provider that has answered who it is.
type asked struct {
	*oidc.Provider
	oauth oauth2.Config
}

func (o OIDC) discover(ctx context.Context, redirect string) (asked, error) {
	p, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		return asked{}, unavailable("discovery", err)
	}
	scopes := []string{oidc.ScopeOpenID, "profile", "email"}
	for _, sc := range o.Scopes {
		if !slices.Contains(scopes, sc) {
			scopes = append(scopes, sc)
		}
	}
	return asked{p, oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: redirect, Scopes: scopes,
	}}, nil
}

// client puts the network into a context, where the libraries look for it.
func (o OIDC) client(ctx context.Context) (context.Context, func()) {
	c := o.Network.Client(egress.Options{Timeout: exchange, Roots: o.Roots})
	return oidc.ClientContext(ctx, c), c.CloseIdleConnections
}

// Begin returns where the browser goes, and what must be brought back from there.
func (o OIDC) Begin(ctx context.Context, redirect string) (string, Attempt, error) {
	ctx, done := o.client(ctx)
	defer done()
	p, err := o.discover(ctx, redirect)
	if err != nil {
		return "", Attempt{}, err
	}
	a := Attempt{State: secret.New(""), Nonce: secret.New(""), Verifier: oauth2.GenerateVerifier()}
	return p.oauth.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), a, nil
}

// Complete turns the code that the browser brought back into a person.
func (o OIDC) Complete(ctx context.Context, redirect string, a Attempt, state, code string) (Person, error) {
	if a.State == "" || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return Person{}, &RefusedError{"the answer is not to a sign-in that this browser began"}
	}
	ctx, done := o.client(ctx)
	defer done()
	p, err := o.discover(ctx, redirect)
	if err != nil {
		return Person{}, err
	}
	tokens, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Person{}, exchangeError(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return Person{}, unavailable("token", errors.New("the provider gave no ID token; is the scope openid allowed?"))
	}
	token, err := p.VerifierContext(ctx, &oidc.Config{ClientID: o.ClientID, Now: func() time.Time { return o.Now().Add(-skew) }}).Verify(ctx, raw)
	if err != nil {
		return Person{}, tokenError(err)
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1 {
		return Person{}, &RefusedError{"the token is of another sign-in"}
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return Person{}, unavailable("token", err)
	}
	if claims[o.groupsClaim()] == nil || claims[o.nameClaim()] == nil {
		if err := more(ctx, p, tokens, token.Subject, claims); err != nil {
			return Person{}, err
		}
	}
	return o.person(token.Subject, claims)
}

// more asks the provider's user info for claims that its token leaves out.
func more(ctx context.Context, p asked, tokens *oauth2.Token, subject string, claims map[string]any) error {
	if p.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return unavailable("user info", err)
	}
	if info.Subject != subject {
		return &RefusedError{"the provider's user info is of somebody else"}
	}
	extra := map[string]any{}
	if err := info.Claims(&extra); err != nil {
		return unavailable("user info", err)
	}
	for k, v := range extra {
		if claims[k] == nil {
			claims[k] = v
		}
	}
	return nil
}

func (o OIDC) nameClaim() string {
	if o.NameClaim == "" {
		return "preferred_username"
	}
	return o.NameClaim
}

func (o OIDC) groupsClaim() string {
	if o.GroupsClaim == "" {
		return "groups"
	}
	return o.GroupsClaim
}

func (o OIDC) person(subject string, claims map[string]any) (Person, error) {
	if subject == "" {
		return Person{}, &RefusedError{"the provider names nobody"}
	}
	out := Person{Subject: subject}
	out.Name, _ = claims[o.nameClaim()].(string)
	// An unproven address is what its owner says of himself: no name to be known by.
	if verified, _ := claims["email_verified"].(bool); out.Name == "" && verified {
		out.Name, _ = claims["email"].(string)
	}
	if out.Name == "" {
		return out, &RefusedError{fmt.Sprintf("the provider gives no claim %q to know people by", o.nameClaim())}
	}
	switch groups := claims[o.groupsClaim()].(type) {
	case string:
		out.Groups = []string{groups}
	case []any:
		for _, g := range groups {
			if name, ok := g.(string); ok {
				out.Groups = append(out.Groups, name)
			}
		}
	}
	return out, nil
}

// Test asks the provider who it is and for its keys.
func (o OIDC) Test(ctx context.Context) error {
	ctx, done := o.client(ctx)
	defer done()
	p, err := o.discover(ctx, "")
	if err != nil {
		return err
	}
	var doc struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&doc); err != nil {
		return unavailable("discovery", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, doc.Keys, http.NoBody)
	if err != nil {
		return unavailable("keys", err)
	}
	c := o.Network.Client(egress.Options{Timeout: exchange, Roots: o.Roots})
	defer c.CloseIdleConnections()
	res, err := c.Do(req)
	if err != nil {
		return unavailable("keys", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return unavailable("keys", errors.New("the provider answered "+res.Status))
	}
	return nil
}

// exchangeError tells a refusal of the code from a provider that does not answer, and from one that does not know us.
func exchangeError(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.ErrorCode != "" {
		if answer.ErrorCode == "invalid_grant" {
			return &RefusedError{"the provider does not know this sign-in (any more); begin again"}
		}
		return unavailable("token", fmt.Errorf("the provider refuses: %s", answer.ErrorCode))
	}
	return unavailable("token", err)
}

// tokenError tells a token that is wrong from keys that cannot be had.
func tokenError(err error) error {
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return &RefusedError{"the provider's token had expired at " + expired.Expiry.UTC().Format(time.RFC3339) + "; are both clocks right?"}
	case strings.Contains(err.Error(), "fetching keys"):
		return unavailable("keys", err)
	}
	return &RefusedError{"the provider's token does not hold: " + err.Error()}
}

func unavailable(doing string, err error) error { return &UnavailableError{Doing: doing, Err: err} }
