package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/godwit/godwit/statestore"
)

// store keeps rows as the real one does: fenced, and by compare-and-set. Its
// lock is the history's.
type store struct {
	h         *history
	term      statestore.Term
	cluster   statestore.Cluster
	template  statestore.Template
	policy    statestore.PolicyVersion
	memory    json.RawMessage
	rows      map[string]*statestore.Node
	open      map[string]statestore.Condition
	decisions map[string]*statestore.Decision
	steps     int // reads of all clusters: each is a step
}

func (s *store) living() []*statestore.Node {
	var rows []*statestore.Node
	for _, id := range slices.Sorted(maps.Keys(s.rows)) {
		if s.rows[id].State != statestore.NodeTerminated {
			rows = append(rows, s.rows[id])
		}
	}
	return rows
}

var errDead = errors.New("this manager is dead")

// storeOf is the store as one manager reaches it.
type storeOf struct {
	*store
	m *manager
}

// write makes a fenced change, unless the manager dies before it; when it dies
// after it, it does not hear of it.
func (s storeOf) write(term statestore.Term, f func() error) error {
	if s.m.touch() {
		return errDead
	}
	s.h.mutex.Lock()
	err := fmt.Errorf("term %d: %w", term, statestore.ErrFenced)
	if term == s.term {
		err = f()
	}
	s.h.mutex.Unlock()
	if s.m.touch() {
		return errDead
	}
	return err
}

func (s storeOf) read(f func()) error {
	s.h.mutex.Lock()
	defer s.h.mutex.Unlock()
	if s.m.dead {
		return errDead
	}
	f()
	return nil
}

func (s storeOf) Clusters(context.Context) (list []statestore.Cluster, err error) {
	err = s.read(func() { s.steps++; list = []statestore.Cluster{s.cluster} })
	return list, err
}

func (s storeOf) Cluster(context.Context, string) (c statestore.Cluster, err error) {
	err = s.read(func() { c = s.cluster })
	return c, err
}

func (s storeOf) Template(context.Context, string) (t statestore.Template, err error) {
	err = s.read(func() { t = s.template })
	return t, err
}

func (s storeOf) Policy(context.Context, string) (p statestore.PolicyVersion, err error) {
	err = s.read(func() { p = s.policy })
	return p, err
}

func (s storeOf) LiveNodes(context.Context, string) (rows []statestore.Node, err error) {
	err = s.read(func() {
		for _, row := range s.living() {
			rows = append(rows, *row)
		}
	})
	return rows, err
}

func (s storeOf) CreateNodes(_ context.Context, term statestore.Term, like statestore.Node, count int, why string) (made []statestore.Node, err error) {
	err = s.write(term, func() error {
		now := time.Now().UTC()
		for range count {
			n := like
			n.ID = fmt.Sprintf("n%03d", len(s.rows)+1)
			n.Name, n.LaunchToken = n.ID, "token-"+n.ID
			n.State, n.StateSince, n.RequestedAt = statestore.NodeRequested, now, now
			row := n
			s.rows[n.ID] = &row
			s.h.tell("%s is requested: %s", n.ID, why)
			made = append(made, n)
		}
		s.h.limits()
		return nil
	})
	return made, err
}

func (s storeOf) MoveNode(_ context.Context, term statestore.Term, id string, from []statestore.NodeState, to statestore.NodeState, why string, change func(*statestore.Node)) (row statestore.Node, err error) {
	err = s.write(term, func() (err error) {
		row, err = s.move(statestore.Transition{ID: id, From: from, To: to, Why: why, Change: change})
		return err
	})
	return row, err
}

func (s storeOf) MoveNodes(_ context.Context, term statestore.Term, moves []statestore.Transition) (map[string]statestore.Node, error) {
	rows := map[string]statestore.Node{}
	err := s.write(term, func() error {
		for _, m := range moves {
			if row, err := s.move(m); err == nil {
				rows[m.ID] = row
			}
		}
		return nil
	})
	return rows, err
}

// move mirrors the real store's compare-and-set, and its times.
func (s *store) move(m statestore.Transition) (statestore.Node, error) {
	old, ok := s.rows[m.ID]
	if !ok {
		return statestore.Node{}, statestore.ErrNotFound
	}
	if !slices.Contains(m.From, old.State) || old.State == statestore.NodeTerminated {
		return statestore.Node{}, &statestore.StateError{Object: m.ID, Found: string(old.State)}
	}
	row, now := *old, time.Now().UTC()
	if m.Change != nil {
		m.Change(&row)
	}
	if m.To != old.State {
		row.State, row.StateSince = m.To, now
		switch m.To {
		case statestore.NodeLaunching:
			row.LaunchedAt = &now
		case statestore.NodeRunning:
			row.DrainDeadline, row.DrainReason, row.DrainingAt = nil, "", nil
		case statestore.NodeDraining:
			row.DrainingAt = &now
		case statestore.NodeStopping:
			row.DrainDeadline, row.DrainReason, row.DrainingAt = nil, "", nil
		case statestore.NodeTerminated:
			row.TerminatedAt = &now
		case statestore.NodeRequested, statestore.NodeBooting, statestore.NodeTerminating, statestore.NodeStopped,
			statestore.NodeStarting, statestore.NodeFailed, statestore.NodeLost:
		}
		if old.State == statestore.NodeStopped && m.To == statestore.NodeTerminating {
			s.h.rested[m.ID] = true
		}
		if m.To != statestore.NodeRunning {
			row.Pool = ""
		}
		if m.To != statestore.NodeLaunching {
			row.LaunchRequest = nil
		}
		s.h.tell("%s %s → %s: %s", m.ID, old.State, m.To, m.Why)
	}
	*old = row
	return row, nil
}

func (s storeOf) Reported(_ context.Context, at map[string]time.Time) error {
	return s.read(func() {
		for id, when := range at {
			if row := s.rows[id]; row != nil && (row.LastReportAt == nil || row.LastReportAt.Before(when)) {
				row.LastReportAt = &when
			}
		}
	})
}

func (s storeOf) NoFuture(_ context.Context, term statestore.Term) (int64, error) {
	return 0, s.write(term, func() error { return nil }) // one clock for all
}

func (s storeOf) Memory(context.Context, string) (memory json.RawMessage, err error) {
	err = s.read(func() { memory = s.memory })
	return memory, err
}

func (s storeOf) SetMemory(_ context.Context, term statestore.Term, _ string, memory json.RawMessage) error {
	return s.write(term, func() error { s.memory = memory; return nil })
}

func (s storeOf) AppendDecision(_ context.Context, term statestore.Term, d statestore.Decision) (statestore.Decision, error) {
	err := s.write(term, func() error {
		if d.Snapshot == nil {
			return statestore.ErrUnfolded
		}
		d.ID = fmt.Sprintf("d%d", len(s.decisions)+1)
		kept := d
		s.decisions[d.ID] = &kept
		return nil
	})
	return d, err
}

func (s storeOf) SetResult(ctx context.Context, term statestore.Term, id string, result json.RawMessage) error {
	return s.AmendDecision(ctx, term, id, func(d *statestore.Decision) error { d.Result = result; return nil })
}

func (s storeOf) AmendDecision(_ context.Context, term statestore.Term, id string, change func(*statestore.Decision) error) error {
	return s.write(term, func() error {
		if d := s.decisions[id]; d != nil {
			return change(d)
		}
		return statestore.ErrNotFound
	})
}

func (s storeOf) OpenConditions(context.Context) (rows []statestore.Condition, err error) {
	err = s.read(func() { rows = slices.Collect(maps.Values(s.open)) })
	return rows, err
}

func (s storeOf) RaiseCondition(_ context.Context, term statestore.Term, c statestore.Condition) error {
	return s.write(term, func() error {
		key := c.Kind + "/" + c.Subject
		old, known := s.open[key]
		if c.Since = time.Now().UTC(); known {
			c.Since = old.Since
		} else {
			s.h.tell("condition %s: %s", key, c.Text)
			s.h.meet0("condition " + c.Kind)
		}
		s.open[key] = c
		return nil
	})
}

func (s storeOf) ClearCondition(_ context.Context, term statestore.Term, _, kind, subject string) error {
	return s.write(term, func() error { delete(s.open, kind+"/"+subject); return nil })
}

func (s storeOf) PutLoad(context.Context, statestore.Term, statestore.LoadChunk) error { return nil }

func (s storeOf) Loads(context.Context, string, time.Time, time.Time) ([]statestore.LoadChunk, error) {
	return nil, nil
}

func (s storeOf) PutForecast(context.Context, statestore.Term, string, []byte) error { return nil }

func (s storeOf) Forecast(context.Context, string) ([]byte, error) {
	return nil, statestore.ErrNotFound
}

func (s storeOf) Forget(context.Context, time.Time, time.Time) error { return nil }

// Nobody rolls a version out in these histories: the cluster's own simulation has
// those.

func (s storeOf) TemplateVersion(_ context.Context, id string, version int64) (v statestore.TemplateVersion, err error) {
	err = s.read(func() { v = statestore.TemplateVersion{TemplateID: id, Version: version, Spec: s.template.Spec} })
	return v, err
}

func (s storeOf) Rollout(context.Context, string) (statestore.Rollout, error) {
	return statestore.Rollout{}, statestore.ErrNotFound
}

func (s storeOf) BeginRollout(_ context.Context, _ statestore.Term, r statestore.Rollout, _, _ string) (statestore.Rollout, error) {
	return r, errors.New("nobody wants a rollout")
}

func (s storeOf) AdvanceRollout(_ context.Context, _ statestore.Term, r statestore.Rollout) (statestore.Rollout, error) {
	return r, statestore.ErrNotFound
}

func (s storeOf) RolloutFailures(context.Context, string, int64) ([]statestore.Failure, error) {
	return nil, nil
}
