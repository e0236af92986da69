package statestore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestTemplateChangesAreCountedAndNeverLost(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, ticking)
	a := must(s.Templates.Create(t.Context(), statestore.Template{Name: "small", Provider: "local", Spec: raw(`{"a": 1}`)}))(t)
	if a.Version != 1 || a.ID == "" || a.CreatedAt.IsZero() {
		t.Fatalf("%+v", a)
	}
	b := a
	b.Spec = raw(`{"a": 2}`)
	b = must(s.Templates.Update(t.Context(), b))(t)
	if b.Version != 2 || !b.UpdatedAt.After(a.UpdatedAt) {
		t.Fatalf("%+v", b)
	}
	_, err := s.Templates.Update(t.Context(), a) // somebody who read before that
	wantErr(t, err, statestore.ErrStale)
	wantEqual(t, must(s.Templates.ByName(t.Context(), "small"))(t), b)
	_, err = s.Templates.Create(t.Context(), statestore.Template{Name: "small"})
	wantErr(t, err, statestore.ErrConflict)
	_, err = s.Templates.Update(t.Context(), statestore.Template{ID: "none"})
	wantErr(t, err, statestore.ErrNotFound)
	_, err = s.Templates.Create(t.Context(), statestore.Template{Name: "bad", Spec: raw(`{`)})
	if err == nil {
		t.Fatal("broken JSON is stored")
	}
}

func TestThingsInUseAreNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantErr(t, w.Templates.Delete(t.Context(), w.cluster.TemplateID), statestore.ErrConflict)
	n := w.node(t)
	wantErr(t, w.Clusters.Delete(t.Context(), w.cluster.ID), statestore.ErrConflict)
	must(w.Nodes.Transition(t.Context(), w.term, n.ID, requested, statestore.NodeTerminated, "gone", nil))(t)
	for _, err := range []error{w.Clusters.Delete(t.Context(), w.cluster.ID), w.Templates.Delete(t.Context(), w.cluster.TemplateID)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantErr(t, w.Templates.Delete(t.Context(), w.cluster.TemplateID), statestore.ErrNotFound)
}

func TestClusterKeepsOperatorsAndReconcilersChangesApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cluster
	if err := w.Clusters.SetState(t.Context(), w.term, c.ID, raw(`{"window": 3}`)); err != nil {
		t.Fatal(err)
	}
	c.Deleting = true
	c = must(w.Clusters.Update(t.Context(), c))(t) // the version is as read: state has no part in it
	if c.Version != 2 || !c.Deleting {
		t.Fatalf("%+v", c)
	}
	if state := must(w.Clusters.State(t.Context(), c.ID))(t); string(state) != `{"window": 3}` {
		t.Fatalf("the reconciler's state is %s", state)
	}
	_, err := w.Clusters.State(t.Context(), "none")
	wantErr(t, err, statestore.ErrNotFound)
	c.Paused = true
	c = must(w.Clusters.Update(t.Context(), c))(t)
	if c.ConfigVersion != 1 {
		t.Fatalf("config version %d after a change of something else", c.ConfigVersion)
	}
	c = must(w.Clusters.SetOverride(t.Context(), c.ID, pointer(5)))(t)
	c = must(w.Clusters.SetPaused(t.Context(), c.ID, false))(t)
	if c.Version != 5 || c.Paused || c.DesiredOverride == nil || *c.DesiredOverride != 5 {
		t.Fatalf("%+v", c)
	}
	wantEqual(t, must(w.Clusters.ByName(t.Context(), "alpha"))(t), c)
	_, err = w.Clusters.SetOverride(t.Context(), c.ID, pointer(-1))
	wantErr(t, err, statestore.ErrInvalid)
	_, err = w.Clusters.Create(t.Context(), statestore.Cluster{Name: "beta", TemplateID: "none"})
	wantErr(t, err, statestore.ErrInvalid)
	wantErr(t, w.Clusters.SetState(t.Context(), w.term+1, c.ID, nil), statestore.ErrFenced)
}

func TestPolicyVersionsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.cluster.ID
	_, err := w.Policies.Current(t.Context(), id)
	wantErr(t, err, statestore.ErrNotFound)
	for i := range 5 {
		p := must(w.Policies.Put(t.Context(), id, int64(i), raw(fmt.Sprintf(`{"max": %d}`, i)), "user:ada"))(t)
		if p.Version != int64(i+1) {
			t.Fatalf("version %d", p.Version)
		}
	}
	_, err = w.Policies.Put(t.Context(), id, 3, raw(`{}`), "user:bob")
	wantErr(t, err, statestore.ErrStale)
	_, err = w.Policies.Put(t.Context(), "none", -1, raw(`{}`), "user:bob")
	wantErr(t, err, statestore.ErrNotFound)
	wantEqual(t, string(must(w.Policies.Current(t.Context(), id))(t).Policy), `{"max": 4}`)
	wantEqual(t, string(must(w.Policies.Get(t.Context(), id, 2))(t).Policy), `{"max": 1}`)
	var versions []int64
	for _, p := range walk(t, 2, func(p statestore.Page) (statestore.List[statestore.PolicyVersion], error) {
		return w.Policies.List(t.Context(), id, p)
	}) {
		versions = append(versions, p.Version)
	}
	wantEqual(t, versions, []int64{5, 4, 3, 2, 1})
}

func TestIdenticalNoopsCollapse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking)
	noop := statestore.Decision{
		ClusterID: w.cluster.ID, PolicyVersion: 1, Kind: statestore.DecisionNoop,
		Snapshot: []byte(`{"nodes":2}`), Plan: raw(`{"actions":[],  "b":1}`), Reasons: raw(`["enough"]`),
	}
	first := must(w.Decisions.Append(t.Context(), w.term, noop))(t)
	must(w.Decisions.Append(t.Context(), w.term, noop))(t)
	third := must(w.Decisions.Append(t.Context(), w.term, noop))(t)
	if third.ID != first.ID || third.Count != 3 || !third.Until.After(first.Until) || !third.At.Equal(first.At) {
		t.Fatalf("not collapsed: %+v then %+v", first, third)
	}
	act := noop
	act.Kind, act.Plan = statestore.DecisionAct, raw(`{"actions":["launch"]}`)
	for range 2 { // those that act never collapse
		must(w.Decisions.Append(t.Context(), w.term, act))(t)
	}
	must(w.Decisions.Append(t.Context(), w.term, noop))(t) // after another one it is a row of its own
	other := noop
	other.PolicyVersion = 2
	must(w.Decisions.Append(t.Context(), w.term, other))(t)
	other.Reasons = raw(`[]`)
	must(w.Decisions.Append(t.Context(), w.term, other))(t)
	keyed := other
	keyed.CollapseKey, keyed.Reasons = "enough", raw(`["load 0.11"]`)
	must(w.Decisions.Append(t.Context(), w.term, keyed))(t)
	keyed.Reasons = raw(`["load 0.12"]`)
	must(w.Decisions.Append(t.Context(), w.term, keyed))(t)

	var counts []int64
	for _, d := range walk(t, 2, func(p statestore.Page) (statestore.List[statestore.Decision], error) {
		return w.Decisions.List(t.Context(), statestore.DecisionFilter{ClusterID: w.cluster.ID}, p)
	}) {
		counts = append(counts, d.Count)
	}
	wantEqual(t, counts, []int64{2, 1, 1, 1, 1, 1, 3})
	stats := must(w.Decisions.Stats(t.Context(), w.cluster.ID))(t)
	if stats.Rows != 7 || stats.Made != 10 || stats.Acted != 2 || stats.WithoutReason != 1 || stats.CollapsedNoops != 3 {
		t.Errorf("%+v", stats)
	}
}

func TestNoDecisionIsStoredWithoutASnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking)
	like := statestore.Decision{
		ClusterID: w.cluster.ID, Kind: statestore.DecisionNoop, CollapseKey: "k",
		Snapshot: []byte(`{}`), Plan: raw(`{}`), Reasons: raw(`["enough"]`),
	}
	bare := like
	bare.Snapshot = nil
	refused := func(why string, d statestore.Decision) {
		t.Helper()
		if _, err := w.Decisions.Append(t.Context(), w.term, d); !errors.Is(err, statestore.ErrUnfolded) {
			t.Errorf("%s: %v", why, err)
		}
	}
	refused("nothing to fold into", bare)
	must(w.Decisions.Append(t.Context(), w.term, like))(t)
	if d := must(w.Decisions.Append(t.Context(), w.term, bare))(t); d.Count != 2 || string(d.Snapshot) != `{}` {
		t.Errorf("not folded: %+v", d)
	}
	other := bare
	other.CollapseKey = "another"
	refused("it says something else", other)
	other = bare
	other.Kind = statestore.DecisionAct
	refused("it acts", other)
	must(w.Decisions.Forget(t.Context(), w.Now().Add(time.Hour)))(t)
	refused("the row is forgotten", bare)
	if stats := must(w.Decisions.Stats(t.Context(), w.cluster.ID))(t); stats.Rows != 0 {
		t.Errorf("%d rows are stored", stats.Rows)
	}
}

func TestDecisionIsKeptToTheByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := statestore.Decision{
		ClusterID: w.cluster.ID, Kind: statestore.DecisionAct, Snapshot: []byte("{ \"z\":1,\"a\":  2}"),
		Plan: raw(`{ "z":1,"a":  2.50}`), Reasons: raw(`["because"]`),
	}
	made := must(w.Decisions.Append(t.Context(), w.term, d))(t)
	if err := w.Decisions.SetResult(t.Context(), w.term, made.ID, raw(`{"launched": 1}`)); err != nil {
		t.Fatal(err)
	}
	got := must(w.Decisions.Get(t.Context(), made.ID))(t)
	wantEqual(t, string(got.Snapshot), string(d.Snapshot))
	wantEqual(t, string(got.Plan), string(d.Plan))
	wantEqual(t, string(got.Result), `{"launched": 1}`)
	if made.Result != nil {
		t.Errorf("result before there is one: %s", made.Result)
	}
	_, err := w.Decisions.Append(t.Context(), w.term+1, d)
	wantErr(t, err, statestore.ErrFenced)
	if n := must(w.Decisions.Forget(t.Context(), w.Now().Add(time.Hour)))(t); n != 1 {
		t.Errorf("forgot %d", n)
	}
}

// Outcomes of the actions of one decision come in side by side.
func TestOutcomesOfADecisionAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := must(w.Decisions.Append(t.Context(), w.term, statestore.Decision{
		ClusterID: w.cluster.ID, Kind: statestore.DecisionAct, Snapshot: []byte("{}"), Plan: raw(`{"actions":[{"kind":"launch"}]}`),
		Reasons: raw(`[{"code":"below_min","text":"few"}]`), Result: raw(`[]`),
	}))(t)
	add := func(term statestore.Term) error {
		return w.Decisions.Amend(t.Context(), term, d.ID, func(d *statestore.Decision) error {
			d.Plan = raw(`{}`)
			for _, list := range []*json.RawMessage{&d.Result, &d.Reasons} {
				var of []any
				if err := json.Unmarshal(*list, &of); err != nil {
					return err
				}
				*list, _ = json.Marshal(append(of, map[string]string{"code": "passed_over", "text": "no room"}))
			}
			return nil
		})
	}
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = add(w.term) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := must(w.Decisions.Get(t.Context(), d.ID))(t)
	if n := strings.Count(string(got.Result), "no room"); n != len(errs) || string(got.Plan) != string(d.Plan) {
		t.Errorf("%d of %d outcomes: %s; plan %s", n, len(errs), got.Result, got.Plan)
	}
	found := must(w.Decisions.List(t.Context(), statestore.DecisionFilter{Code: "passed_over", Action: "launch", Text: "room"}, statestore.Page{}))(t)
	if len(found.Items) != 1 {
		t.Errorf("%d decisions are found by what came of them", len(found.Items))
	}
	wantErr(t, add(w.term+1), statestore.ErrFenced)
}

func TestConditionIsOpenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking)
	id := w.cluster.ID
	for _, text := range []string{"no quota", "still no quota"} {
		if err := w.Conditions.Raise(t.Context(), w.term, statestore.Condition{ClusterID: id, Kind: "quota", Subject: "m5.large", Text: text, Next: "ask for more"}); err != nil {
			t.Fatal(err)
		}
	}
	open := must(w.Conditions.Open(t.Context(), id))(t)
	if len(open) != 1 || open[0].Text != "still no quota" || !open[0].SeenAt.After(open[0].Since) {
		t.Fatalf("%+v", open)
	}
	for range 2 {
		if err := w.Conditions.Clear(t.Context(), w.term, id, "quota", "m5.large"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Conditions.Raise(t.Context(), w.term, statestore.Condition{ClusterID: id, Kind: "quota", Subject: "m5.large", Text: "again"}); err != nil {
		t.Fatal(err)
	}
	history := must(w.Conditions.History(t.Context(), id, 10))(t)
	if len(history) != 2 || history[0].Until != nil || history[1].Until == nil || history[1].Next != "ask for more" {
		t.Fatalf("%+v", history)
	}
	var told []string
	for _, c := range must(w.Conditions.Changes(t.Context(), 0, 10))(t) {
		told = append(told, c.Change+": "+c.Text)
	}
	wantEqual(t, told, []string{"opened: no quota", "closed: still no quota", "opened: again"})
	last := must(w.Conditions.LastChange(t.Context()))(t)
	if rest := must(w.Conditions.Changes(t.Context(), last, 10))(t); len(rest) != 0 {
		t.Errorf("after the last: %+v", rest)
	}
	if n := must(w.Conditions.Forget(t.Context(), w.Now().Add(time.Hour)))(t); n != 4 {
		t.Errorf("forgot %d, want one condition that ended and three changes", n)
	}
}

func TestJoinTokenIsTakenOnce(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	w := newWorld(t, on(clk))
	a, b := w.node(t), w.node(t)
	token := statestore.Secret("token-a")
	if err := w.JoinTokens.Create(t.Context(), w.term, a.ID, token, time.Minute); err != nil {
		t.Fatal(err)
	}
	_, err := w.JoinTokens.Consume(t.Context(), b.ID, token, "10.0.0.2")
	wantErr(t, err, statestore.ErrNotFound) // another node's
	_, err = w.JoinTokens.Consume(t.Context(), a.ID, statestore.Secret("guess"), "10.0.0.2")
	wantErr(t, err, statestore.ErrNotFound)

	const callers = 8
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { _, errs[i] = w.JoinTokens.Consume(t.Context(), a.ID, token, "10.0.0.1") })
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		if err == nil {
			taken++
		} else {
			wantErr(t, err, statestore.ErrUsed)
		}
	}
	if taken != 1 {
		t.Fatalf("taken %d times", taken)
	}
	row, err := w.JoinTokens.Consume(t.Context(), a.ID, token, "10.6.6.6")
	wantErr(t, err, statestore.ErrUsed)
	if row.UsedFrom != "10.0.0.1" {
		t.Errorf("used from %q", row.UsedFrom)
	}

	late := statestore.Secret("token-b")
	if err := w.JoinTokens.Create(t.Context(), w.term, b.ID, late, time.Minute); err != nil {
		t.Fatal(err)
	}
	// Launched elsewhere after all: what may still boot with the first is nobody.
	for _, token := range []string{"token-b", "token-b2", "token-b2"} {
		if err := w.JoinTokens.Create(t.Context(), w.term, b.ID, statestore.Secret(token), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.JoinTokens.Consume(t.Context(), b.ID, late, "10.0.0.2")
	wantErr(t, err, statestore.ErrNotFound)
	clk.advance(time.Minute)
	_, err = w.JoinTokens.Consume(t.Context(), b.ID, statestore.Secret("token-b2"), "10.0.0.2")
	wantErr(t, err, statestore.ErrExpired)
}

func TestFirstAuthorityIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	var wg sync.WaitGroup
	ids := make([]string, 6)
	for i := range ids {
		wg.Go(func() {
			a, _, err := s.Authorities.CreateFirst(t.Context(), statestore.Authority{
				Kind: statestore.AuthorityControl, CertPEM: fmt.Sprint(i), NotAfter: time.Now().Add(time.Hour),
			}, statestore.Secret(fmt.Sprint("key ", i)))
			if err != nil {
				t.Error(err)
			}
			ids[i] = a.ID
			if key, err := s.Authorities.Key(t.Context(), a.ID); err != nil || string(key) != "key "+a.CertPEM {
				t.Errorf("key and certificate of different makers: %v", err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		wantEqual(t, id, ids[0])
	}
	serving, made, err := s.Authorities.CreateFirst(t.Context(), statestore.Authority{Kind: statestore.AuthorityServing, NotAfter: time.Now()}, statestore.Secret("k"))
	if err != nil || !made || serving.ID == ids[0] {
		t.Fatalf("%+v, %v, %v", serving, made, err)
	}
	if err := s.Authorities.Retire(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	_, err = s.Authorities.Active(t.Context(), statestore.AuthorityControl)
	wantErr(t, err, statestore.ErrNotFound)
	if trusted := must(s.Authorities.Trusted(t.Context(), statestore.AuthorityControl))(t); len(trusted) != 1 {
		t.Errorf("%d trusted", len(trusted))
	}
}

func TestRevocationListHoldsWhatHasNotExpired(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	w := newWorld(t, on(clk))
	n := w.node(t)
	ca := must(w.Authorities.Create(t.Context(), statestore.Authority{Kind: statestore.AuthorityControl, NotAfter: clk.Now().Add(time.Hour)}, statestore.Secret("k")))(t)
	for serial, life := range map[string]time.Duration{"01": time.Hour, "02": time.Minute, "03": time.Hour} {
		must(w.Certificates.Add(t.Context(), statestore.Certificate{
			Serial: serial, AuthorityID: ca.ID, Subject: n.ID, NodeID: &n.ID, SHA256: "ab", NotBefore: clk.Now(), NotAfter: clk.Now().Add(life),
		}))(t)
	}
	if err := w.Certificates.Revoke(t.Context(), "03", "lost"); err != nil {
		t.Fatal(err)
	}
	if n := must(w.Certificates.RevokeNode(t.Context(), n.ID, "terminated"))(t); n != 2 {
		t.Errorf("revoked %d", n)
	}
	clk.advance(2 * time.Minute)
	revoked := must(w.Certificates.Revoked(t.Context()))(t)
	if len(revoked) != 2 || revoked[0].Serial != "01" || revoked[1].RevokedWhy != "lost" {
		t.Errorf("%+v", revoked)
	}
	must(w.Nodes.Transition(t.Context(), w.term, n.ID, requested, statestore.NodeTerminated, "gone", nil))(t)
	_, err := w.Certificates.Add(t.Context(), statestore.Certificate{Serial: "04", AuthorityID: ca.ID, NodeID: &n.ID})
	wantErr(t, err, statestore.ErrState) // no certificate for the dead
}

func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	old, made, err := s.SigningKeys.CreateFirst(t.Context(), statestore.SigningKey{Algorithm: "EdDSA", PublicKey: []byte("p1")}, statestore.Secret("k1"))
	if err != nil || !made {
		t.Fatal(made, err)
	}
	clk.advance(time.Second)
	fresh := must(s.SigningKeys.Create(t.Context(), statestore.SigningKey{Algorithm: "EdDSA", PublicKey: []byte("p2")}, statestore.Secret("k2")))(t)
	wantEqual(t, must(s.SigningKeys.Active(t.Context()))(t), fresh)
	wantEqual(t, string(must(s.SigningKeys.Key(t.Context(), old.ID))(t)), "k1")
	if err := s.SigningKeys.Retire(t.Context(), old.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	if keys := must(s.SigningKeys.Accepted(t.Context()))(t); len(keys) != 2 {
		t.Errorf("%d accepted in the grace time", len(keys))
	}
	clk.advance(time.Hour)
	wantEqual(t, must(s.SigningKeys.Accepted(t.Context()))(t), []statestore.SigningKey{fresh})
}
