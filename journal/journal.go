package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/journal/stream"
	"github.com/godwit/godwit/statestore"
)

const (
	// StreamAge is how long the stream itself keeps events.
	StreamAge = 72 * time.Hour
	// duplicateWindow is how long the server recognises an id that it stored; beyond it history does.
	duplicateWindow = 10 * time.Minute
)

// Config of a Journal. Store, Conn and JetStream are required.
type Config struct {
	Store     *statestore.Store
	Conn      *nats.Conn
	JetStream jetstream.JetStream
	// Leading tells whether this manager relays, settles and retires history; always when nil.
	Leading func() bool
	// Active tells whether a transfer has a live session now; it keeps the settler off. Never when nil.
	Active func(transfer string) bool
	// Lost is what sessions had moved when their node fell silent; history takes it over, for the node may never tell. None when nil.
	Lost func() []LastWord
	// Retention of history in Postgres; 90 days when zero.
	Retention time.Duration
	// SettleAfter is how long a transfer whose sessions have all ended waits for the client to come back before it counts as failed; 10 minutes when zero.
	SettleAfter time.Duration
	Now         func() time.Time
	Log         *slog.Logger
}

// LastWord is the newest count of a session whose node tells no more of it.
type LastWord struct {
	Transfer, Session string
	Bytes, Files      int64
}

// Journal is safe for concurrent use.
type Journal struct {
	Config
	stream   jetstream.Stream
	clusters sync.Map          // node id → cluster id
	counted  map[LastWord]bool // those that history has; the settler's alone
}

// Open makes the stream. Run does the work.
func Open(ctx context.Context, c Config) (*Journal, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Leading == nil {
		c.Leading = func() bool { return true }
	}
	if c.Active == nil {
		c.Active = func(string) bool { return false }
	}
	if c.Lost == nil {
		c.Lost = func() []LastWord { return nil }
	}
	if c.Retention == 0 {
		c.Retention = 90 * 24 * time.Hour
	}
	if c.SettleAfter == 0 {
		c.SettleAfter = 10 * time.Minute
	}
	j := &Journal{Config: c}
	var err error
	j.stream, err = c.JetStream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stream.Name, Description: "events of nodes and managers", Subjects: []string{stream.Subjects},
		Storage: jetstream.FileStorage, MaxAge: StreamAge, Duplicates: duplicateWindow, AllowAtomicPublish: true,
		MaxMsgSize: event.MaxSize + 4096, Compression: jetstream.S2Compression,
	})
	if err != nil {
		return nil, fmt.Errorf("journal stream: %w", err)
	}
	return j, nil
}

// Run files, relays, settles and retires until ctx ends.
func (j *Journal) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { j.project(ctx) })
	running.Go(func() { j.every(ctx, relayEvery, "outbox relay", j.relay) })
	running.Go(func() { j.every(ctx, settleEvery, "transfers", j.settle) })
	running.Go(func() { j.every(ctx, retireEvery, "history", j.retire) })
	running.Wait()
}

// Record publishes an event that a manager made outside of any transaction, such as an alert. For events that tell of a change to the state store, use the outbox.
func (j *Journal) Record(ctx context.Context, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return stream.Publish(ctx, j.Conn, stream.Manager, []event.Event{e})
}

// every runs f at once and then at intervals, while this manager leads.
func (j *Journal) every(ctx context.Context, interval time.Duration, what string, f func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if j.Leading() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				j.Log.Warn("journal: will try again", "part", what, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pause waits d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// transient tells errors that pass by themselves from those that another try repeats.
func transient(err error) bool {
	return errors.Is(err, statestore.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
