package cluster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// TestEveryStoredDecisionReplays also when the row that like ones were folded
// into goes while the leader counts on it.
func TestEveryStoredDecisionReplays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.settled(2)
	if _, err := s.store.Decisions.Forget(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.await("like decisions are folded again", func() error {
		rows, err := s.store.Decisions.List(t.Context(), statestore.DecisionFilter{ClusterID: s.cluster.ID}, statestore.Page{})
		if err != nil {
			return err
		}
		for _, d := range rows.Items {
			if d.Count > 2 {
				return nil
			}
		}
		return fmt.Errorf("%d rows", len(rows.Items))
	})
	s.stop()
	rows, err := s.store.Decisions.List(t.Context(), statestore.DecisionFilter{ClusterID: s.cluster.ID}, statestore.Page{Limit: 100})
	if err != nil || len(rows.Items) == 0 {
		t.Fatalf("%d decisions: %v", len(rows.Items), err)
	}
	for _, row := range rows.Items {
		d, err := s.store.Decisions.Get(t.Context(), row.ID)
		version, missing := s.store.Policies.Get(t.Context(), s.cluster.ID, d.PolicyVersion)
		var snapshot policy.Snapshot
		var p policy.Policy
		if err := errors.Join(err, missing, json.Unmarshal(d.Snapshot, &snapshot), json.Unmarshal(version.Policy, &p)); err != nil {
			t.Errorf("decision %s: %v", row.ID, err)
			continue
		}
		if again := mustJSON(policy.Decide(snapshot, p, d.At)); string(again) != string(d.Plan) {
			t.Errorf("decision %s, made again:\n%s\nwas:\n%s", d.ID, again, d.Plan)
		}
	}
}
