package offering

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Launches lets one call at a time ask with one token, and keeps what a provider
// remembers of each. Its zero value is ready.
type Launches[Memory any] struct {
	mutex sync.Mutex
	known map[token]*turn[Memory]
}

// token of a launch, with whose it is.
type token struct {
	owner provisioner.Owner
	text  string
}

type turn[Memory any] struct {
	free   chan struct{} // holds one value while nobody is inside
	used   time.Time     // of Launches.mutex
	memory Memory        // of who is inside
}

// launchesKept is how long a token is remembered after its last call: longer
// than the longest launch timeout of a policy.
const launchesKept = 2 * time.Hour

// Enter waits for other calls with the same token to end. The memory is the
// caller's until it leaves; at first it is the zero value.
func (l *Launches[Memory]) Enter(ctx context.Context, now time.Time, request provisioner.LaunchRequest) (memory *Memory, leave func(), err error) {
	key := token{request.Owner, request.ClientToken}
	l.mutex.Lock()
	if l.known == nil {
		l.known = map[token]*turn[Memory]{}
	}
	t := l.known[key]
	if t == nil {
		maps.DeleteFunc(l.known, func(_ token, old *turn[Memory]) bool { return now.Sub(old.used) > launchesKept })
		t = &turn[Memory]{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		l.known[key] = t
	}
	t.used = now
	l.mutex.Unlock()
	select {
	case <-t.free:
		return &t.memory, func() { t.free <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}
