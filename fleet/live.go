package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit/godwit/fleet/report"
)

const (
	// sweepEvery bounds how late a silent node is noticed.
	sweepEvery = time.Second
	// keepSilent is how long a silent node's last words stay readable.
	keepSilent = 10 * time.Minute
)

// follow makes one shard's stream and reads it into the index. The ordered consumer repairs itself; an empty fetch is never the end.
func (f *Fleet) follow(ctx context.Context, shard int) error {
	setup, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stream, err := f.stream.CreateOrUpdateStream(setup, jetstream.StreamConfig{
		Name: fmt.Sprintf("LIVE_%d", shard), Description: "last reports of nodes",
		Subjects: []string{fmt.Sprintf("live.%d.>", shard)},
		Storage:  jetstream.MemoryStorage, MaxMsgsPerSubject: 1, MaxAge: LiveAge, Discard: jetstream.DiscardOld,
	})
	if err != nil {
		return fmt.Errorf("live stream: %w", err)
	}
	consumer, err := stream.OrderedConsumer(setup, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy})
	if err != nil {
		return fmt.Errorf("live consumer: %w", err)
	}
	reading, err := consumer.Consume(func(m jetstream.Msg) { f.ingest(m.Subject(), m.Data()) })
	if err != nil {
		return fmt.Errorf("live consumer: %w", err)
	}
	f.running.Go(func() {
		<-ctx.Done()
		reading.Stop()
	})
	return nil
}

func (f *Fleet) ingest(subject string, data []byte) {
	r, err := report.Parse(subject, data)
	if err != nil {
		f.log.Warn("report ignored", "subject", subject, "error", err)
		return
	}
	f.Apply(r)
}

func (f *Fleet) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, id := range f.Sweep(keepSilent) {
				f.log.Warn("node has fallen silent", "node", id, "after", LiveAge)
			}
		}
	}
}
