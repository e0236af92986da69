package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/internal/version"
)

func newLogin(a *app) *cobra.Command {
	var user, key, token string
	var fromStdin bool
	c := &cobra.Command{
		Use:   "login [https://HOST:PORT#sha256=FINGERPRINT]",
		Short: "Store a manager's address, pin and credentials",
		Long: `login checks the manager's certificate against the fingerprint, signs in and
stores a profile that the other commands use. The manager prints the address
with its fingerprint when it starts; so does godwit key create.

  godwit login https://host:8443#sha256=…              asks for user and password,
                                                       keeps an API token of that user
  godwit login https://host:8443#sha256=… --token -    an API token, read from stdin
  godwit login https://host:8443#sha256=… --key ak_…   a tenant's access key; asks for
                                                       the secret

A profile may hold both an API token and an access key: sign in twice. Without an
address, login shows the profile in use. Nothing secret is taken from arguments.
Scripts can do without a profile: GODWIT_MANAGER, GODWIT_TOKEN, GODWIT_ACCESS_KEY
and GODWIT_SECRET go before what is stored.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.showLogin()
			}
			return a.login(c.Context(), args[0], user, key, token, fromStdin)
		},
	}
	f := c.Flags()
	f.StringVar(&user, "user", "", "sign in as this user")
	f.StringVar(&key, "key", "", "sign in as this access key (a tenant)")
	f.StringVar(&token, "token", "", "sign in with an API token: - reads it from stdin")
	f.BoolVar(&fromStdin, "secret-stdin", false, "read the password or secret from stdin instead of asking")
	c.MarkFlagsMutuallyExclusive("user", "key", "token")
	return c
}

func newLogout(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget a stored profile, and delete its API token",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.logout(c.Context()) },
	}
}

func (a *app) login(ctx context.Context, address, user, key, token string, fromStdin bool) error {
	base, fingerprint, err := pin.ParseURL(address)
	if err != nil {
		return usageError{err}
	}
	if fingerprint != "" {
		base = pin.URL(base, fingerprint)
	}
	if token != "" && token != "-" {
		return usagef("--token takes only -, so that the token is read from stdin and does not end in the shell's history")
	}
	ps, path, err := readProfiles()
	if err != nil {
		return err
	}
	name := a.profile
	if name == "" {
		name = defaultProfile
	}
	p := ps.Profiles[name]
	if p.Manager != base {
		p = Profile{Manager: base}
	}
	var who string
	switch {
	case key != "":
		if p.Secret, err = a.secret(ctx, "Secret of "+key+": ", fromStdin); err != nil {
			return err
		}
		p.AccessKey, who = key, "access key "+key
		c, err := p.tenant()
		if err != nil {
			return err
		}
		if _, err := c.Do(ctx, http.MethodGet, "/api/v1/transfers?limit=1", nil, nil); err != nil {
			return err
		}
	case token == "-":
		if p.Token, err = a.secret(ctx, "", true); err != nil {
			return err
		}
		if who, err = whoami(ctx, p); err != nil {
			return err
		}
	default:
		if user == "" {
			if user, err = a.ask(ctx, "User: "); err != nil {
				return err
			}
		}
		password, err := a.secret(ctx, "Password of "+user+": ", fromStdin)
		if err != nil {
			return err
		}
		if p.TokenID, p.Token, err = tokenFor(ctx, base, user, password); err != nil {
			return err
		}
		if who, err = whoami(ctx, p); err != nil {
			return err
		}
	}
	ps.Current, ps.Profiles[name] = name, p
	if err := ps.write(path); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "signed in to %s as %s (profile %s)\n", strings.SplitN(base, "#", 2)[0], who, name)
	return nil
}

// signIn opens a session with a password and returns it with the user's role;
// the caller ends it. What needs a person, such as making tokens, needs this.
func signIn(ctx context.Context, manager, user, password string) (c *client.Client, role string, end func(), err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, "", nil, err
	}
	if c, err = client.New(manager, client.WithCookies(jar)); err != nil {
		return nil, "", nil, usageError{err}
	}
	c.UserAgent = "godwit/" + version.Version
	if _, err := c.Do(ctx, http.MethodPost, "/api/v1/sessions", map[string]string{"name": user, "password": password}, nil); err != nil {
		return nil, "", nil, err
	}
	end = func() {
		_, _ = c.Do(context.WithoutCancel(ctx), http.MethodDelete, "/api/v1/sessions/current", nil, nil)
	}
	var me struct {
		Role string `json:"role"`
	}
	if _, err := c.Do(ctx, http.MethodGet, "/api/v1/me", nil, &me); err != nil {
		end()
		return nil, "", nil, err
	}
	return c, me.Role, end, nil
}

// tokenFor trades a password for an API token, so that no password is stored.
func tokenFor(ctx context.Context, manager, user, password string) (id, token string, err error) {
	c, role, end, err := signIn(ctx, manager, user, password)
	if err != nil {
		return "", "", err
	}
	defer end()
	host, _ := os.Hostname()
	var made struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	_, err = c.Do(ctx, http.MethodPost, "/api/v1/api-tokens", map[string]string{"name": "godwit on " + host, "role": role}, &made)
	return made.ID, made.Token, err
}

func whoami(ctx context.Context, p Profile) (string, error) {
	c, err := p.client()
	if err != nil {
		return "", err
	}
	var me struct {
		Name string `json:"name"`
		Role string `json:"role"`
	}
	_, err = c.Do(ctx, http.MethodGet, "/api/v1/me", nil, &me)
	return me.Name + " (" + me.Role + ")", err
}

func (a *app) showLogin() error {
	p, err := loadProfile(a.profile)
	if err != nil {
		return err
	}
	shown := struct {
		Manager   string `json:"manager"`
		APIToken  bool   `json:"api_token"`
		AccessKey string `json:"access_key,omitempty"`
	}{p.Manager, p.Token != "", p.AccessKey}
	return a.print(shown, func(t *table) {
		t.row("MANAGER", "API TOKEN", "ACCESS KEY")
		t.row(shown.Manager, yesNo(shown.APIToken), orDash(shown.AccessKey))
	})
}

func (a *app) logout(ctx context.Context) error {
	ps, path, err := readProfiles()
	if err != nil {
		return err
	}
	name := a.profile
	if name == "" {
		name = ps.Current
	}
	p, found := ps.Profiles[name]
	if !found && name == "" {
		return usagef("not signed in: there is no profile to forget")
	}
	if !found {
		return usagef("there is no profile %q", name)
	}
	// Only a token that login made itself is deleted; others may serve elsewhere.
	if p.TokenID != "" {
		if c, err := p.client(); err == nil {
			if _, err := c.Do(ctx, http.MethodDelete, "/api/v1/api-tokens/"+p.TokenID, nil, nil); err != nil && !client.IsStatus(err, http.StatusUnauthorized) {
				fmt.Fprintf(a.err, "godwit: the API token is forgotten here but may still be valid: %v\n", err)
			}
		}
	}
	delete(ps.Profiles, name)
	if ps.Current == name {
		ps.Current = ""
	}
	if err := ps.write(path); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "signed out of %s\n", strings.SplitN(p.Manager, "#", 2)[0])
	return nil
}

// ask prompts on the terminal.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	tty := terminalOf(a.in)
	if tty == nil {
		return "", usagef("no terminal to ask on: give --user, --key or --token")
	}
	line, err := prompt(ctx, tty, a.err, question, false)
	return strings.TrimSpace(line), err
}

// secret asks without echo, or reads the first line of stdin.
func (a *app) secret(ctx context.Context, question string, fromStdin bool) (string, error) {
	var text string
	var err error
	if fromStdin {
		var b []byte
		b, err = io.ReadAll(io.LimitReader(a.in, 64<<10))
		text = string(b)
	} else if tty := terminalOf(a.in); tty != nil {
		text, err = prompt(ctx, tty, a.err, question, true)
	} else {
		return "", usagef("no terminal to ask for the secret on: pipe it in and give --secret-stdin")
	}
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	s, _, _ := strings.Cut(text, "\n")
	if s = strings.TrimSuffix(s, "\r"); s == "" {
		return "", usagef("the secret is empty")
	}
	return s, nil
}
