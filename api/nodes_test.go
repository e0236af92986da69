package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestOrdersReachTheNodesRowWithWhoAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.setup()
	n := w.node(storetest.Cluster(t, w.store, "alpha"))
	order := func() statestore.Node {
		t.Helper()
		row, err := w.store.Nodes.Get(t.Context(), n.ID)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	path := "/api/v1/nodes/" + n.ID
	w.must(http.StatusConflict, "POST", path+"/undrain", nil, session)
	w.must(http.StatusAccepted, "POST", path+"/drain", `{"reason":"disk smells"}`, session)
	if row := order(); row.OrderAction != statestore.OrderDrain || row.OrderBy != "user:ada: disk smells" {
		t.Errorf("%+v", row)
	}
	w.must(http.StatusAccepted, "POST", path+"/undrain", nil, session)
	if row := order(); row.OrderAction != statestore.OrderUndrain {
		t.Errorf("%+v", row)
	}
	w.reports(n.ID, 1, session1())
	r := w.must(http.StatusConflict, "POST", path+"/terminate", nil, session)
	if !strings.Contains(r.problem(t).Detail, "serves 1 sessions") {
		t.Errorf("%s", r.body)
	}
	w.must(http.StatusAccepted, "POST", path+"/terminate", `{"force":true}`, session)
	if row := order(); row.OrderAction != statestore.OrderKill {
		t.Errorf("%+v", row)
	}
	w.must(http.StatusNotFound, "POST", "/api/v1/nodes/"+statestore.NewID()+"/drain", nil, session)
	if _, err := w.store.Nodes.Transition(t.Context(), storetest.Term(t, w.store), n.ID, []statestore.NodeState{statestore.NodeRunning}, statestore.NodeTerminated, "gone", nil); err != nil {
		t.Fatal(err)
	}
	w.must(http.StatusConflict, "POST", path+"/terminate", nil, session)
	w.must(http.StatusConflict, "POST", path+"/drain", nil, session)
	events := decode[api.Page[api.NodeEvent]](t, w.must(http.StatusOK, "GET", path+"/events", nil, session))
	if len(events.Items) != 3 || events.Items[0].To != "requested" || events.Items[2].To != "terminated" || events.Items[2].Text != "gone" {
		t.Errorf("%+v", events)
	}
}

func TestNodesAreListedAsStoredAndAsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer := bearer(w.token(api.RoleViewer))
	alpha, beta := storetest.Cluster(t, w.store, "alpha"), storetest.Cluster(t, w.store, "beta")
	a, b, c := w.node(alpha), w.node(alpha), w.node(beta)
	memory, err := json.Marshal(map[string]any{"pools": []policy.Assignment{{NodeID: a.ID, Pool: policy.Low, Utilization: 0.61, Signal: policy.CPUSignal}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Clusters.SetState(t.Context(), storetest.Term(t, w.store), alpha.ID, memory); err != nil {
		t.Fatal(err)
	}
	w.reports(a.ID, 1, session1())
	w.run()
	list := func(query string) []api.Node {
		return decode[api.Page[api.Node]](t, w.must(http.StatusOK, "GET", "/api/v1/nodes"+query, nil, viewer)).Items
	}
	eventually(t, "three nodes", func() bool { return len(list("")) == 3 })
	got := list("?cluster=alpha&q=" + a.Name)
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	n := got[0]
	if n.SendBps != 50e6 || n.SendCapBps != 200e6 || n.Sessions != 1 || n.Utilization.Value != 0.61 || n.Utilization.Signal != "cpu" || n.Utilization.Send != 0.25 ||
		len(n.Services) != 1 || !n.Services[0].Healthy || n.Cluster.Name != "alpha" || n.Pool != "low" || n.Address != "127.0.0.1" {
		t.Errorf("%+v", n)
	}
	if got := list("?cluster=beta"); len(got) != 1 || got[0].ID != c.ID || got[0].Utilization != nil {
		t.Errorf("%+v", got)
	}
	if got := list("?state=draining"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	first := decode[api.Page[api.Node]](t, w.must(http.StatusOK, "GET", "/api/v1/nodes?limit=2", nil, viewer))
	second := decode[api.Page[api.Node]](t, w.must(http.StatusOK, "GET", "/api/v1/nodes?limit=2&cursor="+first.NextCursor, nil, viewer))
	if len(first.Items) != 2 || first.Items[0].ID != c.ID || first.Items[1].ID != b.ID || len(second.Items) != 1 || second.Items[0].ID != a.ID || second.NextCursor != "" {
		t.Errorf("%+v %+v", first, second)
	}
	if _, err := w.store.Nodes.Transition(t.Context(), storetest.Term(t, w.store), b.ID, []statestore.NodeState{statestore.NodeRunning}, statestore.NodeTerminated, "gone", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two nodes", func() bool { return len(list("")) == 2 })
	if got := list("?ended=true"); len(got) != 3 {
		t.Errorf("%+v", got)
	}
	if got := list("?state=terminated"); len(got) != 1 || got[0].ID != b.ID || got[0].EndedAt == nil {
		t.Errorf("%+v", got)
	}
	if got := decode[api.Node](t, w.must(http.StatusOK, "GET", "/api/v1/nodes/"+a.Name, nil, viewer)); got.ID != a.ID {
		t.Errorf("by name: %+v", got)
	}
}

func TestDecisionsShowReasonsAndTheirSnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer := bearer(w.token(api.RoleViewer))
	c := storetest.Cluster(t, w.store, "alpha")
	plan := policy.Plan{
		Actions: []policy.Action{{Kind: policy.ActionLaunch, Count: 2, Reason: policy.Reason{Code: policy.CodeLaunch, Text: "launch 2"}}},
		Reasons: []policy.Reason{{Code: policy.CodeBelowMin, Text: "available 0 < min 2"}},
	}
	doc, _ := json.Marshal(plan)
	reasons, _ := json.Marshal(plan.Reasons)
	term := storetest.Term(t, w.store)
	add := func(kind statestore.DecisionKind, key string) {
		t.Helper()
		w.clock.advance(2e9)
		if _, err := w.store.Decisions.Append(t.Context(), term, statestore.Decision{
			ClusterID: c.ID, PolicyVersion: 1, Kind: kind, Snapshot: []byte(`{"nodes":[]}`), Plan: doc, Reasons: reasons, CollapseKey: key,
		}); err != nil {
			t.Fatal(err)
		}
	}
	add(statestore.DecisionAct, "a")
	add(statestore.DecisionNoop, "b")
	add(statestore.DecisionNoop, "b")
	page := decode[api.Page[api.Decision]](t, w.must(http.StatusOK, "GET", "/api/v1/decisions?cluster=alpha", nil, viewer))
	if len(page.Items) != 2 || page.Items[0].Count != 2 || page.Items[1].Kind != "launch" || page.Items[1].Summary != "launch 2; available 0 < min 2" {
		t.Errorf("%+v", page)
	}
	changes := decode[api.Page[api.Decision]](t, w.must(http.StatusOK, "GET", "/api/v1/decisions?changes=true", nil, viewer))
	if len(changes.Items) != 1 {
		t.Errorf("%+v", changes)
	}
	one := decode[api.DecisionDetail](t, w.must(http.StatusOK, "GET", "/api/v1/decisions/"+page.Items[1].ID, nil, viewer))
	if string(one.Snapshot) != `{"nodes":[]}` || len(one.Plan.Actions) != 1 || one.Reasons[0].Code != policy.CodeBelowMin {
		t.Errorf("%+v", one)
	}
	w.must(http.StatusNotFound, "GET", "/api/v1/decisions/"+statestore.NewID(), nil, viewer)
}

func TestANodeThatFailedAndEndedIsNamedAndRecent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := bearer(w.token(api.RoleOperator))
	id, _, dead, well := w.pushing()
	if err := w.store.Transfers.RecordSession(t.Context(), statestore.TransferSession{ID: "s", TransferID: id, NodeID: dead.ID, StartedAt: w.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	term := storetest.Term(t, w.store)
	step := func(n statestore.Node, why string, states ...statestore.NodeState) {
		t.Helper()
		from := statestore.NodeRunning
		for _, to := range states {
			if _, err := w.store.Nodes.Transition(t.Context(), term, n.ID, []statestore.NodeState{from}, to, why, func(row *statestore.Node) { row.FailureReason = why }); err != nil {
				t.Fatal(err)
			}
			from = to
		}
	}
	step(dead, "its process ended", statestore.NodeFailed, statestore.NodeTerminating, statestore.NodeTerminated)
	step(well, "", statestore.NodeDraining, statestore.NodeTerminating, statestore.NodeTerminated)
	overview := decode[api.Overview](t, w.must(http.StatusOK, "GET", "/api/v1/overview?cluster=alpha", nil, operator))
	if f := overview.Failures; len(f) != 1 || f[0].Kind != "node" || f[0].Object != (api.Ref{ID: dead.ID, Name: dead.Name}) || f[0].Text != "its process ended" {
		t.Errorf("recent failures: %+v", f)
	}
	if got := decode[api.Node](t, w.must(http.StatusOK, "GET", "/api/v1/nodes/"+dead.Name, nil, operator)); got.ID != dead.ID || got.State != "terminated" {
		t.Errorf("by its name: %+v", got)
	}
	w.must(http.StatusNotFound, "GET", "/api/v1/nodes/nobody", nil, operator)
	if got := decode[api.Transfer](t, w.must(http.StatusOK, "GET", "/api/v1/transfers/"+id, nil, operator)); got.Sessions[0].Node.Name != dead.Name || got.Nodes[0].Name != dead.Name {
		t.Errorf("the transfer that it served: %+v", got)
	}
}
