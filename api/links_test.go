package api_test

import (
	"net/http"
	"testing"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestLinksShowWhatEachNodeMayLetThroughAndDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	c := storetest.Cluster(t, w.store, "alpha")
	busy, idle, old := w.node(c), w.node(c), w.node(c)
	path := "/api/v1/clusters/alpha"
	w.must(http.StatusOK, "PUT", path+"/configuration", `{"links": [{"name": "uplink", "in_mbps": 80, "default": true}]}`, admin, with("If-Match", `"1"`))
	says := func(node string, f *report.Facts) {
		w.index.Apply(&report.Report{Version: 1, NodeId: node, Boot: "b", BootUnixMs: 1, Seq: 1, Chunks: 1, Facts: f})
	}
	says(busy.ID, &report.Facts{Links: &report.Links{Uses: []*report.LinkUse{
		{Link: "uplink", In: true, CapBps: 78e6, RateBps: 70e6, Greedy: 2, Modest: 1}, {Link: "gone", In: true, CapBps: 5},
	}}})
	says(idle.ID, &report.Facts{Links: &report.Links{Uses: []*report.LinkUse{{Link: "uplink", In: true, CapBps: 1e6}}}})
	says(old.ID, &report.Facts{})
	if err := w.api.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := decode[api.ClusterLinks](t, w.must(http.StatusOK, "GET", path+"/links", nil, bearer(w.token(api.RoleViewer))))
	if len(got.Items) != 1 || len(got.Outdated) != 1 || got.Outdated[0].ID != old.ID {
		t.Fatalf("%+v", got)
	}
	l := got.Items[0]
	if want := (api.LinkWay{CapacityBps: 80e6, ShareBps: 79e6, RateBps: 70e6, Sessions: 3}); l.In == nil || *l.In != want || l.Out != nil || !l.Default {
		t.Errorf("link %+v, in %+v", l, l.In)
	}
	if len(l.Nodes) != 2 || l.Nodes[0].ID != busy.ID || l.Nodes[0].In.Greedy != 2 || l.Nodes[1].In.ShareBps != 1e6 {
		t.Errorf("nodes %+v", l.Nodes)
	}
}

func TestLinksOfNoAccessKeyAreRefusedUnlessTheyWereThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	storetest.Cluster(t, w.store, "alpha")
	path := "/api/v1/clusters/alpha/configuration"
	bad := w.must(http.StatusUnprocessableEntity, "PUT", path, `{"links": [{"name": "uplink", "in_mbps": 80, "access_keys": ["nobody"]}]}`, admin, with("If-Match", `"1"`)).problem(t)
	if len(bad.Errors) != 1 || bad.Errors[0].Location != "body.links[0].access_keys" {
		t.Errorf("%+v", bad)
	}
	key := decode[struct {
		ID string `json:"id"`
	}](t, w.must(http.StatusCreated, "POST", "/api/v1/access-keys", `{"name": "acme", "storage": {"type": "local", "path": "/srv/acme"}}`, admin))
	w.must(http.StatusOK, "PUT", path, `{"links": [{"name": "uplink", "in_mbps": 80, "access_keys": ["`+key.ID+`"]}]}`, admin, with("If-Match", `"1"`))
	w.must(http.StatusNoContent, "DELETE", "/api/v1/access-keys/"+key.ID, nil, admin)
	w.must(http.StatusOK, "PATCH", path, `{"links": [{"name": "uplink", "in_mbps": 90, "access_keys": ["`+key.ID+`"]}]}`, admin, with("If-Match", `"2"`))
}
