// Package loop is the life of what does its work step by step, fails now and
// then and goes on: each failure is said once, not at every step.
package loop

import (
	"context"
	"time"
)

// Run does a step, and another one every after the last has ended, until ctx
// ends. say gets a failure that is not the one of the step before.
func Run(ctx context.Context, every time.Duration, step func(context.Context) error, say func(error)) {
	pause := time.NewTimer(every)
	defer pause.Stop()
	for failure := (Failure{}); ; {
		err := step(ctx)
		if ctx.Err() != nil {
			return
		}
		if failure.Fresh(err) {
			say(err)
		}
		pause.Reset(every)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// Failure remembers the last one. The zero value remembers none.
type Failure struct{ said string }

// Fresh says whether err is a failure that has other words than the last one,
// and remembers it; nil makes it forget.
func (f *Failure) Fresh(err error) bool {
	before := f.said
	f.said = ""
	if err != nil {
		f.said = err.Error()
	}
	return err != nil && f.said != before
}
