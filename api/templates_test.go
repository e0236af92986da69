package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// launched makes a running node of a template's version.
func (w *world) launched(c statestore.Cluster, templateID string, version int64) statestore.Node {
	w.t.Helper()
	n, err := w.store.Nodes.Create(w.t.Context(), storetest.Term(w.t, w.store),
		statestore.Node{ClusterID: c.ID, Provider: "local", TemplateID: templateID, TemplateVersion: version}, "wanted")
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// look waits until the server's picture holds what the test has written behind its back.
func (w *world) look() {
	w.t.Helper()
	if err := w.api.Prepare(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func TestTemplateKeepsItsVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	made := w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusOK, "PUT", "/api/v1/templates/small", `{"spec":{"node":{"max_sessions":20}}}`, admin, with("If-Match", made.Header.Get("ETag")))
	page := decode[api.Page[api.TemplateVersion]](t, w.must(http.StatusOK, "GET", "/api/v1/templates/small/versions?limit=1", nil, admin))
	rest := decode[api.Page[api.TemplateVersion]](t, w.must(http.StatusOK, "GET", "/api/v1/templates/small/versions?limit=1&cursor="+page.NextCursor, nil, admin))
	if len(page.Items) != 1 || page.Items[0].Version != 2 || page.Items[0].Author != "user:ada" ||
		len(rest.Items) != 1 || rest.Items[0].Version != 1 || rest.NextCursor != "" {
		t.Fatalf("%+v %+v", page, rest)
	}
	first := w.must(http.StatusOK, "GET", "/api/v1/templates/small/versions/1", nil, admin)
	if !strings.Contains(string(first.body), `"max_sessions":10`) {
		t.Errorf("%s", first.body)
	}
	gone := w.must(http.StatusNotFound, "GET", "/api/v1/templates/small/versions/3", nil, admin).problem(t)
	if gone.Detail != "template small has no version 3" {
		t.Errorf("%+v", gone)
	}
}

func TestTemplateIsDuplicatedEditedAndLaunched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	copied := w.must(http.StatusCreated, "POST", "/api/v1/templates/small/duplicate", `{"name":"large"}`, admin)
	w.must(http.StatusConflict, "POST", "/api/v1/templates/small/duplicate", `{"name":"large"}`, admin)
	w.must(http.StatusOK, "PUT", "/api/v1/templates/large", `{"spec":{"node":{"max_sessions":500}}}`, admin, with("If-Match", copied.Header.Get("ETag")))
	made := w.must(http.StatusCreated, "POST", "/api/v1/templates/large/launch", `{"name":"studio","policy":{"max_nodes":3}}`, admin)
	c := decode[api.Cluster](t, made)
	if c.Template.Name != "large" || made.Header.Get("ETag") == "" {
		t.Errorf("%+v %v", c, made.Header)
	}
	p := decode[api.PolicyVersion](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/studio/policy", nil, admin))
	if p.Policy.MaxNodes != 3 {
		t.Errorf("%+v", p)
	}
	original := decode[api.Template](t, w.must(http.StatusOK, "GET", "/api/v1/templates/small", nil, admin))
	if original.Version != 1 {
		t.Errorf("the copy is not one of its own: %+v", original)
	}
}

func TestTemplateDiffSaysWhichNodesKeepWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	first := w.must(http.StatusCreated, "POST", "/api/v1/templates", `{"name":"small","provider":"local","spec":{"node":{"max_sessions":10},"tags":{"team":"a"}}}`, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"small"}`, admin)
	row, err := w.store.Clusters.ByName(t.Context(), "alpha")
	if err != nil {
		t.Fatal(err)
	}
	old := w.launched(row, row.TemplateID, 1)
	w.must(http.StatusOK, "PUT", "/api/v1/templates/small", `{"spec":{"node":{"max_sessions":10},"tags":{"team":"b"}}}`, admin, with("If-Match", first.Header.Get("ETag")))
	w.launched(row, row.TemplateID, 2)
	w.launched(row, "", 9)
	w.look()

	diff := func(spec string) api.TemplateDiff {
		t.Helper()
		return decode[api.TemplateDiff](t, w.must(http.StatusOK, "POST", "/api/v1/templates/small/diff", spec, admin))
	}
	now := diff(`{}`)
	if len(now.Changes) != 0 || now.Total != 3 || now.Replaces != 0 || now.Nodes[0].ID != old.ID || strings.Join(now.Nodes[0].Drift, " ") != "tags.team" {
		t.Errorf("%+v", now)
	}
	if now.Text != "of 1 node it is not known what they were launched from" {
		t.Errorf("%q", now.Text)
	}
	edit := diff(`{"spec":{"node":{"max_sessions":20,"send_cap_mbps":100},"tags":{"team":"c"},"motd":"hi"}}`)
	effects := map[string]string{}
	for _, c := range edit.Changes {
		effects[c.Field] = c.Effect
	}
	for field, want := range map[string]string{"node.max_sessions": "replace", "node.send_cap_mbps": "replace", "tags.team": "new_nodes", "motd": "live"} {
		if effects[field] != want {
			t.Errorf("%s is %q, want %q", field, effects[field], want)
		}
	}
	want := "changing motd reaches running nodes at once; changing tags.team matters for new nodes only; " +
		"changing node.max_sessions and node.send_cap_mbps: 2 of 3 nodes keep what they have until they are replaced; " +
		"new nodes have it at once; of 1 node it is not known what they were launched from"
	if edit.Replaces != 2 || edit.Text != want {
		t.Errorf("%d %q", edit.Replaces, edit.Text)
	}
	if b, err := json.Marshal(edit.Changes[1]); err != nil || string(b) != `{"field":"node.max_sessions","before":10,"after":20,"effect":"replace"}` {
		t.Errorf("%s %v", b, err)
	}
	if len(edit.Versions) != 3 || edit.Versions[0].Version != 9 || edit.Versions[2].Nodes != 1 {
		t.Errorf("%+v", edit.Versions)
	}
	after := decode[api.Template](t, w.must(http.StatusOK, "GET", "/api/v1/templates/small", nil, admin))
	if after.Version != 2 {
		t.Errorf("the diff changed something: %+v", after)
	}
}

func TestClusterChangesNameAndTemplateFromTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/templates", strings.Replace(template, "small", "large", 1), admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"small"}`, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"taken","template":"small"}`, admin)
	w.look()
	tag := with("If-Match", w.must(http.StatusOK, "GET", "/api/v1/clusters/alpha", nil, admin).Header.Get("ETag"))
	w.must(http.StatusConflict, "PATCH", "/api/v1/clusters/alpha", `{"name":"taken"}`, admin, tag)
	w.must(http.StatusNotFound, "PATCH", "/api/v1/clusters/alpha", `{"template":"none"}`, admin, tag)
	r := w.must(http.StatusOK, "PATCH", "/api/v1/clusters/alpha", `{"name":"beta","template":"large"}`, admin, tag)
	if c := decode[api.Cluster](t, r); c.Name != "beta" || c.Template.Name != "large" {
		t.Errorf("%+v", c)
	}
	late := w.must(http.StatusPreconditionFailed, "PATCH", "/api/v1/clusters/beta", `{"name":"gamma"}`, admin, tag).problem(t)
	if !strings.Contains(late.Detail, "is at version 2, the change was made from 1 (since then: user:ada update name, template)") {
		t.Errorf("%q", late.Detail)
	}

	// Instances of another provider would be out of sight.
	row, err := w.store.Clusters.ByName(t.Context(), "beta")
	if err != nil {
		t.Fatal(err)
	}
	w.launched(row, row.TemplateID, 1)
	if _, err := w.store.Templates.Create(t.Context(), statestore.Template{Name: "far", Provider: "cloud"}); err != nil {
		t.Fatal(err)
	}
	tag = with("If-Match", r.Header.Get("ETag"))
	refused := w.must(http.StatusConflict, "PATCH", "/api/v1/clusters/beta", `{"template":"far"}`, admin, tag).problem(t)
	if !strings.Contains(refused.Detail, "has nodes of provider local and template far is of cloud") {
		t.Errorf("%q", refused.Detail)
	}
	// One that offers the nodes' provider too is a way from one to the other.
	if _, err := w.store.Templates.Create(t.Context(), statestore.Template{
		Name: "both", Provider: "mixed", Spec: []byte(`{"offerings":[{"name":"a","provider":"cloud"},{"name":"b","provider":"local"}]}`),
	}); err != nil {
		t.Fatal(err)
	}
	w.must(http.StatusOK, "PATCH", "/api/v1/clusters/beta", `{"template":"both"}`, admin, tag)
}
