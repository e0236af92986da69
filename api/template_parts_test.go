package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// What a change of one offering means is not the matter of nodes of another.
func TestDriftIsOfTheOfferingThatANodeIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	made, err := w.store.Templates.Create(t.Context(), statestore.Template{Name: "both", Provider: "mixed", Spec: []byte(
		`{"prefer":"order","offerings":[{"name":"a","provider":"cloud","image":"1","max":3},{"name":"b","provider":"local","image":"1","tags":{"team":"x"}}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"both"}`, admin)
	row, err := w.store.Clusters.ByName(t.Context(), "alpha")
	if err != nil {
		t.Fatal(err)
	}
	for offering, provider := range map[string]string{"a": "cloud", "b": "local"} {
		_, err := w.store.Nodes.Create(t.Context(), storetest.Term(t, w.store), statestore.Node{
			ClusterID: row.ID, Provider: provider, Offering: offering, TemplateID: made.ID, TemplateVersion: 1,
		}, "wanted")
		if err != nil {
			t.Fatal(err)
		}
	}
	w.look()
	for _, row := range []struct {
		name, spec     string
		changes, drift string
		replaces       int
	}{
		{"nothing", `{"prefer":"order","offerings":[{"name":"a","provider":"cloud","image":"1","max":3},{"name":"b","provider":"local","image":"1","tags":{"team":"x"}}]}`, "", "", 0},
		{
			"another image of one", `{"prefer":"order","offerings":[{"name":"a","provider":"cloud","image":"2","max":3},{"name":"b","provider":"local","image":"1","tags":{"team":"x"}}]}`,
			"offerings.a.image:replace", "offerings.a.image", 1,
		},
		{
			"terms, order and preference", `{"prefer":"price","offerings":[{"name":"b","provider":"local","image":"1","tags":{"team":"y"}},{"name":"a","provider":"cloud","image":"1","max":9}]}`,
			"offerings.a.max:new_nodes offerings.b.tags.team:new_nodes offerings:new_nodes prefer:new_nodes", "offerings.b.tags.team", 0,
		},
		{
			"another name", `{"prefer":"order","offerings":[{"name":"z","provider":"cloud","image":"1"},{"name":"b","provider":"local","image":"1","tags":{"team":"x"}}]}`,
			"offerings.a:replace offerings.z:new_nodes", "", 0,
		},
		{
			"one is gone", `{"prefer":"order","offerings":[{"name":"b","provider":"local","image":"1","tags":{"team":"x"}}]}`,
			"offerings.a:replace", "provider", 1,
		},
	} {
		d := decode[api.TemplateDiff](t, w.must(http.StatusOK, "POST", "/api/v1/templates/both/diff", `{"spec":`+row.spec+`}`, admin))
		var changes, drift []string
		for _, c := range d.Changes {
			changes = append(changes, c.Field+":"+c.Effect)
		}
		slices.Sort(changes)
		for _, n := range d.Nodes {
			drift = append(drift, n.Drift...)
		}
		if got := strings.Join(changes, " "); got != row.changes || strings.Join(drift, " ") != row.drift || d.Replaces != row.replaces {
			t.Errorf("%s: changes %s; nodes differ in %v; %d are replaced", row.name, got, drift, d.Replaces)
		}
	}
	w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/templates/both/diff", `{"spec":{"offerings":3}}`, admin)
}
