package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestConfigurationIsVersionedAndTwoEditorsDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	c := storetest.Cluster(t, w.store, "alpha")
	path := "/api/v1/clusters/alpha/configuration"
	first := w.must(http.StatusOK, "GET", path, nil, admin)
	tag := with("If-Match", first.Header.Get("ETag"))
	w.must(http.StatusOK, "PUT", path, `{"send_cap_mbps": 100, "ciphers": ["aes-256-gcm"]}`, admin, tag)
	late := w.must(http.StatusPreconditionFailed, "PATCH", path, `{"max_sessions": 5}`, admin, tag)
	if p := late.problem(t); !strings.Contains(p.Detail, "send_cap_mbps") {
		t.Errorf("the second editor is not told what changed: %s", p.Detail)
	}
	second := w.must(http.StatusOK, "PATCH", path, `{"max_sessions": 5}`, admin, with("If-Match", `"2"`))
	got := decode[api.ConfigurationVersion](t, second)
	if got.Version != 3 || got.Configuration.SendCapMbps != 100 || got.Configuration.MaxSessions != 5 || len(got.Configuration.Ciphers) != 1 {
		t.Errorf("%+v", got)
	}
	back := decode[api.ConfigurationVersion](t, w.must(http.StatusOK, "POST", path+"/revert", `{"version": 1}`, admin, with("If-Match", `"3"`)))
	if back.Version != 4 || back.Configuration.SendCapMbps != 0 {
		t.Errorf("%+v", back)
	}
	w.must(http.StatusNotFound, "POST", path+"/revert", `{"version": 99}`, admin, with("If-Match", `"4"`))
	bad := w.must(http.StatusUnprocessableEntity, "PATCH", path, `{"session_cap_mbps": 1, "session_rate_mbps": 2}`, admin, with("If-Match", `"4"`)).problem(t)
	if len(bad.Errors) != 1 || bad.Errors[0].Location != "body.session_rate_mbps" {
		t.Errorf("%+v", bad)
	}
	w.must(http.StatusUnprocessableEntity, "PUT", path, `{"sendcap": 1}`, admin, with("If-Match", `"4"`))
	l, err := w.store.Audit.List(t.Context(), statestore.AuditFilter{Object: "configuration", ObjectID: c.ID}, statestore.Page{})
	if err != nil || len(l.Items) != 3 || !strings.Contains(string(l.Items[1].Before), "send_cap_mbps") {
		t.Errorf("audit: %v %d entries", err, len(l.Items))
	}
}

func TestRolloutTellsWhichNodeLacksWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	c := storetest.Cluster(t, w.store, "alpha")
	done, behind, refuses, drifts := w.node(c), w.node(c), w.node(c), w.node(c)
	path := "/api/v1/clusters/alpha/configuration"
	w.must(http.StatusOK, "PUT", path, `{"send_cap_mbps": 100}`, admin, with("If-Match", `"1"`))
	says := func(node string, f *report.Facts) {
		w.index.Apply(&report.Report{Version: 1, NodeId: node, Boot: "b", BootUnixMs: 1, Seq: 1, Chunks: 1, Facts: f})
	}
	says(done.ID, &report.Facts{ConfigVersion: 2})
	says(behind.ID, &report.Facts{ConfigVersion: 1})
	says(refuses.ID, &report.Facts{ConfigVersion: 1, RefusedVersion: 2, ConfigError: "does not know it"})
	says(drifts.ID, &report.Facts{ConfigVersion: 2, Drift: []*report.Drift{{Field: "session_memory_mb", Wanted: "64", Has: "0", How: "restart"}}})
	if err := w.api.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := decode[api.ConfigurationRollout](t, w.must(http.StatusOK, "GET", path+"/rollout", nil, admin))
	if r.Version != 2 || r.Total != 4 || r.Applied != 1 || r.Pending != 3 || r.Refused != 1 || len(r.Nodes) != 4 || r.Nodes[3].ID != done.ID {
		t.Fatalf("%+v", r)
	}
	by := map[string]api.ConfigurationRolloutNode{}
	for _, n := range r.Nodes {
		by[n.ID] = n
	}
	if d := by[behind.ID].Drift; len(d) != 1 || d[0].Field != "send_cap_mbps" || d[0].Wanted != "100" || d[0].Has != "0" || d[0].How != "live" {
		t.Errorf("behind: %+v", d)
	}
	if n := by[refuses.ID]; n.Error != "does not know it" || n.Applied {
		t.Errorf("refuses: %+v", n)
	}
	if n := by[drifts.ID]; len(n.Drift) != 1 || n.Drift[0].How != "restart" || n.Applied {
		t.Errorf("drifts: %+v", n)
	}
}
