// Package signintest runs sign-in providers of others for tests: an OpenID provider (zitadel/oidc) over HTTPS, and
// OpenLDAP's slapd with TLS.
package signintest

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Client of the provider.
const (
	ClientID     = "godwit"
	ClientSecret = "a client's secret"
)

// Provider is an OpenID provider with the users Add was told of.
type Provider struct {
	Issuer string
	CA     string // PEM
	server *httptest.Server
	people *people
}

// people are the provider's users, and their groups by id.
type people struct {
	mu     sync.Mutex
	by     map[string]*storage.User
	groups map[string][]string
}

func (p *people) GetUserByID(id string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[id]
}

func (p *people) GetUserByUsername(name string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.by {
		if u.Username == name {
			return u
		}
	}
	return nil
}

func (p *people) ExampleClientID() string { return "service" }

func (p *people) groupsOf(id string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.groups[id]
}

// withGroups is the library's example storage, which knows no groups.
type withGroups struct {
	*storage.Storage
	people *people
}

// SetUserinfoFromToken adds the groups to the answer of the user info.
func (w withGroups) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := w.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	info.AppendClaims("groups", w.people.groupsOf(info.Subject))
	return nil
}

// making keeps providers from being made at once: each changes the library's default endpoints, so each gets a copy.
var making sync.Mutex

// OpenID starts a provider whose client sends people back to the redirect URLs. It stops with the test.
func OpenID(t testing.TB, redirects ...string) *Provider {
	t.Helper()
	p := &Provider{people: &people{by: map[string]*storage.User{}, groups: map[string][]string{}}}
	var handler http.Handler
	p.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(p.server.Close)
	p.Issuer = p.server.URL
	p.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw}))
	clients := map[string]*storage.Client{ClientID: storage.WebClient(ClientID, ClientSecret, redirects...)}
	var keeps exampleop.Storage = withGroups{storage.NewStorageWithClients(p.people, clients), p.people}
	making.Lock()
	defer making.Unlock()
	own := *op.DefaultEndpoints
	op.DefaultEndpoints = &own
	handler = exampleop.SetupServer(p.Issuer, keeps, slog.New(slog.NewTextHandler(io.Discard, nil)), false)
	return p
}

// Add makes or changes a user.
func (p *Provider) Add(id, name, password string, groups ...string) {
	p.people.mu.Lock()
	defer p.people.mu.Unlock()
	p.people.by[id] = &storage.User{ID: id, Username: name, Password: password}
	p.people.groups[id] = groups
}

// Stop makes the provider answer no more.
func (p *Provider) Stop() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// SignIn goes through the provider's pages as a person would, from the address to which it was sent, and returns the
// address to which the provider sends the browser back.
func (p *Provider) SignIn(t testing.TB, start, name, password string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: p.server.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at, err := url.Parse(start)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		var res *http.Response
		if at.Path == "/login/username" {
			form := url.Values{"id": {at.Query().Get("authRequestID")}, "username": {name}, "password": {password}}
			res, err = browser.PostForm(p.Issuer+"/login/username", form) //nolint:noctx // a test ends by its own limit
		} else {
			res, err = browser.Get(at.String()) //nolint:noctx // a test ends by its own limit
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body) // for the message only
		res.Body.Close()
		next, err := res.Location()
		if err != nil {
			t.Fatalf("the provider does not go on from %s: %s %s", at, res.Status, body)
		}
		if at = next; fmt.Sprintf("%s://%s", at.Scheme, at.Host) != p.Issuer {
			return at
		}
	}
	t.Fatalf("the provider goes round in circles at %s", at)
	return nil
}
