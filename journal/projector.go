package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/journal/stream"
	"github.com/godwit/godwit/statestore"
)

const (
	// fetchSize is how many events go into one transaction.
	fetchSize = 256
	// fetchWait is how long a fetch collects when little comes.
	fetchWait = 2 * time.Second
)

// project files events in stream order until ctx ends. One batch at a time: order holds, and what is not filed is not acknowledged.
func (j *Journal) project(ctx context.Context) {
	for ctx.Err() == nil {
		msgs, err := j.fetch(ctx)
		if err != nil {
			j.Log.Warn("journal: fetch failed, will try again", "error", err)
			pause(ctx, time.Second)
			continue
		}
		for len(msgs) > 0 && ctx.Err() == nil {
			if err := j.file(ctx, msgs); err != nil {
				j.Log.Warn("journal: events not filed, will try again", "events", len(msgs), "error", err)
				pause(ctx, time.Second)
				continue
			}
			break
		}
	}
}

func (j *Journal) fetch(ctx context.Context) ([]jetstream.Msg, error) {
	// First what is there, at once; only when there is nothing, wait for the next event: then history is never fetchWait behind.
	batch, err := j.consumer.FetchNoWait(fetchSize)
	if err != nil {
		return nil, err
	}
	var msgs []jetstream.Msg
	for m := range batch.Messages() {
		msgs = append(msgs, m)
	}
	if len(msgs) > 0 {
		return msgs, nil
	}
	wait, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	one, err := j.consumer.Next(jetstream.FetchContext(wait))
	switch {
	case err == nil:
		return []jetstream.Msg{one}, nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), strings.Contains(err.Error(), "timeout"):
		return nil, nil
	}
	return nil, err
}

// file stores a batch in one transaction and acknowledges it. What cannot be filed however often it is tried is logged and passed over: it must not stop all others.
func (j *Journal) file(ctx context.Context, msgs []jetstream.Msg) error {
	events := make([]event.Event, 0, len(msgs))
	for _, m := range msgs {
		e, err := j.read(ctx, m)
		if err != nil {
			j.Log.Error("journal: event passed over", "subject", m.Subject(), "error", err)
			continue
		}
		events = append(events, e)
	}
	err := j.store(ctx, events)
	if err != nil && !transient(err) && len(events) > 1 {
		// One of them is the culprit: find it.
		for _, e := range events {
			if err = j.store(ctx, []event.Event{e}); err != nil && transient(err) {
				return err
			} else if err != nil {
				j.Log.Error("journal: event passed over", "id", e.ID, "kind", e.Kind, "node", e.Node, "error", err)
			}
		}
		err = nil
	}
	if err != nil && transient(err) {
		return err
	}
	if err != nil {
		j.Log.Error("journal: event passed over", "id", events[0].ID, "kind", events[0].Kind, "node", events[0].Node, "error", err)
	}
	if err := msgs[len(msgs)-1].DoubleAck(ctx); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

// read parses an event and completes it from what the manager knows. The node comes from the subject, which the node's certificate allows; what the event claims is overruled.
func (j *Journal) read(ctx context.Context, m jetstream.Msg) (event.Event, error) {
	e, err := event.Parse(m.Data(), j.Now())
	if err != nil {
		return e, err
	}
	parts := strings.SplitN(m.Subject(), ".", 3)
	if len(parts) != 3 || parts[0] != "ev" {
		return e, fmt.Errorf("subject %q is malformed", m.Subject())
	}
	if parts[1] != stream.Manager {
		if strings.HasPrefix(e.Kind, "alert.") {
			return e, fmt.Errorf("node %s claims an alert", parts[1])
		}
		e.Node = parts[1]
		e.Cluster, err = j.clusterOf(ctx, e.Node)
	}
	return e, err
}

func (j *Journal) clusterOf(ctx context.Context, node string) (string, error) {
	if c, ok := j.clusters.Load(node); ok {
		return c.(string), nil // only strings are stored
	}
	n, err := j.Store.Nodes.Get(ctx, node)
	if errors.Is(err, statestore.ErrNotFound) || transient(err) {
		return "", nil // the row is gone or out of reach; the event still counts
	}
	if err != nil {
		return "", err
	}
	j.clusters.Store(node, n.ClusterID)
	return n.ClusterID, nil
}

// store files events in one transaction: all into the journal's history, and those that were new in it into the history of transfers.
func (j *Journal) store(ctx context.Context, events []event.Event) error {
	if len(events) == 0 {
		return nil
	}
	rows := make([]statestore.JournalEvent, len(events))
	for i, e := range events {
		rows[i] = statestore.JournalEvent{
			ID: e.ID, At: e.At, Kind: e.Kind, ClusterID: e.Cluster, NodeID: e.Node, TransferID: e.Transfer,
			SessionID: e.Session, AccessKeyID: e.AccessKey, Payload: e.Data,
		}
	}
	return j.Store.Tx(ctx, func(t *statestore.Tables) error {
		ids, err := t.Journal.Append(ctx, rows)
		if err != nil {
			return err
		}
		fresh := make(map[string]bool, len(ids))
		for _, id := range ids {
			fresh[id] = true
		}
		for _, e := range latest(events, fresh) {
			if err := j.apply(ctx, t, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// latest picks, in order, the session events that matter: counters are absolute, so the last of each session stands for those before it.
func latest(events []event.Event, fresh map[string]bool) []event.Event {
	type key struct{ transfer, session string }
	last := map[key]int{}
	isSession := func(e event.Event) bool {
		return e.Kind == event.SessionStarted || e.Kind == event.SessionProgress || e.Kind == event.SessionEnded
	}
	for i, e := range events {
		if fresh[e.ID] && isSession(e) {
			last[key{e.Transfer, e.Session}] = i
		}
	}
	var out []event.Event
	for i, e := range events {
		if fresh[e.ID] && isSession(e) && last[key{e.Transfer, e.Session}] == i {
			out = append(out, e)
		}
	}
	return out
}

// apply brings the history of transfers up to a session event.
func (j *Journal) apply(ctx context.Context, t *statestore.Tables, e event.Event) error {
	var s event.Session
	if err := json.Unmarshal(e.Data, &s); err != nil {
		return fmt.Errorf("event %s: %w", e.ID, err)
	}
	if e.Transfer == "" || e.Session == "" {
		return nil
	}
	if _, err := statestore.IDTime(e.Transfer); err != nil {
		return nil // a session that no manager arranged, with an id of its own making: the journal's history has it
	}
	row := sessionRow(e, s)
	err := t.Transfers.RecordSession(ctx, row)
	if errors.Is(err, statestore.ErrNotFound) {
		// An access key went straight to the node: history knows of the transfer from here on.
		if _, err = t.Transfers.Create(ctx, statestore.Transfer{
			ID: e.Transfer, AccessKeyID: e.AccessKey, ClusterID: e.Cluster, Direction: direction(s.Direction),
			Paths: s.Paths, ClientAddr: s.Peer, BytesTotal: s.BytesTotal, FilesTotal: s.FilesTotal,
		}); err == nil {
			err = t.Transfers.RecordSession(ctx, row)
		}
	}
	if err != nil || e.Kind != event.SessionEnded || s.Code != "" || s.Moved {
		return err
	}
	return finish(ctx, t, e.Transfer, s)
}

// finish ends a transfer whose client completed its session while no other session of it is open (stripes end on their own).
func finish(ctx context.Context, t *statestore.Tables, id string, s event.Session) error {
	all, err := t.Transfers.Sessions(ctx, id)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.EndedAt == nil {
			return nil
		}
	}
	_, err = t.Transfers.Transition(ctx, id, []statestore.TransferState{statestore.TransferCreated, statestore.TransferRunning},
		statestore.TransferDone, func(r *statestore.Transfer) {
			r.BytesTotal, r.FilesTotal = max(r.BytesTotal, s.BytesTotal), max(r.FilesTotal, s.FilesTotal)
		})
	if errors.Is(err, statestore.ErrState) {
		return nil // ended otherwise meanwhile, by a person for example: that stays
	}
	return err
}

func sessionRow(e event.Event, s event.Session) statestore.TransferSession {
	row := statestore.TransferSession{
		ID: e.Session, TransferID: e.Transfer, NodeID: e.Node, StartedAt: s.StartedAt, Bytes: s.Bytes, Files: s.Files, ClientAddr: s.Peer,
	}
	if row.StartedAt.IsZero() {
		row.StartedAt = e.At
	}
	if e.Kind == event.SessionEnded {
		end := s.EndedAt
		if end.IsZero() {
			end = e.At
		}
		row.EndedAt, row.ErrorText, row.EndReason = &end, s.Message, s.Code
		switch {
		case s.Moved:
			row.EndReason = "moved"
		case s.Code == "":
			row.EndReason, row.ErrorText = "done", ""
		}
	}
	return row
}

func direction(s string) statestore.Direction {
	if s == "pull" {
		return statestore.DirectionReceive
	}
	return statestore.DirectionSend
}
