package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/journal/stream"
	"github.com/godwit/godwit/statestore"
)

func history(t *testing.T, m *fleettest.Manager, f statestore.JournalFilter) []statestore.JournalEvent {
	t.Helper()
	var out []statestore.JournalEvent
	p := statestore.Page{Limit: 1000}
	for {
		l, err := m.Store.Journal.List(t.Context(), f, p)
		fleettest.Must(t, err)
		out = append(out, l.Items...)
		if l.Next == "" {
			return out
		}
		p.Cursor = l.Next
	}
}

func some(n int, node string) []event.Event {
	out := make([]event.Event, n)
	for i := range out {
		out[i] = event.New("node.test", time.Now(), map[string]int{"n": i})
		out[i].Node = node
	}
	return out
}

func TestEachEventIsFiledOnceAcrossRestartsAndRepeats(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	ctx := t.Context()
	first, second, third := some(450, id.NodeID), some(120, id.NodeID), some(30, id.NodeID)
	l := m.Link(id, nil)
	fleettest.Must(t, l.Publish(ctx, first))
	m.Restart() // perhaps in the middle of filing
	l = m.Link(id, nil)
	// The answer to the first was lost: it comes again, the tail of it in a batch with new ones.
	fleettest.Must(t, l.Publish(ctx, append(slices.Clone(first[400:]), second...)))
	fleettest.Must(t, l.Publish(ctx, first))
	m.Restart()
	l = m.Link(id, nil)
	fleettest.Must(t, l.Publish(ctx, third))
	want := len(first) + len(second) + len(third)
	filter := statestore.JournalFilter{NodeID: id.NodeID, Kinds: []string{"node.test"}}
	fleettest.Eventually(t, "all events filed", func() bool { return len(history(t, m, filter)) >= want })
	seen := map[string]int{}
	for _, e := range history(t, m, filter) {
		seen[e.ID]++
		if e.ClusterID != m.Cluster.ID {
			t.Fatalf("event %s filed under cluster %q", e.ID, e.ClusterID)
		}
	}
	if len(seen) != want {
		t.Errorf("%d distinct events filed, want %d", len(seen), want)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("event %s filed %d times", id, n)
		}
	}
}

func TestBatchIsStoredWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	l := m.Link(id, nil)
	events := some(20, id.NodeID)
	events[19].Kind = "not allowed.by the stream\x00" // breaks the subject of the last
	if err := l.Publish(t.Context(), events); err == nil {
		t.Fatal("a batch with a broken event was taken")
	}
	marker := some(1, id.NodeID)
	fleettest.Must(t, l.Publish(t.Context(), marker))
	fleettest.Eventually(t, "marker filed", func() bool { return len(history(t, m, statestore.JournalFilter{NodeID: id.NodeID})) > 0 })
	if got := history(t, m, statestore.JournalFilter{NodeID: id.NodeID}); len(got) != 1 {
		t.Errorf("%d events filed, want the marker only", len(got))
	}
}

func TestEventsThatCannotBeFiledDoNotStopOthers(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	l := m.Link(id, nil)
	future := event.New("node.test", time.Now().Add(240*time.Hour), nil)
	alert := event.New(event.AlertJoinReused, time.Now(), event.Alert{Text: "forged"})
	odd := event.New("node.test", time.Now(), nil)
	odd.ID = "no-ulid"
	liar := event.New("node.test", time.Now(), nil)
	liar.Node = "somebody-else"
	session := event.New(event.SessionEnded, time.Now(), "not a session")
	session.Transfer, session.Session = statestore.NewID(), "s"
	for _, e := range append([]event.Event{future, alert, odd, session, liar}, some(1, id.NodeID)...) {
		fleettest.Must(t, l.Publish(t.Context(), []event.Event{e}))
	}
	fleettest.Eventually(t, "good events filed", func() bool { return len(history(t, m, statestore.JournalFilter{NodeID: id.NodeID})) >= 2 })
	for _, e := range history(t, m, statestore.JournalFilter{}) {
		if e.ID == future.ID || e.ID == alert.ID || e.NodeID == "somebody-else" {
			t.Errorf("filed: %+v", e)
		}
	}
}

func begun(t *testing.T, m *fleettest.Manager) statestore.Transfer {
	t.Helper()
	tr, err := m.Store.Transfers.Create(t.Context(), statestore.Transfer{AccessKeyID: "k", ClusterID: m.Cluster.ID, Direction: statestore.DirectionSend, Paths: []string{"a"}})
	fleettest.Must(t, err)
	return tr
}

// reader reads a transfer's row as it is at each call.
func reader(t *testing.T, m *fleettest.Manager, id string) func() statestore.Transfer {
	return func() statestore.Transfer {
		t.Helper()
		got, err := m.Store.Transfers.Get(t.Context(), id)
		fleettest.Must(t, err)
		return got
	}
}

// started is session s1 of a transfer, as the node that begins it tells the manager.
func started(t *testing.T, m *fleettest.Manager, node *join.Identity, transfer string, at time.Time) {
	t.Helper()
	fleettest.Must(t, m.Link(node, nil).Publish(t.Context(), []event.Event{
		step(event.SessionStarted, transfer, "s1", event.Session{Direction: "push", StartedAt: at}),
	}))
}

func step(kind string, transfer, session string, s event.Session) event.Event {
	e := event.New(kind, time.Now(), s)
	e.Transfer, e.Session, e.AccessKey = transfer, session, "k"
	return e
}

func TestSessionsMakeTheHistoryOfATransferThatMoved(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	a, b := m.Joined(), m.Joined()
	la, lb := m.Link(a, nil), m.Link(b, nil)
	tr := begun(t, m)
	ctx, now := t.Context(), time.Now().UTC()
	fleettest.Must(t, la.Publish(ctx, []event.Event{
		step(event.SessionStarted, tr.ID, "s1", event.Session{Direction: "push", StartedAt: now}),
		step(event.SessionProgress, tr.ID, "s1", event.Session{Direction: "push", StartedAt: now, Bytes: 50}),
		step(event.SessionEnded, tr.ID, "s1", event.Session{Direction: "push", StartedAt: now, EndedAt: now.Add(time.Second), Bytes: 60, Files: 1, Moved: true, Code: "moved"}),
	}))
	get := reader(t, m, tr.ID)
	fleettest.Eventually(t, "first session filed", func() bool { return get().Bytes == 60 })
	if got := get(); got.State != statestore.TransferRunning {
		t.Errorf("a transfer whose session moved is %s", got.State)
	}
	fleettest.Must(t, lb.Publish(ctx, []event.Event{
		step(event.SessionStarted, tr.ID, "s2", event.Session{Direction: "push", StartedAt: now.Add(2 * time.Second)}),
		step(event.SessionEnded, tr.ID, "s2", event.Session{
			Direction: "push", StartedAt: now.Add(2 * time.Second), EndedAt: now.Add(3 * time.Second), Bytes: 40, BytesTotal: 100, Files: 2, FilesTotal: 3,
		}),
	}))
	fleettest.Eventually(t, "transfer done", func() bool { return get().State == statestore.TransferDone })
	if got := get(); got.Bytes != 100 || got.Files != 3 || got.Sessions != 2 || got.Moved != 1 {
		t.Errorf("history: %+v", got)
	}
}

func TestATransferIsDoneThoughItsFirstNodeDiedWithoutAWord(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	a, b := m.Joined(), m.Joined()
	tr := begun(t, m)
	ctx, now := t.Context(), time.Now().UTC()
	started(t, m, a, tr.ID, now)
	get := reader(t, m, tr.ID)
	fleettest.Eventually(t, "first session filed", func() bool { return get().Sessions == 1 })
	fleettest.Must(t, m.Link(b, nil).Publish(ctx, []event.Event{
		step(event.SessionEnded, tr.ID, "s2", event.Session{Direction: "push", StartedAt: now.Add(time.Second), EndedAt: now.Add(2 * time.Second), Files: 1}),
	}))
	fleettest.Eventually(t, "transfer done", func() bool { return get().State == statestore.TransferDone })
	sessions, err := m.Store.Transfers.Sessions(ctx, tr.ID)
	fleettest.Must(t, err)
	if len(sessions) != 2 || sessions[0].EndedAt == nil || sessions[0].EndReason != "lost" {
		t.Errorf("the session of the dead node is still open: %+v", sessions)
	}
}

func TestWhatADeadNodeHadReportedCountsInItsTransfer(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	a, b := m.Joined(), m.Joined()
	tr := begun(t, m)
	ctx, now := t.Context(), time.Now().UTC()
	started(t, m, a, tr.ID, now)
	fleettest.Must(t, m.Link(b, nil).Publish(ctx, []event.Event{
		step(event.SessionEnded, tr.ID, "s2", event.Session{Direction: "push", StartedAt: now.Add(time.Second), EndedAt: now.Add(2 * time.Second), Bytes: 140, BytesTotal: 209, Files: 1}),
	}))
	get := reader(t, m, tr.ID)
	fleettest.Eventually(t, "transfer done", func() bool { return get().State == statestore.TransferDone })
	// The node falls silent after that: its sessions are lost only now.
	j, err := journal.Open(ctx, journal.Config{
		Store: m.Store, Conn: m.Fleet.Conn(), JetStream: m.Fleet.JetStream(), Log: m.Log,
		Lost: func() []journal.LastWord {
			return []journal.LastWord{
				{Transfer: tr.ID, Session: "s1", Bytes: 68, Files: 2}, {Transfer: tr.ID, Session: "s2", Bytes: 3},
				{Transfer: tr.ID, Session: "never begun", Bytes: 7}, {Transfer: "made up", Session: "s", Bytes: 7},
			}
		},
	})
	fleettest.Must(t, err)
	run, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); j.Run(run) }()
	fleettest.Eventually(t, "lost session counted", func() bool { return get().Bytes == 208 && get().Files == 3 })
	cancel()
	<-done
	sessions, err := m.Store.Transfers.Sessions(ctx, tr.ID)
	fleettest.Must(t, err)
	if len(sessions) != 2 || sessions[0].Bytes != 68 || sessions[0].EndReason != "lost" || sessions[1].Bytes != 140 {
		t.Errorf("%+v", sessions)
	}
}

func TestSessionOfAnAccessKeyMakesItsTransferKnown(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	transfer := statestore.NewID()
	fleettest.Must(t, m.Link(id, nil).Publish(t.Context(), []event.Event{
		step(event.SessionStarted, transfer, "s1", event.Session{Direction: "pull", StartedAt: time.Now(), Paths: []string{"x"}}),
	}))
	fleettest.Eventually(t, "transfer known", func() bool {
		got, err := m.Store.Transfers.Get(t.Context(), transfer)
		return err == nil && got.State == statestore.TransferRunning && got.Direction == statestore.DirectionReceive && got.AccessKeyID == "k"
	})
}

func TestSessionsOfALostNodeEndAndTheirTransferFailsInTheEnd(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	id := m.Joined()
	tr := begun(t, m)
	fleettest.Must(t, m.Store.Transfers.RecordSession(t.Context(), statestore.TransferSession{ID: "s", TransferID: tr.ID, NodeID: id.NodeID, StartedAt: time.Now()}))
	m.Move(id.NodeID, statestore.NodeLost)
	// A journal of its own whose clock is ahead: long enough for a node's last words, then long enough for the client to come back.
	run := func(ahead time.Duration, until func(statestore.Transfer, []statestore.TransferSession) bool) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		j, err := journal.Open(ctx, journal.Config{
			Store: m.Store, Conn: m.Fleet.Conn(), JetStream: m.Fleet.JetStream(), Log: m.Log, Now: func() time.Time { return time.Now().Add(ahead) },
		})
		fleettest.Must(t, err)
		done := make(chan struct{})
		go func() { defer close(done); j.Run(ctx) }()
		fleettest.Eventually(t, fmt.Sprintf("settled after %s", ahead), func() bool {
			got, err := m.Store.Transfers.Get(ctx, tr.ID)
			fleettest.Must(t, err)
			sessions, err := m.Store.Transfers.Sessions(ctx, tr.ID)
			fleettest.Must(t, err)
			return until(got, sessions)
		})
		cancel()
		<-done
	}
	run(time.Minute, func(got statestore.Transfer, s []statestore.TransferSession) bool {
		return s[0].EndedAt != nil && s[0].EndReason == "node lost" && got.State == statestore.TransferRunning
	})
	run(time.Hour, func(got statestore.Transfer, _ []statestore.TransferSession) bool {
		return got.State == statestore.TransferFailed
	})
}

func TestOutboxIsRelayedOnceCommitted(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	ctx := t.Context()
	kept, undone := event.New("policy.changed", time.Now(), map[string]int{"version": 2}), event.New("policy.changed", time.Now(), nil)
	fleettest.Must(t, m.Store.Tx(ctx, func(tx *statestore.Tables) error { return journal.Enqueue(ctx, tx, kept) }))
	_ = m.Store.Tx(ctx, func(tx *statestore.Tables) error {
		fleettest.Must(t, journal.Enqueue(ctx, tx, undone))
		return context.Canceled
	})
	filter := statestore.JournalFilter{Kinds: []string{"policy.changed"}}
	fleettest.Eventually(t, "outbox relayed", func() bool { return len(history(t, m, filter)) > 0 })
	got := history(t, m, filter)
	var payload map[string]int
	fleettest.Must(t, json.Unmarshal(got[0].Payload, &payload))
	if len(got) != 1 || got[0].ID != kept.ID || payload["version"] != 2 {
		t.Errorf("filed %+v", got)
	}
	fleettest.Eventually(t, "row marked sent", func() bool {
		rows, err := m.Store.Outbox.Pending(ctx, 10)
		fleettest.Must(t, err)
		return len(rows) == 0
	})
}

func TestManagersRecordIsFiled(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	fleettest.Must(t, m.Journal.Record(t.Context(), event.New(event.AlertJoinReused, time.Now(), event.Alert{Text: "x"})))
	fleettest.Eventually(t, "alert filed", func() bool {
		return len(history(t, m, statestore.JournalFilter{Kinds: []string{event.AlertJoinReused}})) == 1
	})
	if stream.Subject(stream.Manager, "a.b") != "ev.manager.a.b" {
		t.Error("subject of managers changed: permissions and consumers depend on it")
	}
}
