package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/certificate/certtest"
	"github.com/godwit/godwit/egress"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
	"github.com/godwit/godwit/policy/whatif"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/local"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// TestScriptsAgainstAManager runs scripts of testdata/manager, each against an API of its own over a real Postgres.
// There are no nodes behind it; what is decided and validated is real.
func TestScriptsAgainstAManager(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/manager",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"pick": pick, "browse": browse, "lose": lose, "ail": ail},
		Setup: func(e *testscript.Env) error {
			m := newManager(e.T().(testing.TB))
			certificate := filepath.Join(e.WorkDir, ".ca.pem")
			e.Setenv(memoryEnv, "off")
			e.Setenv("GODWIT_CONFIG", filepath.Join(e.WorkDir, "profiles.json"))
			e.Setenv("GODWIT_MANAGER", m.url)
			e.Setenv("GODWIT_TOKEN", m.token)
			e.Setenv("SSL_CERT_FILE", certificate)
			e.Values["manager"] = m
			ca, name := certtest.New(e.T().(testing.TB)), certtest.Leaf{Names: []string{"studio.example.org"}}
			for _, f := range []string{"first", "second"} {
				ca.Issue(e.T().(testing.TB), name).Write(e.T().(testing.TB), filepath.Join(e.WorkDir, f+".pem"), filepath.Join(e.WorkDir, f+".key"))
			}
			return os.WriteFile(certificate, m.certificate, 0o600)
		},
	})
}

// pick VARIABLE REGEXP keeps what the group in REGEXP matches in the last output.
func pick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pick VARIABLE REGEXP")
	}
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("%s is not in the output", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// browse USER PASSWORD signs in as a browser does and stays signed in; with ! it must be refused.
func browse(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: browse USER PASSWORD")
	}
	m := ts.Value("manager").(manager)
	body, err := json.Marshal(api.SignIn{Name: args[0], Password: args[1]})
	ts.Check(err)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, m.url+"/api/v1/sessions", bytes.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Browser/1.0")
	res, err := m.http.Do(req)
	ts.Check(err)
	ts.Check(res.Body.Close())
	if (res.StatusCode != http.StatusCreated) != neg {
		ts.Fatalf("signing in as %s: %s", args[0], res.Status)
	}
}

// lose makes the manager carry out the next request and break the connection instead of answering.
func lose(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: lose")
	}
	ts.Value("manager").(manager).loses.Store(true)
}

// ail CLUSTER KIND TEXT raises a condition as the leader does.
func ail(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: ail CLUSTER KIND TEXT")
	}
	m := ts.Value("manager").(manager)
	ctx := context.Background()
	c, err := m.store.Clusters.ByName(ctx, args[0])
	ts.Check(err)
	elector := m.store.Elector(statestore.ElectorConfig{TTL: time.Hour})
	elector.Stand(ctx)
	term, leads := elector.Leading()
	if !leads {
		ts.Fatalf("somebody else leads")
	}
	ts.Check(m.store.Conditions.Raise(ctx, term, statestore.Condition{ClusterID: c.ID, Kind: args[1], Text: args[2]}))
	ts.Check(m.look(ctx))
}

// forgetful is h, but for answers that are to be lost.
func forgetful(h http.Handler, loses *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if loses.CompareAndSwap(true, false) {
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	})
}

type manager struct {
	url, token  string
	loses       *atomic.Bool
	http        *http.Client
	certificate []byte
	store       *statestore.Store
	look        func(context.Context) error // reads anew what lists show
}

func newManager(t testing.TB) manager {
	ctx := context.Background() // of the script, which has none
	store := storetest.New(t)
	signer := access.NewSigner(store, time.Now)
	if err := signer.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	user, err := store.Users.Create(ctx, statestore.User{Name: "ada", Role: statestore.RoleAdmin}, "none")
	if err != nil {
		t.Fatal(err)
	}
	token := secret.New("gwt_")
	row := statestore.APIToken{Name: "script", UserID: user.ID, Scopes: []string{"role:admin"}}
	if _, err := store.APITokens.Create(ctx, row, statestore.Secret(token)); err != nil {
		t.Fatal(err)
	}
	provider, err := local.New(local.Config{Dir: t.TempDir(), Command: []string{"/nonexistent"}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := api.New(api.Config{
		Store: store, Fleet: fleet.NewIndex(time.Now), Commands: noNodes{}, Clusters: planner{provider},
		Keys: access.NewKeys(store.Tables, time.Now), Signer: signer, Issuer: access.NewIssuer(store, signer, noNodes{}, time.Now),
		Courier: notify.New(notify.Config{Store: store, Sender: &notify.Sender{Dialer: egress.New(nil)}}),
		Version: "test", PublicURL: "https://manager.test", CASHA256: strings.Repeat("cd", 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	loses := new(atomic.Bool)
	server := httptest.NewTLSServer(forgetful(a.Handler(), loses))
	t.Cleanup(func() { a.Stop(); server.Close() })
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	return manager{url: server.URL, token: token, http: server.Client(), loses: loses, store: store, look: a.Prepare, certificate: pem.EncodeToMemory(block)}
}

// noNodes is a fleet without nodes: nobody takes commands or clients.
type noNodes struct{}

func (noNodes) SetRate(context.Context, string, command.RateRequest) error     { return nil }
func (noNodes) Cancel(context.Context, string, command.CancelRequest) error    { return nil }
func (noNodes) Revoke(context.Context, command.RevokeRequest) map[string]error { return nil }
func (noNodes) Broadcast(context.Context, string, any) map[string]error        { return nil }
func (noNodes) Restart(context.Context, string, command.RestartRequest) error {
	return command.ErrNotConnected
}
func (noNodes) Place(context.Context, string, []string) (access.Place, error) {
	return access.Place{}, &access.NoCapacity{}
}

// planner decides for a cluster without nodes, and asks the local provider about templates.
type planner struct{ provider *local.Provider }

func (planner) Preview(_ context.Context, _ string, p policy.Policy) (policy.Plan, error) {
	return policy.Decide(policy.Snapshot{}, p, time.Now()), nil
}

func (planner) Recording(context.Context, string, time.Time, time.Time) (whatif.Recording, whatif.Options, error) {
	return nil, whatif.Options{}, nil
}

func (planner) Profile(context.Context, string) (*forecast.Profile, error) {
	return &forecast.Profile{}, nil
}

func (planner) Parts(provider string, spec json.RawMessage) []api.TemplatePart {
	return []api.TemplatePart{{Provider: provider, Spec: spec}}
}

func (planner) Providers() []string { return []string{local.Name} }

func (planner) Effect(string, string) string { return string(provisioner.Replace) }

func (p planner) Validate(ctx context.Context, provider string, spec json.RawMessage) ([]api.Invalid, error) {
	if provider != local.Name {
		return []api.Invalid{{Location: "provider", Message: "is not known"}}, nil
	}
	faults, err := p.provider.Validate(ctx, spec)
	var out []api.Invalid
	for _, f := range faults {
		out = append(out, api.Invalid{Location: "spec." + f.Field, Message: f.Problem})
	}
	return out, err
}
