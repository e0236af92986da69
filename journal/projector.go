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
	// batchSize is how many events go into one transaction at most.
	batchSize = 256
	// maxTries bounds the patience with a batch whose failure has no name: about half a minute.
	maxTries = 15
	// positionKey is the setting that says how far history is.
	positionKey = "journal.position"
)

// position is how far history is. Created tells one stream from another of the same name: a stream whose files were lost starts anew, and so does its reader; ids tell what is known.
type position struct {
	Created time.Time `json:"created"`
	Seq     uint64    `json:"seq"`
}

// project files events in stream order until ctx ends.
func (j *Journal) project(ctx context.Context) {
	for ctx.Err() == nil {
		if err := j.follow(ctx); err != nil && ctx.Err() == nil {
			j.Log.Warn("journal: will read on from the last position", "error", err)
			pause(ctx, time.Second)
		}
	}
}

// follow reads from the stored position until ctx ends or something breaks.
func (j *Journal) follow(ctx context.Context) error {
	at, err := j.position(ctx)
	if err != nil {
		return err
	}
	// An ordered consumer heals by itself: after a gap or a silence it starts again behind the last message that it handed out.
	consumer, err := j.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: at.Seq + 1,
	})
	if err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	ctx, stop := context.WithCancel(ctx) // lets go of the callback when this returns
	defer stop()
	arrived := make(chan jetstream.Msg, 2*batchSize)
	reading, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case arrived <- m:
		case <-ctx.Done():
		}
	})
	if err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	defer reading.Stop()
	for {
		var msgs []jetstream.Msg
		select {
		case <-ctx.Done():
			return nil
		case <-reading.Closed():
			return errors.New("consumer was closed")
		case m := <-arrived:
			msgs = append(msgs, m)
		}
	collect:
		for len(msgs) < batchSize {
			select {
			case m := <-arrived:
				msgs = append(msgs, m)
			default:
				break collect
			}
		}
		meta, err := msgs[len(msgs)-1].Metadata()
		if err != nil {
			return fmt.Errorf("message: %w", err)
		}
		at.Seq = meta.Sequence.Stream
		j.insist(ctx, msgs, at)
	}
}

// position reads how far history is, in the stream as it is now.
func (j *Journal) position(ctx context.Context) (position, error) {
	now := position{Created: j.stream.CachedInfo().Created.UTC()}
	var at position
	err := j.Store.Settings.Get(ctx, positionKey, &at)
	switch {
	case errors.Is(err, statestore.ErrNotFound):
		return now, nil
	case err != nil:
		return at, err
	case !at.Created.Equal(now.Created):
		j.Log.Warn("journal: the stream was made anew; history goes on from its beginning")
		return now, nil
	}
	return at, nil
}

// insist files a batch however often it takes, while ctx lasts.
func (j *Journal) insist(ctx context.Context, msgs []jetstream.Msg, at position) {
	for try := 1; ctx.Err() == nil; try++ {
		err := j.file(ctx, msgs, at, try >= maxTries)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			j.Log.Warn("journal: events not filed, will try again", "events", len(msgs), "try", try, "error", err)
			pause(ctx, min(time.Duration(try)*200*time.Millisecond, 5*time.Second))
		}
	}
}

// file stores a batch in one transaction with the position behind it. An event that the database refuses as such, or, with last set, that failed for whatever reason that does
// not pass by itself, is logged and passed over: it must not stop all others.
func (j *Journal) file(ctx context.Context, msgs []jetstream.Msg, at position, last bool) error {
	events := make([]event.Event, 0, len(msgs))
	for _, m := range msgs {
		e, err := j.read(ctx, m)
		switch {
		case err != nil && transient(err):
			return err
		case err != nil:
			j.Log.Error("journal: event passed over", "subject", m.Subject(), "error", err)
		default:
			events = append(events, e)
		}
	}
	hopeless := func(err error) bool { return errors.Is(err, statestore.ErrInvalid) || last && !transient(err) }
	err := j.store(ctx, events, &at)
	if err == nil || !hopeless(err) {
		return err
	}
	for _, e := range events { // one of them is the culprit
		if err := j.store(ctx, []event.Event{e}, nil); err != nil {
			if !hopeless(err) {
				return err
			}
			j.Log.Error("journal: event passed over", "id", e.ID, "kind", e.Kind, "node", e.Node, "error", err)
		}
	}
	return j.store(ctx, nil, &at)
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
	if errors.Is(err, statestore.ErrNotFound) {
		return "", nil // the row is gone; the event still counts
	}
	if err != nil {
		return "", err
	}
	j.clusters.Store(node, n.ClusterID)
	return n.ClusterID, nil
}

// store files events in one transaction: all into the journal's history, those that were new in it into the history of transfers, and the position, if given.
func (j *Journal) store(ctx context.Context, events []event.Event, at *position) error {
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
		if at == nil {
			return nil
		}
		return t.Settings.Put(ctx, positionKey, *at)
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
		return fmt.Errorf("event %s: %w: %w", e.ID, statestore.ErrInvalid, err)
	}
	if e.Transfer == "" || e.Session == "" {
		return nil
	}
	if _, err := statestore.IDTime(e.Transfer); err != nil {
		return nil //nolint:nilerr // a session that no manager arranged, with an id of its own making: the journal's history has it
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
	return finish(ctx, t, row, s)
}

// finish ends a transfer whose client completed its session while no other session of it is open (stripes end on their own).
// A client has one session at a time in a lane: one that began earlier and never told of its end was on a node that died.
func finish(ctx context.Context, t *statestore.Tables, done statestore.TransferSession, s event.Session) error {
	id := done.TransferID
	all, err := t.Transfers.Sessions(ctx, id)
	if err != nil {
		return err
	}
	for _, other := range all {
		switch {
		case other.EndedAt != nil:
		case other.Lane == done.Lane && other.StartedAt.Before(done.StartedAt):
			other.EndedAt, other.EndReason, other.ErrorText = &done.StartedAt, "lost", "the client went on in session "+done.ID
			if err := t.Transfers.RecordSession(ctx, other); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	end, text := outcome(s)
	_, err = t.Transfers.Transition(ctx, id, []statestore.TransferState{statestore.TransferCreated, statestore.TransferRunning},
		end, func(r *statestore.Transfer) {
			r.ErrorText = text
			r.BytesTotal, r.FilesTotal = max(r.BytesTotal, s.BytesTotal), max(r.FilesTotal, s.FilesTotal)
		})
	if errors.Is(err, statestore.ErrState) {
		return nil // ended otherwise meanwhile, by a person for example: that stays
	}
	return err
}

// outcome is how a transfer ended whose client saw it to its end: files may have failed all the same.
func outcome(s event.Session) (statestore.TransferState, string) {
	switch {
	case s.FilesFailed == 0:
		return statestore.TransferDone, ""
	case s.Files == 0 && s.FilesSkipped == 0:
		return statestore.TransferFailed, fmt.Sprintf("nothing arrived: %d failed", s.FilesFailed)
	}
	return statestore.TransferDone, fmt.Sprintf("%d failed, the others arrived", s.FilesFailed)
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
