package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/journal/stream"
	"github.com/godwit/godwit/statestore"
)

const (
	relayEvery  = 250 * time.Millisecond
	settleEvery = 5 * time.Second
	retireEvery = time.Hour
	// keepSent is how long a relayed outbox row stays, for whoever wonders.
	keepSent = 24 * time.Hour
	// lastWords is how long after a node's end its own account of its sessions may still arrive.
	lastWords = 15 * time.Second
	// daysAhead is how many partitions are made before their day.
	daysAhead = 3
)

// Enqueue puts an event into the outbox. Call it with the tables of the transaction that makes the change.
func Enqueue(ctx context.Context, t *statestore.Tables, e event.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.ID, err)
	}
	return t.Outbox.Append(ctx, e.ID, stream.Subject(stream.Manager, e.Kind), data)
}

// relay publishes the outbox in order. A row that was published and not marked is published again under the same id.
func (j *Journal) relay(ctx context.Context) error {
	for ctx.Err() == nil {
		rows, err := j.Store.Outbox.Pending(ctx, stream.MaxBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		events, seqs := make([]event.Event, 0, len(rows)), make([]int64, 0, len(rows))
		for _, r := range rows {
			seqs = append(seqs, r.Seq)
			e, err := event.Parse(r.Payload, j.Now())
			if err != nil {
				j.Log.Error("journal: outbox row passed over", "id", r.ID, "error", err)
				continue
			}
			events = append(events, e)
		}
		publish, cancel := context.WithTimeout(ctx, 10*time.Second)
		err = stream.Publish(publish, j.Conn, stream.Manager, events)
		cancel()
		if err != nil {
			return err
		}
		if err := j.Store.Outbox.MarkSent(ctx, seqs); err != nil {
			return err
		}
	}
	return nil
}

// settle ends what nobody else will: sessions whose node is gone with its spool, transfers that were never begun, and transfers whose client never came back.
func (j *Journal) settle(ctx context.Context) error {
	if err := j.countLost(ctx); err != nil {
		return err
	}
	if _, err := j.Store.Transfers.Expire(ctx); err != nil {
		return err
	}
	open, err := j.Store.Transfers.Open(ctx, 0)
	if err != nil {
		return err
	}
	for _, t := range open {
		if t.State != statestore.TransferRunning || j.Active(t.ID) {
			continue
		}
		if err := j.settleOne(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// countLost brings the sessions of silent nodes up to what their last reports said. A session that history does not know of yet is tried again.
func (j *Journal) countLost(ctx context.Context) error {
	words := j.Lost()
	had := j.counted
	j.counted = make(map[LastWord]bool, len(words))
	filed := 0
	for _, w := range words {
		if had[w] {
			j.counted[w] = true
			continue
		}
		if filed >= batchSize { // the rest in the next round
			continue
		}
		filed++
		known, err := j.countOne(ctx, w)
		if err != nil {
			return err
		}
		if known {
			j.counted[w] = true
		}
	}
	return nil
}

// countOne tells whether history knows of the session.
func (j *Journal) countOne(ctx context.Context, w LastWord) (bool, error) {
	if _, err := statestore.IDTime(w.Transfer); err != nil {
		return false, nil //nolint:nilerr // an id of a client's making, of which there is no history
	}
	sessions, err := j.Store.Transfers.Sessions(ctx, w.Transfer)
	if err != nil {
		return false, err
	}
	for _, s := range sessions {
		if s.ID != w.Session {
			continue
		}
		if s.Bytes >= w.Bytes && s.Files >= w.Files {
			return true, nil
		}
		s.Bytes, s.Files = w.Bytes, w.Files // counts only grow there
		err := j.Store.Transfers.RecordSession(ctx, s)
		if errors.Is(err, statestore.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	return false, nil
}

func (j *Journal) settleOne(ctx context.Context, t statestore.Transfer) error {
	sessions, err := j.Store.Transfers.Sessions(ctx, t.ID)
	if err != nil || len(sessions) == 0 {
		return err
	}
	var last statestore.TransferSession
	for _, s := range sessions {
		if s.EndedAt == nil {
			gone, err := j.nodeGone(ctx, s.NodeID)
			if err != nil {
				return err
			}
			if !gone {
				return nil
			}
			now := j.Now().UTC()
			s.EndedAt, s.EndReason, s.ErrorText = &now, "node lost", "the node went away during the session"
			if err := j.Store.Transfers.RecordSession(ctx, s); err != nil {
				return err
			}
		}
		if last.EndedAt == nil || s.EndedAt.After(*last.EndedAt) {
			last = s
		}
	}
	if j.Now().Sub(*last.EndedAt) < j.SettleAfter {
		return nil
	}
	_, err = j.Store.Transfers.Transition(ctx, t.ID, []statestore.TransferState{statestore.TransferRunning}, statestore.TransferFailed,
		func(r *statestore.Transfer) {
			r.ErrorText = fmt.Sprintf("last session ended (%s) and the client did not come back within %s", last.EndReason, j.SettleAfter)
		})
	if errors.Is(err, statestore.ErrState) {
		return nil
	}
	return err
}

func (j *Journal) nodeGone(ctx context.Context, id string) (bool, error) {
	n, err := j.Store.Nodes.Get(ctx, id)
	if errors.Is(err, statestore.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	switch n.State {
	case statestore.NodeTerminated, statestore.NodeLost, statestore.NodeFailed:
		return j.Now().Sub(n.StateSince) > lastWords, nil
	}
	return false, nil
}

// retire makes the partitions of the coming days and drops those past retention.
func (j *Journal) retire(ctx context.Context) error {
	if err := j.Store.PrepareDays(ctx, daysAhead); err != nil {
		return err
	}
	if _, err := j.Store.Outbox.Forget(ctx, j.Now().Add(-keepSent)); err != nil {
		return err
	}
	n, err := j.Store.DropDays(ctx, j.Now().Add(-j.Retention))
	if err == nil && n > 0 {
		j.Log.Info("history past its retention dropped", "partitions", n)
	}
	return err
}
