package api

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/godwit/godwit/signin"
	"github.com/godwit/godwit/statestore"
)

// providerConfig is a provider's configuration as it is stored.
type providerConfig struct {
	Title       string        `json:"title,omitempty"`
	OIDC        *OIDCConfig   `json:"oidc,omitempty"`
	LDAP        *LDAPConfig   `json:"ldap,omitempty"`
	Roles       []signin.Rule `json:"roles"`
	DefaultRole string        `json:"default_role,omitempty"`
	HasSecret   bool          `json:"has_secret"`
}

func readProvider(row statestore.SignInProvider) (providerConfig, error) {
	c := providerConfig{Roles: []signin.Rule{}}
	if err := json.Unmarshal(row.Config, &c); err != nil {
		return c, fmt.Errorf("sign-in provider %s: %w", row.Name, err)
	}
	return c, nil
}

func (s *Server) providerView(ctx context.Context) func(statestore.SignInProvider) SignInProvider {
	public, err := s.publicURL(ctx)
	if err != nil {
		public = s.config.PublicURL
	}
	return func(r statestore.SignInProvider) SignInProvider {
		c, _ := readProvider(r) // one that another version stored is shown as far as it can be read
		out := SignInProvider{
			ID: r.ID, Name: r.Name, Kind: string(r.Kind), Title: c.Title, Enabled: r.Enabled, OIDC: c.OIDC, LDAP: c.LDAP, HasSecret: c.HasSecret,
			Roles: c.Roles, DefaultRole: c.DefaultRole, OkAt: r.OkAt, FailedAt: r.FailedAt, Failure: r.Failure, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		}
		if r.Kind == statestore.ProviderOIDC {
			out.RedirectURL = redirectURL(public, r.Name)
		}
		return out
	}
}

func redirectURL(public, provider string) string {
	return public + "/api/v1/sign-in/oidc/" + provider + "/callback"
}

func (s *Server) taggedProvider(ctx context.Context, r statestore.SignInProvider) *tagged[SignInProvider] {
	return &tagged[SignInProvider]{ETag: etag(r.Version), Body: s.providerView(ctx)(r)}
}

func findProvider(ctx context.Context, t *statestore.Tables, name string) (statestore.SignInProvider, error) {
	p, err := t.SignIn.Get(ctx, name)
	if errors.Is(err, statestore.ErrNotFound) {
		p, err = t.SignIn.ByName(ctx, name)
	}
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("sign-in provider", name)
	}
	return p, err
}

func (s *Server) listProviders(ctx context.Context, in *providersIn) (*body[Page[SignInProvider]], error) {
	l, err := s.store.SignIn.List(ctx, in.page())
	return paged(l, err, s.providerView(ctx))
}

func (s *Server) getProvider(ctx context.Context, in *providerIn) (*tagged[SignInProvider], error) {
	p, err := findProvider(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	return s.taggedProvider(ctx, p), nil
}

// check refuses a configuration that could never work.
func (c providerConfig) check() error {
	var ca string
	switch {
	case (c.OIDC == nil) == (c.LDAP == nil):
		return invalid("body", "names neither oidc nor ldap, or both: a provider is of one kind")
	case c.OIDC != nil:
		ca = c.OIDC.CA
	default:
		ca = c.LDAP.CA
		if field, problem := c.directory(nil, nil, "").Check(); field != "" {
			return invalid("body.ldap."+field, "%s", problem)
		}
	}
	if _, err := roots(ca); err != nil {
		return err
	}
	if len(c.Roles) == 0 && c.DefaultRole == "" {
		return invalid("body.roles", "gives nobody a role, and default_role neither: nobody could sign in")
	}
	return nil
}

// roots are the authorities of a PEM text; nil for none of its own.
func roots(pem string) (*x509.CertPool, error) {
	if pem == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, invalid("body.ca_pem", "holds no certificate in PEM form")
	}
	return pool, nil
}

func (s *Server) createProvider(ctx context.Context, in *providerCreateIn) (*tagged[SignInProvider], error) {
	c := providerConfig{
		Title: in.Body.Title, OIDC: in.Body.OIDC, LDAP: in.Body.LDAP, Roles: in.Body.Roles, DefaultRole: in.Body.DefaultRole, HasSecret: in.Body.Secret != "",
	}
	if c.Roles == nil {
		c.Roles = []signin.Rule{}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	doc, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	row := statestore.SignInProvider{Name: in.Body.Name, Kind: statestore.ProviderOIDC, Config: doc, Enabled: !in.Body.Disabled}
	if c.LDAP != nil {
		row.Kind = statestore.ProviderLDAP
	}
	err = s.change(ctx, "create", "sign_in_provider", func(tx *statestore.Tables, a *trail) error {
		var err error
		row, err = tx.SignIn.Create(ctx, row, statestore.Secret(in.Body.Secret))
		a.id, a.version, a.after = row.ID, row.Version, s.providerTrail(row, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.taggedProvider(ctx, row), nil
}

// providerTrail is what the audit holds of a provider: everything but its secret.
func (s *Server) providerTrail(r statestore.SignInProvider, c providerConfig) map[string]any {
	return map[string]any{
		"name": r.Name, "enabled": r.Enabled, "title": c.Title, "oidc": c.OIDC, "ldap": c.LDAP, "roles": c.Roles, "default_role": c.DefaultRole, "has_secret": c.HasSecret,
	}
}

func (s *Server) updateProvider(ctx context.Context, in *providerUpdateIn) (*tagged[SignInProvider], error) {
	var row statestore.SignInProvider
	err := s.change(ctx, "update", "sign_in_provider", func(tx *statestore.Tables, a *trail) error {
		old, err := findProvider(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		c, err := readProvider(old)
		if err != nil {
			return err
		}
		a.id, a.before = old.ID, s.providerTrail(old, c)
		if err := a.edits(in.IfMatch, old.Version); err != nil {
			return err
		}
		if err := in.Body.apply(&old, &c); err != nil {
			return err
		}
		if old.Config, err = json.Marshal(c); err != nil {
			return err
		}
		var secret statestore.Secret
		if in.Body.Secret != nil {
			secret = append(statestore.Secret{}, *in.Body.Secret...)
		}
		row, err = tx.SignIn.Update(ctx, old, secret)
		after := s.providerTrail(row, c)
		after["secret_changed"] = secret != nil
		a.after = after
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.taggedProvider(ctx, row), nil
}

func (u *SignInProviderUpdate) apply(row *statestore.SignInProvider, c *providerConfig) error {
	if u.OIDC != nil && c.OIDC == nil || u.LDAP != nil && c.LDAP == nil {
		return invalid("body", "is of another kind than the provider; make a new provider")
	}
	if u.OIDC != nil {
		c.OIDC = u.OIDC
	}
	if u.LDAP != nil {
		c.LDAP = u.LDAP
	}
	set(&c.Title, u.Title)
	set(&c.Roles, u.Roles)
	if set(&c.DefaultRole, u.DefaultRole); c.DefaultRole == "none" {
		c.DefaultRole = ""
	}
	set(&row.Enabled, u.Enabled)
	if u.Secret != nil {
		c.HasSecret = *u.Secret != ""
	}
	return c.check()
}

func (s *Server) deleteProvider(ctx context.Context, in *providerIn) (*empty, error) {
	return &empty{}, s.change(ctx, "delete", "sign_in_provider", func(tx *statestore.Tables, a *trail) error {
		p, err := findProvider(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		c, err := readProvider(p)
		if err != nil {
			return err
		}
		a.id, a.before = p.ID, s.providerTrail(p, c)
		return tx.SignIn.Delete(ctx, p.ID)
	})
}

// testProvider asks a provider now, enabled or not.
func (s *Server) testProvider(ctx context.Context, in *providerIn) (*body[SignInProviderVerdict], error) {
	row, err := findProvider(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	p, err := s.provider(ctx, row)
	if err != nil {
		return nil, err
	}
	out := SignInProviderVerdict{OK: true}
	if err := p.test(ctx); err != nil {
		out = SignInProviderVerdict{Failure: err.Error()}
	}
	err = s.change(ctx, "test", "sign_in_provider", func(tx *statestore.Tables, a *trail) error {
		a.id, a.after = row.ID, out
		return tx.SignIn.Report(ctx, row.ID, out.Failure)
	})
	return ok(out), err
}

// getSignInMethods is for those who are not signed in: it says that a provider fails, not why.
func (s *Server) getSignInMethods(ctx context.Context, _ *struct{}) (*body[SignInMethods], error) {
	v, _, err := s.readSettings(ctx, s.store.Tables)
	if err != nil {
		return nil, err
	}
	rows, err := everything(func(p statestore.Page) (statestore.List[statestore.SignInProvider], error) {
		return s.store.SignIn.List(ctx, p)
	})
	if err != nil {
		return nil, err
	}
	out := SignInMethods{Local: v.LocalSignIn, Providers: []SignInMethod{}}
	for _, r := range rows {
		if !r.Enabled {
			continue
		}
		c, err := readProvider(r)
		if err != nil {
			return nil, err
		}
		m := SignInMethod{Name: r.Name, Title: c.Title, Kind: string(r.Kind), Failing: r.Failure != ""}
		if m.Title == "" {
			m.Title = r.Name
		}
		if r.Kind == statestore.ProviderOIDC {
			m.URL = "/api/v1/sign-in/oidc/" + r.Name
		}
		out.Providers = append(out.Providers, m)
	}
	return ok(out), nil
}
