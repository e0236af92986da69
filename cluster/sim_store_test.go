package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// simStore keeps rows as the real store does: fenced, by compare-and-set, and
// away now and then.
type simStore struct {
	w         *world
	term      statestore.Term
	awayUntil time.Time
	cluster   statestore.Cluster
	memory    json.RawMessage
	template  statestore.Template
	policy    statestore.PolicyVersion
	rows      map[string]*statestore.Node
	decision  *statestore.Decision
	acted     map[string]*statestore.Decision // those that did something, by id
	made      int
	serial    int
	open      map[string]statestore.Condition // by kind and subject
	loads     []statestore.LoadChunk
	forecast  []byte
	snapshot  json.RawMessage // the newest decision's that has one
	// results of decisions, in the order in which they were written.
	results []json.RawMessage
	simRollouts
}

func newSimStore(w *world) *simStore {
	return &simStore{
		w:           w,
		cluster:     statestore.Cluster{ID: "c", Name: "sim", TemplateID: "t", PolicyVersion: 1},
		template:    statestore.Template{ID: "t", Name: "t", Provider: "sim", Version: 1, Spec: json.RawMessage(`{}`)},
		policy:      statestore.PolicyVersion{ClusterID: "c", Version: 1, Policy: mustJSON(w.policy)},
		simRollouts: newSimRollouts(w.seed, json.RawMessage(`{}`)),
		rows:        map[string]*statestore.Node{}, open: map[string]statestore.Condition{}, acted: map[string]*statestore.Decision{},
	}
}

func (s *simStore) elect() statestore.Term { s.term++; return s.term }

func (s *simStore) away() bool { return s.w.now.Before(s.awayUntil) }

func (s *simStore) writable(term statestore.Term) error {
	if s.away() {
		return statestore.ErrUnavailable
	}
	if term != s.term {
		return fmt.Errorf("term %d: %w", term, statestore.ErrFenced)
	}
	return nil
}

func (s *simStore) living() []*statestore.Node {
	var rows []*statestore.Node
	for _, row := range s.rows {
		if row.State != statestore.NodeTerminated {
			rows = append(rows, row)
		}
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].ID < rows[j].ID })
	return rows
}

// storeOf is the store as one manager reaches it.
type storeOf struct {
	*simStore
	m *simManager
}

func (s storeOf) Clusters(context.Context) ([]statestore.Cluster, error) {
	if s.away() {
		return nil, statestore.ErrUnavailable
	}
	return []statestore.Cluster{s.cluster}, nil
}

func (s storeOf) Cluster(context.Context, string) (statestore.Cluster, error) { return s.cluster, nil }

func (s storeOf) Template(context.Context, string) (statestore.Template, error) {
	return s.template, nil
}

func (s storeOf) Policy(context.Context, string) (statestore.PolicyVersion, error) {
	return s.policy, nil
}

func (s storeOf) LiveNodes(context.Context, string) ([]statestore.Node, error) {
	if s.away() {
		return nil, statestore.ErrUnavailable
	}
	var rows []statestore.Node
	for _, row := range s.living() {
		rows = append(rows, *row)
	}
	return rows, nil
}

func (s storeOf) CreateNodes(_ context.Context, term statestore.Term, like statestore.Node, count int, why string) ([]statestore.Node, error) {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return nil, err
	}
	var made []statestore.Node
	for range count {
		n := like
		s.serial++
		n.ID = fmt.Sprintf("n%03d", s.serial)
		n.Name, n.LaunchToken = n.ID, "token-"+n.ID
		n.State, n.StateSince, n.RequestedAt = statestore.NodeRequested, s.w.now, s.w.now
		row := n
		s.rows[n.ID] = &row
		s.w.tell("%s requested: %s", n.ID, why)
		made = append(made, n)
	}
	s.w.check.count()
	s.m.touch()
	return made, nil
}

func (s storeOf) MoveNode(_ context.Context, term statestore.Term, id string, from []statestore.NodeState, to statestore.NodeState, why string, change func(*statestore.Node)) (statestore.Node, error) {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return statestore.Node{}, err
	}
	row, err := s.apply(statestore.Transition{ID: id, From: from, To: to, Why: why, Change: change})
	if err == nil {
		s.m.touch()
	}
	return row, err
}

func (s storeOf) MoveNodes(_ context.Context, term statestore.Term, moves []statestore.Transition) (map[string]statestore.Node, error) {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return nil, err
	}
	rows := map[string]statestore.Node{}
	for _, m := range moves {
		if row, err := s.apply(m); err == nil {
			rows[m.ID] = row
		}
	}
	s.m.touch()
	return rows, nil
}

// apply mirrors the real store's compare-and-set.
func (s storeOf) apply(m statestore.Transition) (statestore.Node, error) {
	old, ok := s.rows[m.ID]
	if !ok {
		return statestore.Node{}, statestore.ErrNotFound
	}
	if !slices.Contains(m.From, old.State) || old.State == statestore.NodeTerminated {
		return statestore.Node{}, &statestore.StateError{Object: m.ID, Found: string(old.State)}
	}
	row := *old
	if m.Change != nil {
		m.Change(&row)
	}
	if old.InstanceID != "" {
		row.Provider, row.Offering = old.Provider, old.Offering
	}
	now := s.w.now
	if m.To != old.State {
		s.enter(&row, m.To)
		s.w.tell("%s %s → %s: %s", m.ID, old.State, m.To, m.Why)
		s.w.check.moved(old, m.To)
	}
	if m.To == statestore.NodeTerminated {
		row.TerminatedAt = &now
	}
	*old = row
	return row, nil
}

// enter mirrors the real store's times.
func (s storeOf) enter(row *statestore.Node, to statestore.NodeState) {
	now, from := s.w.now, row.State
	row.State, row.StateSince = to, now
	switch to {
	case statestore.NodeLaunching:
		row.LaunchedAt = &now
	case statestore.NodeRunning:
		if from == statestore.NodeDraining {
			row.DrainDeadline, row.DrainReason, row.DrainingAt = nil, "", nil
		}
	case statestore.NodeDraining:
		row.DrainingAt = &now
	case statestore.NodeStopping:
		row.DrainingAt, row.DrainDeadline, row.DrainReason = nil, nil, ""
	}
	if to != statestore.NodeRunning {
		row.Pool = ""
	}
	if to != statestore.NodeLaunching {
		row.LaunchRequest = nil
	}
}

func (s storeOf) Reported(_ context.Context, at map[string]time.Time) error {
	if s.away() {
		return statestore.ErrUnavailable
	}
	for id, when := range at {
		if row := s.rows[id]; row != nil && (row.LastReportAt == nil || row.LastReportAt.Before(when)) {
			row.LastReportAt = &when
		}
	}
	return nil
}

func (s storeOf) NoFuture(_ context.Context, term statestore.Term) (n int64, err error) {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return 0, err
	}
	now := s.w.now
	for _, row := range s.living() {
		if row.DrainingAt != nil && row.DrainingAt.After(now) {
			deadline := now.Add(row.DrainDeadline.Sub(*row.DrainingAt))
			row.DrainDeadline = &deadline
		}
		for _, at := range []*time.Time{&row.StateSince, &row.RequestedAt, row.LaunchedAt, row.DrainingAt, row.LastReportAt} {
			if at != nil && at.After(now) {
				*at = now
				n++
			}
		}
	}
	return n, nil
}

func (s storeOf) Memory(context.Context, string) (json.RawMessage, error) {
	if s.away() {
		return nil, statestore.ErrUnavailable
	}
	return s.memory, nil
}

func (s storeOf) SetMemory(_ context.Context, term statestore.Term, _ string, memory json.RawMessage) error {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return err
	}
	s.memory = memory
	return nil
}

func (s storeOf) AppendDecision(_ context.Context, term statestore.Term, d statestore.Decision) (statestore.Decision, error) {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return d, err
	}
	var plan policy.Plan
	if err := json.Unmarshal(d.Plan, &plan); err != nil || len(plan.Reasons) == 0 {
		s.w.fault("a decision without reasons: %s, %v", d.Plan, err)
	}
	switch {
	case d.Snapshot != nil:
		s.snapshot = d.Snapshot
		if s.w.rng.IntN(5) == 0 {
			s.w.check.replay(d)
		}
	case s.decision == nil || s.decision.CollapseKey != d.CollapseKey || s.decision.Kind != statestore.DecisionNoop || d.Kind != statestore.DecisionNoop:
		s.w.meet("unfolded")
		return d, statestore.ErrUnfolded
	}
	if len(plan.Actions) > 0 {
		s.w.tell("decision: %s", plan.Explain())
	}
	s.made++
	d.ID = fmt.Sprint("d", s.made)
	s.decision = &d
	if len(plan.Actions) > 0 {
		s.acted[d.ID] = &d
	}
	s.m.touch()
	return d, nil
}

func (s storeOf) SetResult(_ context.Context, term statestore.Term, id string, raw json.RawMessage) error {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return err
	}
	if d := s.acted[id]; d != nil {
		d.Result = raw
	}
	s.results = append(s.results, raw)
	return nil
}

func (s storeOf) AmendDecision(_ context.Context, term statestore.Term, id string, change func(*statestore.Decision) error) error {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return err
	}
	d := s.acted[id]
	if d == nil {
		return statestore.ErrNotFound
	}
	if err := change(d); err != nil {
		return err
	}
	if strings.Contains(string(d.Reasons), `"passed_over"`) {
		s.w.meet("told what was passed over")
	}
	s.results = append(s.results, d.Result)
	return nil
}

func (s storeOf) OpenConditions(context.Context) ([]statestore.Condition, error) {
	var rows []statestore.Condition
	for _, c := range s.open {
		rows = append(rows, c)
	}
	return rows, nil
}

func (s storeOf) RaiseCondition(_ context.Context, term statestore.Term, c statestore.Condition) error {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return err
	}
	if c.Text == "" || c.Next == "" {
		s.w.fault("condition %s says too little: %+v", c.Kind, c)
	}
	now := s.w.now
	key := c.Kind + "/" + c.Subject
	if old, open := s.open[key]; open {
		c.Since = old.Since
	} else {
		c.Since = now
		s.w.tell("condition %s opens: %s", key, c.Text)
		s.w.meet(c.Kind)
	}
	c.SeenAt = now
	s.open[key] = c
	return nil
}

func (s storeOf) ClearCondition(_ context.Context, term statestore.Term, _, kind, subject string) error {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return err
	}
	s.w.tell("condition %s/%s closes", kind, subject)
	delete(s.open, kind+"/"+subject)
	return nil
}

func (s storeOf) PutLoad(_ context.Context, term statestore.Term, c statestore.LoadChunk) error {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return err
	}
	s.w.meet("load stored")
	for i, old := range s.loads {
		if old.At.Equal(c.At) {
			s.loads[i] = c
			return nil
		}
	}
	s.loads = append(s.loads, c)
	return nil
}

func (s storeOf) Loads(_ context.Context, _ string, from, to time.Time) ([]statestore.LoadChunk, error) {
	var found []statestore.LoadChunk
	for _, c := range s.loads {
		if !c.Until.Before(from) && c.At.Before(to) {
			found = append(found, c)
		}
	}
	return found, nil
}

func (s storeOf) PutForecast(_ context.Context, term statestore.Term, _ string, data []byte) error {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return err
	}
	s.forecast = data
	return nil
}

func (s storeOf) Forecast(context.Context, string) ([]byte, error) {
	if s.away() {
		return nil, statestore.ErrUnavailable
	}
	if s.forecast == nil {
		return nil, statestore.ErrNotFound
	}
	return s.forecast, nil
}

func (s storeOf) Forget(context.Context, time.Time, time.Time) error { return nil }
