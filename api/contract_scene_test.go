package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// scene makes what examples need. All operations are tried in one world, one after the other, so that each thing is made
// anew, under a name of its own.
type scene struct {
	*world
	schemas huma.Registry
	admin   header // an administrator's API token
	byRole  map[api.Role]header
	tenant  header // an access key's
	owner   statestore.User
	made    *int
}

func newScene(w *world) *scene {
	w.t.Helper()
	s := &scene{world: w, schemas: api.Document().Components.Schemas, byRole: map[api.Role]header{}, made: new(int)}
	for _, role := range []api.Role{api.RoleViewer, api.RoleOperator, api.RoleAdmin} {
		s.byRole[role] = bearer(w.token(role))
	}
	s.admin = s.byRole[api.RoleAdmin]
	var err error
	if s.owner, err = w.store.Users.Create(w.t.Context(), statestore.User{Name: "owner", Role: statestore.RoleAdmin}, "none"); err != nil {
		w.t.Fatal(err)
	}
	key := w.tenant("stranger", s.admin)
	s.tenant = basic(key.ID, key.Secret)
	return s
}

// in is the scene for one subtest.
func (s *scene) in(t *testing.T) *scene {
	w, inner := *s.world, *s
	w.t = t
	inner.world = &w
	return &inner
}

// name is one that nothing has yet.
func (s *scene) name(of string) string {
	*s.made++
	return fmt.Sprintf("%s-%d", of, *s.made)
}

// apiToken is a new one, without scopes.
func (s *scene) apiToken() statestore.APIToken {
	s.t.Helper()
	row := statestore.APIToken{Name: s.name("token"), UserID: s.owner.ID, Scopes: []string{"role:viewer"}}
	row, err := s.store.APITokens.Create(s.t.Context(), row, statestore.Secret(secret.New("gwt_")))
	if err != nil {
		s.t.Fatal(err)
	}
	return row
}

// scoped is the credential of an administrator's token that has these scopes only.
func (s *scene) scoped(scopes ...string) header {
	s.t.Helper()
	token := secret.New("gwt_")
	row := statestore.APIToken{Name: s.name("scoped"), UserID: s.owner.ID, Scopes: append([]string{"role:admin"}, scopes...)}
	if _, err := s.store.APITokens.Create(s.t.Context(), row, statestore.Secret(token)); err != nil {
		s.t.Fatal(err)
	}
	return bearer(token)
}

// template is a new one, by the API.
func (s *scene) template() api.Template {
	s.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"provider":"local","spec":{"node":{"max_sessions":10}}}`, s.name("template"))
	return decode[api.Template](s.t, s.must(http.StatusCreated, "POST", "/api/v1/templates", body, s.admin))
}

// cluster is a new one with a template and a policy, by the API.
func (s *scene) cluster() api.Cluster {
	s.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"template":%q}`, s.name("cluster"), s.template().Name)
	return decode[api.Cluster](s.t, s.must(http.StatusCreated, "POST", "/api/v1/clusters", body, s.admin))
}

// rollout is under way in a new cluster, whose id it returns.
func (s *scene) rollout() string {
	s.t.Helper()
	id := s.cluster().ID
	s.must(http.StatusCreated, "POST", "/api/v1/clusters/"+id+"/rollout", `{}`, s.admin)
	return id
}

// node runs in a new cluster.
func (s *scene) node() statestore.Node {
	s.t.Helper()
	return s.world.node(s.row(s.cluster()))
}

// row is a cluster as the store has it.
func (s *scene) row(c api.Cluster) statestore.Cluster {
	s.t.Helper()
	row, err := s.store.Clusters.Get(s.t.Context(), c.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return row
}

// decision is of a new cluster.
func (s *scene) decision() statestore.Decision {
	s.t.Helper()
	d, err := s.store.Decisions.Append(s.t.Context(), storetest.Term(s.t, s.store), statestore.Decision{
		ClusterID: s.cluster().ID, PolicyVersion: 1, Kind: statestore.DecisionAct,
		Snapshot: []byte("{}"), Plan: []byte(`{}`), Reasons: []byte(`[]`),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// key is a new tenant.
func (s *scene) key() api.AccessKeySecret {
	s.t.Helper()
	return s.world.tenant(s.name("tenant"), s.admin)
}

// transfer is one that a new tenant set up.
func (s *scene) transfer() (id string, tenant header) {
	s.t.Helper()
	s.cluster()
	key := s.key()
	tenant = basic(key.ID, key.Secret)
	body := api.TransferCreate{Direction: "push", Paths: []string{"/in/"}, ClientKey: clientKey(1), Cluster: s.cluster().Name}
	return decode[api.TransferSpecs](s.t, s.must(http.StatusCreated, "POST", "/api/v1/transfers", body, tenant)).TransferID, tenant
}

const contractPassword = "a quiet morning"

// user is a new viewer.
func (s *scene) user() api.User {
	s.t.Helper()
	body := api.UserCreate{Name: s.name("user"), Password: contractPassword, Role: api.RoleViewer}
	return decode[api.User](s.t, s.must(http.StatusCreated, "POST", "/api/v1/users", body, s.admin))
}

// session is that of a new viewer.
func (s *scene) session() (api.User, header) {
	s.t.Helper()
	u := s.user()
	r := s.must(http.StatusCreated, "POST", "/api/v1/sessions", api.SignIn{Name: u.Name, Password: contractPassword})
	return u, cookieOf(s.t, r)
}

// link is the token of a set-up link.
func (s *scene) link() string {
	s.t.Helper()
	link := secret.New("")
	if err := s.store.SetupTokens.Create(s.t.Context(), statestore.Secret(link), statestore.RoleAdmin, time.Hour); err != nil {
		s.t.Fatal(err)
	}
	return link
}

// examples are one success of each operation.
var examples = func() map[string]func(*scene) ask {
	all := map[string]func(*scene) ask{}
	for _, some := range []map[string]func(*scene) ask{
		peopleExamples, signInExamples, clusterExamples, nodeExamples, transferExamples, overviewExamples, configurationExamples, certificateExamples, notificationExamples,
	} {
		maps.Copy(all, some)
	}
	return all
}()
