package provisioner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Check refuses a request that does not say whose node it is for.
func (r LaunchRequest) Check() error {
	if r.ClientToken == "" || r.NodeID == "" || r.Owner.Installation == "" {
		return Refuse(InvalidTemplate, "launch", r.NodeID, "client token, node and owner must be given")
	}
	return nil
}

// Blame is the error of a launch whose template has faults: the first of them.
// Without any it is nil.
func (r LaunchRequest) Blame(faults []FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	return &Error{Class: InvalidTemplate, Op: "launch", Subject: r.NodeID, Field: faults[0].Field, Err: errors.New(faults[0].Problem)}
}

// Each asks for some ids at a time, at most so many at once, and answers in their
// order.
func Each(ids []string, atOnce int, ask func(id string) error) []Result {
	results := make([]Result, len(ids))
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for i, id := range ids {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			results[i] = Result{ID: id, Err: ask(id)}
		})
	}
	group.Wait()
	return results
}

// InOrder sorts a list as List promises it. What was made while a cloud's pages
// were read may be in it twice, and is left once.
func InOrder(instances []Instance) []Instance {
	slices.SortFunc(instances, func(a, b Instance) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(instances, func(a, b Instance) bool { return a.ID == b.ID })
}

// Turn waits until a budget of calls, such as a rate.Limiter, has one left. Where
// the context would end before that it is Throttled, with the advice.
func Turn(ctx context.Context, budget interface {
	Wait(ctx context.Context) error
}, advice time.Duration) error {
	err := budget.Wait(ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &Error{Class: Throttled, Op: "call", RetryAfter: advice, Err: err}
}
