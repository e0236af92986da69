package statestore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

const oneDay = 24 * time.Hour

func newTransfer(t *testing.T, s *statestore.Store, key string) statestore.Transfer {
	t.Helper()
	return must(s.Transfers.Create(t.Context(), statestore.Transfer{
		AccessKeyID: key, ClusterID: "c", Direction: statestore.DirectionSend, Paths: []string{"a", "b"},
		Limits: raw(`{"rate": 1}`), ExpiresAt: pointer(s.Now().Add(time.Hour)),
	}))(t)
}

func record(t *testing.T, s *statestore.Store, r statestore.TransferSession) {
	t.Helper()
	if err := s.Transfers.RecordSession(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func TestTransferLifeCycle(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	tr := newTransfer(t, s, "k")
	wantEqual(t, must(s.Transfers.Get(t.Context(), tr.ID))(t), tr)
	clk.advance(time.Second)
	open := []statestore.TransferState{statestore.TransferCreated, statestore.TransferRunning}
	tr = must(s.Transfers.Transition(t.Context(), tr.ID, open, statestore.TransferRunning, nil))(t)
	clk.advance(time.Second)
	tr = must(s.Transfers.Transition(t.Context(), tr.ID, open, statestore.TransferFailed, func(r *statestore.Transfer) {
		r.ErrorText, r.BytesTotal, r.State = "disk full", 7, statestore.TransferDone
	}))(t)
	if tr.State != statestore.TransferFailed || tr.ErrorText != "disk full" || tr.BytesTotal != 7 || tr.EndedAt.Sub(*tr.StartedAt) != time.Second {
		t.Fatalf("%+v", tr)
	}
	_, err := s.Transfers.Transition(t.Context(), tr.ID, open, statestore.TransferDone, nil)
	wantErr(t, err, statestore.ErrState)
	_, err = s.Transfers.Transition(t.Context(), tr.ID, []statestore.TransferState{statestore.TransferFailed}, statestore.TransferRunning, nil)
	wantErr(t, err, statestore.ErrState)
	for _, id := range []string{"no id", statestore.NewIDAt(clk.Now()), statestore.NewIDAt(clk.Now().Add(-900 * oneDay))} {
		_, err = s.Transfers.Get(t.Context(), id)
		wantErr(t, err, statestore.ErrNotFound)
	}
	_, err = s.Transfers.Create(t.Context(), statestore.Transfer{ID: "mine", Direction: statestore.DirectionSend})
	wantErr(t, err, statestore.ErrInvalid)
}

func TestTransferThatNeverStartsExpires(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	idle, busy := newTransfer(t, s, "k"), newTransfer(t, s, "k")
	record(t, s, statestore.TransferSession{ID: "1", TransferID: busy.ID, NodeID: "n", StartedAt: clk.Now()})
	clk.advance(time.Hour)
	expired := must(s.Transfers.Expire(t.Context()))(t)
	if len(expired) != 1 || expired[0].ID != idle.ID || expired[0].State != statestore.TransferExpired || expired[0].EndedAt == nil {
		t.Fatalf("%+v", expired)
	}
	if open := must(s.Transfers.Open(t.Context(), 0))(t); len(open) != 1 || open[0].ID != busy.ID {
		t.Fatalf("%+v", open)
	}
}

// The projector sees events twice and out of order.
func TestSessionsAddUpInAnyOrder(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	tr := newTransfer(t, s, "k")
	at := s.Now()
	moved := statestore.TransferSession{ID: "1", TransferID: tr.ID, NodeID: "a", StartedAt: at, Bytes: 100, Files: 1, EndedAt: pointer(at.Add(time.Second)), EndReason: "node lost"}
	second := statestore.TransferSession{ID: "2", TransferID: tr.ID, NodeID: "b", StartedAt: at.Add(2 * time.Second), Bytes: 50, Files: 2, ClientAddr: "10.0.0.1"}
	third := statestore.TransferSession{ID: "3", TransferID: tr.ID, NodeID: "b", StartedAt: at.Add(3 * time.Second), Bytes: 5}
	stripe := statestore.TransferSession{ID: "4", TransferID: tr.ID, NodeID: "c", Lane: 1, StartedAt: at.Add(4 * time.Second), Bytes: 1}
	late := moved
	late.EndedAt, late.EndReason, late.Bytes = nil, "", 40
	var wg sync.WaitGroup
	for _, r := range []statestore.TransferSession{stripe, third, moved, second, late, second, moved} {
		wg.Go(func() {
			if err := s.Transfers.RecordSession(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := must(s.Transfers.Get(t.Context(), tr.ID))(t)
	if got.State != statestore.TransferRunning || got.Sessions != 4 || got.Bytes != 156 || got.Files != 3 || got.Moved != 1 ||
		!got.StartedAt.Equal(at) || got.ClientAddr != "10.0.0.1" {
		t.Fatalf("%+v", got)
	}
	sessions := must(s.Transfers.Sessions(t.Context(), tr.ID))(t)
	wantEqual(t, sessions[0], moved)
	if open := must(s.Transfers.OpenSessions(t.Context(), "b"))(t); len(open) != 2 {
		t.Errorf("%+v", open)
	}
	if ends := must(s.Transfers.SessionEnds(t.Context(), at, 10))(t); len(ends) != 1 || ends[0].EndReason != "node lost" {
		t.Errorf("%+v", ends)
	}
	wantErr(t, s.Transfers.RecordSession(t.Context(), statestore.TransferSession{TransferID: statestore.NewID(), StartedAt: at}), statestore.ErrNotFound)
}

func TestTransfersPageNewestFirstOverDays(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	s := storetest.New(t, on(clk))
	var want []string
	for i := range 9 {
		tr := newTransfer(t, s, fmt.Sprint("k", i%2))
		want = append([]string{tr.ID}, want...)
		clk.advance(9 * time.Hour)
	}
	record(t, s, statestore.TransferSession{ID: "1", TransferID: want[4], NodeID: "n", StartedAt: clk.Now()})
	ids := func(f statestore.TransferFilter) (out []string) {
		for _, r := range walk(t, 2, func(p statestore.Page) (statestore.List[statestore.Transfer], error) {
			return s.Transfers.List(t.Context(), f, p)
		}) {
			out = append(out, r.ID)
		}
		return out
	}
	wantEqual(t, ids(statestore.TransferFilter{}), want)
	wantEqual(t, ids(statestore.TransferFilter{AccessKeyID: "k1", ClusterID: "c", Direction: statestore.DirectionSend}), []string{want[1], want[3], want[5], want[7]})
	wantEqual(t, ids(statestore.TransferFilter{NodeID: "n"}), want[4:5])
	wantEqual(t, ids(statestore.TransferFilter{States: []statestore.TransferState{statestore.TransferRunning}}), want[4:5])
	third := must(s.Transfers.Get(t.Context(), want[2]))(t).CreatedAt
	wantEqual(t, ids(statestore.TransferFilter{From: third}), want[:3])
	wantEqual(t, ids(statestore.TransferFilter{To: third}), want[3:])
}

func event(at time.Time, id, kind string) statestore.JournalEvent {
	return statestore.JournalEvent{ID: id, At: at, Kind: kind, NodeID: "n", TransferID: "t", Payload: raw(`{"a": 1}`)}
}

func TestJournalTakesEachEventOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	at := s.Now()
	batch := []statestore.JournalEvent{
		event(at, "e1", "session.started"), event(at, "e2", "session.ended"), event(at.Add(-3*oneDay), "e3", "node.joined"),
	}
	wantEqual(t, len(must(s.Journal.Append(t.Context(), batch))(t)), 3)
	batch = append(batch, event(at.Add(time.Second), "e4", "session.started"))
	wantEqual(t, must(s.Journal.Append(t.Context(), batch))(t), []string{"e4"})
	if got := must(s.Journal.Append(t.Context(), nil))(t); len(got) != 0 {
		t.Errorf("%v", got)
	}
	ids := func(f statestore.JournalFilter) (out []string) {
		for _, e := range walk(t, 1, func(p statestore.Page) (statestore.List[statestore.JournalEvent], error) {
			return s.Journal.List(t.Context(), f, p)
		}) {
			out = append(out, e.ID)
		}
		return out
	}
	wantEqual(t, ids(statestore.JournalFilter{}), []string{"e4", "e2", "e1", "e3"})
	wantEqual(t, ids(statestore.JournalFilter{Kinds: []string{"session.started"}, NodeID: "n", TransferID: "t"}), []string{"e4", "e1"})
	wantEqual(t, ids(statestore.JournalFilter{From: at, To: at.Add(time.Second)}), []string{"e2", "e1"})
	wantEqual(t, ids(statestore.JournalFilter{NodeID: "other"}), nil)
}

// Two projectors that meet at midnight make the same partition.
func TestNewDaysAreMadeByManyAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, func(c *statestore.Config) { c.MaxConns = 8 })
	at := s.Now()
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			err := s.Tx(t.Context(), func(tx *statestore.Tables) error {
				for day := range 3 {
					if _, err := tx.Journal.Append(t.Context(), []statestore.JournalEvent{event(at.Add(time.Duration(day)*oneDay), fmt.Sprint(i), "k")}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if l := must(s.Journal.List(t.Context(), statestore.JournalFilter{}, statestore.Page{}))(t); len(l.Items) != 18 {
		t.Errorf("%d events", len(l.Items))
	}
}

func partitions(t *testing.T, url string) []string {
	t.Helper()
	conn := must(pgx.Connect(t.Context(), url))(t)
	defer conn.Close(context.Background())
	rows := must(conn.Query(t.Context(), `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1`))(t)
	return must(pgx.CollectRows(rows, pgx.RowTo[string]))(t)
}

func TestDaysAreMadeAheadAndDropped(t *testing.T) {
	t.Parallel()
	clk := newFakeClock() // 1 March 2026
	url := storetest.URL(t)
	s := storetest.Open(t, url, on(clk))
	for range 2 {
		if err := s.PrepareDays(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, partitions(t, url), []string{
		"journal_events_20260301", "journal_events_20260302", "transfer_sessions_20260301", "transfer_sessions_20260302",
		"transfers_20260301", "transfers_20260302",
	})
	tr := newTransfer(t, s, "k")
	must(s.Journal.Append(t.Context(), []statestore.JournalEvent{event(clk.Now(), "e", "k")}))(t)
	clk.advance(oneDay)
	end := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	wantEqual(t, must(s.DropDays(t.Context(), end.Add(-time.Second)))(t), 0) // the day had not ended
	wantEqual(t, must(s.DropDays(t.Context(), end))(t), 1)                   // the open transfer keeps its day
	if got := partitions(t, url); strings.Contains(strings.Join(got, " "), "journal_events_20260301") {
		t.Fatalf("%v", got)
	}
	must(s.Transfers.Transition(t.Context(), tr.ID, []statestore.TransferState{statestore.TransferCreated}, statestore.TransferCancelled, nil))(t)
	wantEqual(t, must(s.DropDays(t.Context(), end))(t), 2)
	_, err := s.Transfers.Get(t.Context(), tr.ID)
	wantErr(t, err, statestore.ErrNotFound)
	// An event of that day that comes late still finds a place.
	must(s.Journal.Append(t.Context(), []statestore.JournalEvent{event(end.Add(-time.Hour), "late", "k")}))(t)
}

func TestOutboxIsPartOfTheChangeAndKeepsOrder(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	broken := errors.New("broken")
	add := func(id string, fail error) {
		wantErr(t, s.Tx(t.Context(), func(tx *statestore.Tables) error {
			if err := tx.Outbox.Append(t.Context(), id, "ev.manager", []byte(id)); err != nil {
				return err
			}
			return fail
		}), fail)
	}
	add("a", nil)
	add("never", broken)
	add("b", nil)
	add("c", nil)
	wantErr(t, s.Outbox.Append(t.Context(), "a", "ev.manager", nil), statestore.ErrConflict)
	pending := func(limit int) (ids []string, seqs []int64) {
		for _, e := range must(s.Outbox.Pending(t.Context(), limit))(t) {
			ids, seqs = append(ids, e.ID), append(seqs, e.Seq)
		}
		return ids, seqs
	}
	ids, seqs := pending(2)
	wantEqual(t, ids, []string{"a", "b"})
	if err := s.Outbox.MarkSent(t.Context(), seqs); err != nil {
		t.Fatal(err)
	}
	ids, _ = pending(10)
	wantEqual(t, ids, []string{"c"})
	wantEqual(t, must(s.Outbox.Forget(t.Context(), s.Now().Add(time.Hour)))(t), 2)
}
