package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestFollowersHearOfConditionsAndAdministratorsOfTheAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, viewer := bearer(w.token(api.RoleAdmin)), bearer(w.token(api.RoleViewer))
	c := storetest.Cluster(t, w.store, "alpha")
	term := storetest.Term(t, w.store)
	w.must(http.StatusForbidden, "GET", "/api/v1/events?topic=audit", nil, viewer)
	conditions, audit := w.follow("?topic=conditions", viewer), w.follow("?topic=audit", admin)
	beat := w.follow("?topic=overview", viewer)
	w.run()
	beat.next("overview") // the first round has taken its place in what happened
	if err := w.store.Conditions.Raise(t.Context(), term, statestore.Condition{ClusterID: c.ID, Kind: "quota_reached", Subject: "local", Text: "full", Next: "ask"}); err != nil {
		t.Fatal(err)
	}
	var e api.ConditionEvent
	if err := json.Unmarshal(conditions.next(""), &e); err != nil || e.Change != "opened" || e.Kind != "quota_reached" || e.Cluster.Name != "alpha" || e.Next != "ask" {
		t.Errorf("%+v %v", e, err)
	}
	w.must(http.StatusOK, "POST", "/api/v1/clusters/alpha/pause", nil, admin)
	var a api.AuditEvent
	if err := json.Unmarshal(audit.next(""), &a); err != nil || a.Entry.Action != "pause" || a.Entry.ObjectID != c.ID {
		t.Errorf("%+v %v", a, err)
	}
}

// A flock that stands still is told once, not with every report.
func TestNodesThatStandStillAreNotToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer := bearer(w.token(api.RoleViewer))
	c := storetest.Cluster(t, w.store, "alpha")
	still, moves := w.node(c), w.node(c)
	w.reports(still.ID, 1)
	w.reports(moves.ID, 1)
	f := w.follow("?topic=nodes", viewer)
	w.run()
	told := func() string {
		t.Helper()
		var e api.NodesEvent
		if err := json.Unmarshal(f.next("nodes"), &e); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, n := range e.Nodes {
			names = append(names, n.ID)
		}
		return strings.Join(names, " ")
	}
	if got := told(); !strings.Contains(got, still.ID) || !strings.Contains(got, moves.ID) {
		t.Fatalf("first: %s", got)
	}
	w.reports(still.ID, 2)
	w.reports(moves.ID, 2, session1())
	if got := told(); got != moves.ID {
		t.Errorf("then: %s, want %s alone", got, moves.ID)
	}
	w.clock.advance(time.Minute) // that it is alive is worth telling now and then
	w.reports(still.ID, 3)
	w.reports(moves.ID, 3, session1())
	if got := told(); !strings.Contains(got, still.ID) {
		t.Errorf("after a minute: %s", got)
	}
}
