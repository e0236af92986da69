package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

const template = `{"name":"small","provider":"local","spec":{"node":{"max_sessions":10}}}`

func TestBadInputNamesTheFieldAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"small"}`, admin)
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		field, says              string
		extra                    header
	}{
		{"unknown field", "POST", "/api/v1/clusters", `{"name":"b","template":"small","polizy":{}}`, 422, "body.polizy", "unexpected property", nil},
		{"unknown field of a policy", "POST", "/api/v1/clusters", `{"name":"b","template":"small","policy":{"max_node":3}}`, 422, "body.policy.max_node", "unexpected property", nil},
		{"unknown field deep in a policy", "POST", "/api/v1/clusters", `{"name":"b","template":"small","policy":{"launch_limit":{"cout":3}}}`, 422, "body.policy.launch_limit.cout", "unexpected property", nil},
		{"crossed thresholds", "POST", "/api/v1/clusters", `{"name":"b","template":"small","policy":{"min_threshold":0.9,"max_threshold":0.5}}`, 422, "body.policy.min_threshold", "not below", nil},
		{"floor above the ceiling", "POST", "/api/v1/clusters", `{"name":"b","template":"small","policy":{"min_available":9,"max_nodes":2}}`, 422, "body.policy.min_available", "more than max_nodes", nil},
		{"a word for a number", "POST", "/api/v1/clusters", `{"name":"b","template":"small","policy":{"max_nodes":"many"}}`, 422, "body.policy.max_nodes", "integer", nil},
		{"no name", "POST", "/api/v1/clusters", `{"template":"small"}`, 422, "body", "name", nil},
		{"a name that is no host name", "POST", "/api/v1/clusters", `{"name":"A B","template":"small"}`, 422, "body.name", "small letters", nil},
		{"no such template", "POST", "/api/v1/clusters", `{"name":"b","template":"large"}`, 404, "", "large", nil},
		{"name taken", "POST", "/api/v1/clusters", `{"name":"alpha","template":"small"}`, 409, "", "alpha", nil},
		{"not JSON", "POST", "/api/v1/clusters", `{"name":`, 400, "body", "", nil},
		{"another content type", "POST", "/api/v1/clusters", `name=b`, 415, "", "", with("Content-Type", "application/x-www-form-urlencoded")},
		{"larger than any request", "POST", "/api/v1/clusters", `{"name":"` + strings.Repeat("x", 300<<10) + `"}`, 413, "", "", nil},
		{"unknown query parameter", "GET", "/api/v1/nodes?stat=running", "", 422, "query.stat", "unknown query parameter", nil},
		{"a limit beyond the page", "GET", "/api/v1/nodes?limit=5000", "", 422, "query.limit", "500", nil},
		{"a state that is none", "GET", "/api/v1/nodes?state=sleeping", "", 422, "query.state", "sleeping", nil},
		{"an invented cursor", "GET", "/api/v1/nodes?cursor=abc", "", 422, "query.cursor", "not one that this list gave", nil},
		{"the cursor of another list", "GET", "/api/v1/decisions?cursor=YXVkaXQAeA", "", 422, "query.cursor", "not one that this list gave", nil},
		{"more nodes than anybody has", "POST", "/api/v1/clusters/alpha/scale", `{"nodes":100000}`, 422, "body.nodes", "10000", nil},
		{"a policy without If-Match", "PUT", "/api/v1/clusters/alpha/policy", `{}`, 428, "", "If-Match", nil},
		{"a policy with a strange If-Match", "PUT", "/api/v1/clusters/alpha/policy", `{}`, 422, "header.If-Match", "not an ETag", with("If-Match", "*")},
		{"a template with a strange field", "POST", "/api/v1/templates", `{"name":"t","provider":"local","spec":{"bogus":1}}`, 422, "body.spec.bogus", "no field", nil},
		{"a template of bytes that are no text", "POST", "/api/v1/templates", "{\"name\":\"t\",\"provider\":\"local\",\"spec\":{\"a\":\"\xff\"}}", 422, "body.spec", "not UTF-8", nil},
		{"a template of an unknown provider", "POST", "/api/v1/templates", `{"name":"t","provider":"mars","spec":{}}`, 422, "body.provider", "not known", nil},
		{"a relative storage path", "POST", "/api/v1/access-keys", `{"name":"k","storage":{"type":"local","path":"files"}}`, 422, "body.storage.path", "absolute", nil},
		{"the whole machine as storage", "POST", "/api/v1/access-keys", `{"name":"k","storage":{"type":"local","path":"/"}}`, 422, "body.storage.path", "whole machine", nil},
		{"a storage path that climbs", "POST", "/api/v1/access-keys", `{"name":"k","storage":{"type":"local","path":"/srv/../etc"}}`, 422, "body.storage.path", "without", nil},
		{"a permission that is none", "POST", "/api/v1/access-keys", `{"name":"k","storage":{"type":"local","path":"/srv/x"},"permissions":["fly"]}`, 422, "body.permissions[0]", "", nil},
		{"a password too short", "POST", "/api/v1/users", `{"name":"bob","password":"short","role":"viewer"}`, 422, "body.password", "10", nil},
		{"a role that is none", "POST", "/api/v1/users", `{"name":"bob","password":"rain on the roof","role":"king"}`, 422, "body.role", "", nil},
		{"no such operation", "GET", "/api/v1/nothing", "", 404, "", "no operation", nil},
		{"a method that is none there", "DELETE", "/api/v1/overview", "", 404, "", "no operation DELETE", nil},
	} {
		headers := []header{admin}
		if tc.extra != nil {
			headers = append(headers, tc.extra)
		}
		var body any
		if tc.body != "" {
			body = tc.body
		}
		r := w.call(tc.method, tc.path, body, headers...)
		if r.StatusCode != tc.status {
			t.Errorf("%s: %d, want %d: %s", tc.name, r.StatusCode, tc.status, r.body)
			continue
		}
		p := r.problem(t)
		named := tc.field == ""
		for _, e := range p.Errors {
			named = named || e.Location == tc.field
		}
		if !named || !strings.Contains(string(r.body), tc.says) || p.RequestID == "" || p.Code == "" || p.Status != tc.status {
			t.Errorf("%s: want %s and %q in %s", tc.name, tc.field, tc.says, r.body)
		}
		if strings.Contains(string(r.body), "short\"") {
			t.Errorf("%s: a value was echoed: %s", tc.name, r.body)
		}
	}
	clusters := decode[api.Page[api.Cluster]](t, w.must(http.StatusOK, "GET", "/api/v1/clusters", nil, admin))
	templates := decode[api.Page[api.Template]](t, w.must(http.StatusOK, "GET", "/api/v1/templates", nil, admin))
	keys := decode[api.Page[api.AccessKey]](t, w.must(http.StatusOK, "GET", "/api/v1/access-keys", nil, admin))
	if len(clusters.Items) != 1 || len(templates.Items) != 1 || len(keys.Items) != 0 || clusters.Items[0].PolicyVersion != 1 || clusters.Items[0].Scale != nil {
		t.Errorf("something changed: %+v %+v %+v", clusters, templates, keys)
	}
}

func TestPolicyChangesOnlyFromTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"small","policy":{"max_nodes":7}}`, admin)
	first := w.must(http.StatusOK, "GET", "/api/v1/clusters/alpha/policy", nil, admin)
	tag := with("If-Match", first.Header.Get("ETag"))
	second := w.must(http.StatusOK, "PATCH", "/api/v1/clusters/alpha/policy", `{"launch_limit":{"count":2},"min_available":3}`, admin, tag)
	v := decode[api.PolicyVersion](t, second)
	if v.Version != 2 || v.Policy.MaxNodes != 7 || v.Policy.LaunchLimit.Count != 2 || v.Policy.LaunchLimit.PerSeconds != 60 || v.Policy.MinAvailable != 3 || v.Author != "user:ada" {
		t.Errorf("%+v", v)
	}
	stale := w.must(http.StatusPreconditionFailed, "PUT", "/api/v1/clusters/alpha/policy", `{"max_nodes":1}`, admin, tag)
	if p := stale.problem(t); !strings.Contains(p.Detail, "version 2") {
		t.Errorf("%+v", p)
	}
	third := w.must(http.StatusOK, "PUT", "/api/v1/clusters/alpha/policy", `{"max_nodes":5}`, admin, with("If-Match", second.Header.Get("ETag")))
	if v := decode[api.PolicyVersion](t, third); v.Version != 3 || v.Policy.MinAvailable != 2 {
		t.Errorf("PUT keeps what was left out: %+v", v)
	}
	page := decode[api.Page[api.PolicyVersion]](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/alpha/policy/versions?limit=2", nil, admin))
	rest := decode[api.Page[api.PolicyVersion]](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/alpha/policy/versions?limit=2&cursor="+page.NextCursor, nil, admin))
	if len(page.Items) != 2 || page.Items[0].Version != 3 || len(rest.Items) != 1 || rest.Items[0].Version != 1 || rest.NextCursor != "" {
		t.Errorf("%+v %+v", page, rest)
	}
	preview := decode[api.PolicyPreview](t, w.must(http.StatusOK, "POST", "/api/v1/clusters/alpha/policy/preview", `{"min_available":4}`, admin))
	if preview.Plan.Launches() != 4 || len(preview.Reasons) == 0 {
		t.Errorf("%+v", preview)
	}
	if v := decode[api.PolicyVersion](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/alpha/policy/versions/3", nil, admin)); v.Policy.MinAvailable != 2 {
		t.Errorf("the preview changed something: %+v", v)
	}
}

func TestTemplateInUseStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	made := w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"small"}`, admin)
	r := w.must(http.StatusConflict, "DELETE", "/api/v1/templates/small", nil, admin)
	if !strings.Contains(r.problem(t).Detail, "used by a cluster") {
		t.Errorf("%s", r.body)
	}
	tag := with("If-Match", made.Header.Get("ETag"))
	w.must(http.StatusOK, "PUT", "/api/v1/templates/small", `{"spec":{"node":{"max_sessions":5}}}`, admin, tag)
	w.must(http.StatusPreconditionFailed, "PUT", "/api/v1/templates/small", `{"spec":{}}`, admin, tag)
	w.must(http.StatusCreated, "POST", "/api/v1/templates", strings.Replace(template, "small", "spare", 1), admin)
	w.must(http.StatusNoContent, "DELETE", "/api/v1/templates/spare", nil, admin)
}

func TestDeletedClusterEndsItsNodesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"alpha","template":"small"}`, admin)
	row, err := w.store.Clusters.ByName(t.Context(), "alpha")
	if err != nil {
		t.Fatal(err)
	}
	n := w.node(row)
	w.run()
	r := decode[api.Cluster](t, w.must(http.StatusAccepted, "DELETE", "/api/v1/clusters/alpha", nil, admin))
	if !r.Deleting || r.PolicyVersion != 2 || r.Scale == nil || *r.Scale != 0 {
		t.Errorf("%+v", r)
	}
	if n, err = w.store.Nodes.Get(t.Context(), n.ID); err != nil || n.OrderAction != statestore.OrderTerminate {
		t.Errorf("%v %v", n.OrderAction, err)
	}
	w.must(http.StatusConflict, "POST", "/api/v1/clusters/alpha/scale", `{"nodes":3}`, admin)
	if _, err := w.store.Nodes.Transition(t.Context(), storetest.Term(t, w.store), n.ID, []statestore.NodeState{statestore.NodeRunning}, statestore.NodeTerminated, "ordered", nil); err != nil {
		t.Fatal(err)
	}
	made, err := w.store.Transfers.Create(t.Context(), statestore.Transfer{AccessKeyID: "k", ClusterID: row.ID, Direction: statestore.DirectionSend})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster to go", func() bool {
		return w.call("GET", "/api/v1/clusters/alpha", nil, admin).StatusCode == http.StatusNotFound
	})
	// What outlives it is found by its name, what does not is said to be gone.
	for _, name := range []string{"alpha", row.ID} {
		past := decode[api.Page[api.Transfer]](t, w.must(http.StatusOK, "GET", "/api/v1/transfers?cluster="+name, nil, admin))
		if len(past.Items) != 1 || past.Items[0].ID != made.ID {
			t.Errorf("transfers of %s: %+v", name, past)
		}
		p := w.must(http.StatusNotFound, "GET", "/api/v1/decisions?cluster="+name, nil, admin).problem(t)
		if !strings.Contains(p.Detail, "was deleted on 2") || p.Code != "not_found" {
			t.Errorf("decisions of %s: %+v", name, p)
		}
	}
	if p := w.must(http.StatusNotFound, "GET", "/api/v1/decisions?cluster=never", nil, admin).problem(t); strings.Contains(p.Detail, "deleted") {
		t.Errorf("of a cluster that never was: %+v", p)
	}
}

func TestOperatorsPauseAndScale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := bearer(w.token(api.RoleOperator))
	c := storetest.Cluster(t, w.store, "alpha")
	for _, step := range []struct {
		path, body string
		paused     bool
		scale      int // -1: by policy
	}{{"pause", "", true, -1}, {"scale", `{"nodes":4}`, true, 4}, {"resume", "", false, 4}, {"scale", `{"nodes":null}`, false, -1}} {
		var body any
		if step.body != "" {
			body = step.body
		}
		got := decode[api.Cluster](t, w.must(http.StatusOK, "POST", fmt.Sprintf("/api/v1/clusters/%s/%s", c.ID, step.path), body, operator))
		scale := -1
		if got.Scale != nil {
			scale = *got.Scale
		}
		if got.Paused != step.paused || scale != step.scale {
			t.Errorf("%+v: %+v", step, got)
		}
	}
}
