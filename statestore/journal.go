package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// JournalEvent is one event of the journal, as history keeps it. Subject ids
// are empty where they do not apply.
type JournalEvent struct {
	ID          string // idempotency key; the same event has the same At too
	At          time.Time
	RecordedAt  time.Time // set by Append
	Kind        string
	ClusterID   string
	NodeID      string
	TransferID  string
	SessionID   string
	AccessKeyID string
	Payload     json.RawMessage
}

// Journal is the history of events, by day.
type Journal struct{ *handle }

const journalColumns = `id, at, recorded_at, kind, cluster_id, node_id, transfer_id, session_id, access_key_id, payload`

// Append stores events in one statement and returns the ids that were new:
// events seen before are left alone, so a batch may be resent. Call it in the
// transaction that applies the new ones.
func (j Journal) Append(ctx context.Context, events []JournalEvent) ([]string, error) {
	if len(events) == 0 {
		return nil, nil
	}
	n := len(events)
	cols := make([][]string, 8)
	for i := range cols {
		cols[i] = make([]string, n)
	}
	at := make([]time.Time, n)
	known := map[time.Time]bool{}
	for i, e := range events {
		at[i] = e.At.UTC().Truncate(time.Microsecond)
		if d := day(at[i]); !known[d] {
			if err := j.days.ensure(ctx, j.handle, "journal_events", d); err != nil {
				return nil, err
			}
			known[d] = true
		}
		for c, v := range []string{e.ID, e.Kind, e.ClusterID, e.NodeID, e.TransferID, e.SessionID, e.AccessKeyID, string(orObject(e.Payload))} {
			cols[c][i] = v
		}
	}
	rows, err := all[struct{ ID string }](ctx, j.handle, "journal events", `INSERT INTO journal_events
		(day, recorded_at, at, id, kind, cluster_id, node_id, transfer_id, session_id, access_key_id, payload)
		SELECT (e.at AT TIME ZONE 'UTC')::date, $1, e.at, e.id, e.kind, e.cluster, e.node, e.transfer, e.session, e.key, e.payload::jsonb
		FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
		     AS e(at, id, kind, cluster, node, transfer, session, key, payload)
		ON CONFLICT (day, id) DO NOTHING RETURNING id`,
		j.now(), at, cols[0], cols[1], cols[2], cols[3], cols[4], cols[5], cols[6], cols[7])
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, nil
}

// JournalFilter narrows Journal.List; zero fields match everything.
type JournalFilter struct {
	Kinds                                      []string
	ClusterID, NodeID, TransferID, AccessKeyID string
	From, To                                   time.Time // [From, To)
}

// List pages through events, newest first.
func (j Journal) List(ctx context.Context, f JournalFilter, p Page) (List[JournalEvent], error) {
	after, err := p.after("journal")
	if err != nil {
		return List[JournalEvent]{}, err
	}
	var at *time.Time
	var id string
	if after != "" {
		micros, rest, ok := strings.Cut(after, "/")
		n, err := strconv.ParseInt(micros, 10, 64)
		if !ok || err != nil {
			return List[JournalEvent]{}, fmt.Errorf("page cursor: %w", ErrInvalid)
		}
		t := time.UnixMicro(n).UTC()
		at, id = &t, rest
	}
	kinds := f.Kinds
	if kinds == nil {
		kinds = []string{}
	}
	rows, err := all[JournalEvent](ctx, j.handle, "journal", `SELECT `+journalColumns+` FROM journal_events
		WHERE ($1::timestamptz IS NULL OR (day <= ($1 AT TIME ZONE 'UTC')::date AND (at, id) < ($1, $2)))
		  AND (cardinality($3::text[]) = 0 OR kind = ANY($3)) AND ($4 = '' OR cluster_id = $4)
		  AND ($5 = '' OR node_id = $5) AND ($6 = '' OR transfer_id = $6) AND ($7 = '' OR access_key_id = $7)
		  AND ($8::timestamptz IS NULL OR (at >= $8 AND day >= ($8 AT TIME ZONE 'UTC')::date))
		  AND ($9::timestamptz IS NULL OR (at < $9 AND day <= ($9 AT TIME ZONE 'UTC')::date))
		ORDER BY day DESC, at DESC, id DESC LIMIT $10`, at, id, kinds, f.ClusterID, f.NodeID, f.TransferID,
		f.AccessKeyID, orNull(f.From), orNull(f.To), p.limit()+1)
	return paged("journal", rows, p.limit(), func(e JournalEvent) string {
		return strconv.FormatInt(e.At.UnixMicro(), 10) + "/" + e.ID
	}), err
}
