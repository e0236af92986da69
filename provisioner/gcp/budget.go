package gcp

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"github.com/godwit/godwit/provisioner"
)

// budget keeps calls within what Google gives a project, so that a burst of
// launches waits here rather than being refused there, and leaves two fifths
// to whoever else uses the project: 1,500 queries a minute, which is 25 a second,
// of reads and of changes each ("Compute Engine rate quotas",
// https://cloud.google.com/compute/api-quota).
type budget struct {
	reads, changes *rate.Limiter
	// pause is the first after a failure; it doubles up to pauseMost.
	pause time.Duration
}

const (
	pauseFirst = 500 * time.Millisecond
	pauseMost  = 10 * time.Second
	// tries of one call: with the pauses about half a minute, for the
	// reconciler's minute must also suffice for what comes after it.
	tries = 6
	// callTakes is the longest that one try may take, unless it waits for an
	// operation.
	callTakes = 20 * time.Second
)

func newBudget(pause time.Duration) *budget {
	if pause <= 0 {
		pause = pauseFirst
	}
	return &budget{reads: rate.NewLimiter(15, 60), changes: rate.NewLimiter(10, 20), pause: pause}
}

// call makes one call: after its turn, and again with backoff while it is
// throttled or fails in passing. So every change that goes through it must be
// one that may be repeated.
func call[T any](ctx context.Context, b *budget, turn *rate.Limiter, takes time.Duration, f func(context.Context) (T, error)) (T, error) {
	var none T
	for try := 1; ; try++ {
		if err := provisioner.Turn(ctx, turn, throttledFor); err != nil {
			return none, err
		}
		trying, cancel := context.WithTimeout(ctx, takes)
		answer, err := f(trying)
		cancel()
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		if provisioner.Interrupted(err) { // the try's own time was up
			err = provisioner.Refuse(provisioner.Transient, "call", "", "no answer within %s", takes)
		}
		if class := cloud.Class(err); class != provisioner.Throttled && class != provisioner.Transient || try == tries {
			return none, err
		}
		pause := min(b.pause<<(try-1), pauseMost)
		pause = pause/2 + rand.N(pause) //nolint:gosec // jitter
		pause = max(pause, min(advice(err), b.pause*4))
		if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) < pause {
			return none, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return none, ctx.Err()
		}
	}
}

// within lets a caller go when its time is up, where the SDK's call would not
// see that. The call itself ends with the client's own time limit.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := f()
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
