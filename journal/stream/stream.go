// Package stream is the journal's wire: the stream's name and subjects, and the one way in which events are published to it.
//
// Nodes and managers publish alike, in atomic batches: all of a batch is stored and synced, or nothing of it. Each event's id is the message's id too, so that a batch
// sent again after a lost answer is recognised (within the stream's window; beyond it, by whoever reads, by the same id).
package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/godwit/godwit/journal/event"
)

const (
	// Name of the stream.
	Name = "JOURNAL"
	// Subjects that it takes.
	Subjects = "ev.>"
	// Manager is the source of events that managers make. No node may have this id.
	Manager = "manager"
	// MaxBatch bounds the events of one atomic batch, below the server's limit of 1,000, so that a batch is committed well within its time.
	MaxBatch = 200

	// duplicateInBatch is nats-server's code for "atomic publish batch contains duplicate message id".
	duplicateInBatch = 10201
)

// Subject is where a source's events of a kind go.
func Subject(source, kind string) string { return "ev." + source + "." + kind }

// ack is JetStream's answer to a publish.
type ack struct {
	Error *struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
	Stream    string `json:"stream"`
	Seq       uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate"`
}

// Publish stores events under source and returns when all of them are synced to disk, in order. On an error nothing, or (only after a repeated batch) some of them, may be
// stored: publish the same events again.
func Publish(ctx context.Context, nc *nats.Conn, source string, events []event.Event) error {
	for len(events) > 0 {
		n := min(len(events), MaxBatch)
		msgs := make([]*nats.Msg, n)
		for i, e := range events[:n] {
			data, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("event %s: %w", e.ID, err)
			}
			msgs[i] = &nats.Msg{Subject: Subject(source, e.Kind), Data: data, Header: nats.Header{}}
			msgs[i].Header.Set(nats.MsgIdHdr, e.ID)
		}
		if err := batch(ctx, nc, msgs); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

func batch(ctx context.Context, nc *nats.Conn, msgs []*nats.Msg) error {
	if len(msgs) == 1 {
		_, err := commit(ctx, nc, msgs[0])
		return err
	}
	id := nuid.Next()
	for i, m := range msgs {
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
	}
	last := msgs[len(msgs)-1]
	last.Header.Set("Nats-Batch-Commit", "1")
	for _, m := range msgs[:len(msgs)-1] {
		if err := nc.PublishMsg(m); err != nil {
			return fmt.Errorf("journal batch: %w", err)
		}
	}
	code, err := commit(ctx, nc, last)
	if code != duplicateInBatch {
		return err
	}
	return singly(ctx, nc, msgs)
}

// singly publishes one by one: the server refuses a batch as a whole when it has seen one of its ids, which is what a lost answer leads to.
func singly(ctx context.Context, nc *nats.Conn, msgs []*nats.Msg) error {
	for _, m := range msgs {
		single := &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{nats.MsgIdHdr: m.Header[nats.MsgIdHdr]}}
		if _, err := commit(ctx, nc, single); err != nil {
			return err
		}
	}
	return nil
}

func commit(ctx context.Context, nc *nats.Conn, m *nats.Msg) (int, error) {
	answer, err := nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return 0, fmt.Errorf("journal publish: %w", err)
	}
	var a ack
	if err := json.Unmarshal(answer.Data, &a); err != nil {
		return 0, fmt.Errorf("journal answer: %w", err)
	}
	if a.Error != nil {
		return a.Error.ErrCode, fmt.Errorf("journal refuses: %s (code %d)", a.Error.Description, a.Error.ErrCode)
	}
	if a.Stream != Name {
		return 0, errors.New("journal publish: answered by stream " + strconv.Quote(a.Stream))
	}
	return 0, nil
}
