package aws

import (
	"context"
	"sync"
	"time"
)

const (
	// batchWindow is how long the first of a batch waits for others. A step of the
	// reconciler starts its calls within milliseconds.
	batchWindow = 20 * time.Millisecond
	// mostPerBatch ids in one call: EC2 takes 200 values in a filter, and advises
	// against more than 1000 in TerminateInstances.
	mostPerBatch = 200
	// batchTimeout bounds a batch's call: no caller's context is the batch's.
	batchTimeout = 45 * time.Second
)

// batcher makes one call of many that are made at about the same time about one
// id each. The zero outcome of an id that the call does not mention is its
// caller's to judge.
type batcher[T any] struct {
	call func(ctx context.Context, ids []string) map[string]outcome[T]

	mutex sync.Mutex
	next  *batch[T]
}

type outcome[T any] struct {
	value T
	err   error
}

type batch[T any] struct {
	ids   []string
	known map[string]bool
	timer *time.Timer
	done  chan struct{}
	out   map[string]outcome[T]
}

func newBatcher[T any](call func(context.Context, []string) map[string]outcome[T]) *batcher[T] {
	return &batcher[T]{call: call}
}

// of joins the batch that forms and waits for its answer or the context's end,
// after which the call may still have its effect.
func (b *batcher[T]) of(ctx context.Context, id string) (outcome[T], error) {
	if err := ctx.Err(); err != nil {
		return outcome[T]{}, err
	}
	joined := b.join(context.WithoutCancel(ctx), id)
	select {
	case <-joined.done:
		return joined.out[id], nil
	case <-ctx.Done():
		return outcome[T]{}, ctx.Err()
	}
}

func (b *batcher[T]) join(ctx context.Context, id string) *batch[T] {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.next == nil {
		n := &batch[T]{known: map[string]bool{}, done: make(chan struct{})}
		n.timer = time.AfterFunc(batchWindow, func() { b.send(ctx, n) })
		b.next = n
	}
	n := b.next
	if !n.known[id] {
		n.known[id], n.ids = true, append(n.ids, id)
	}
	if len(n.ids) >= mostPerBatch && n.timer.Stop() {
		b.next = nil
		go b.send(ctx, n)
	}
	return n
}

func (b *batcher[T]) send(ctx context.Context, n *batch[T]) {
	b.mutex.Lock()
	if b.next == n {
		b.next = nil
	}
	b.mutex.Unlock()
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	n.out = b.call(ctx, n.ids)
	close(n.done)
}
