package aws

import (
	"context"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// launches is what this process knows of launches by their tokens.
type launches struct {
	mutex sync.Mutex
	known map[[2]string]*launch // by installation and token
}

// launch is one token's. Its holder alone reads and changes it.
type launch struct {
	turn chan struct{} // holds one value while nobody is inside
	used time.Time     // of launches.mutex

	// ours: this process was the first to be asked, so that it knows of all calls.
	ours bool
	// made is the instance's id once it is known.
	made string
	// open is the offering whose answer was lost.
	open *offering
}

// launchesKept is how long a token is remembered after its last call: longer
// than the longest launch timeout of a policy.
const launchesKept = 2 * time.Hour

// enter waits for other calls with the same token to end.
func (l *launches) enter(ctx context.Context, now time.Time, request provisioner.LaunchRequest) (*launch, error) {
	key := [2]string{request.Owner.Installation, request.ClientToken}
	l.mutex.Lock()
	if l.known == nil {
		l.known = map[[2]string]*launch{}
	}
	one := l.known[key]
	if one == nil {
		for old, x := range l.known {
			if now.Sub(x.used) > launchesKept {
				delete(l.known, old)
			}
		}
		one = &launch{turn: make(chan struct{}, 1), ours: request.AskedBefore.IsZero()}
		one.turn <- struct{}{}
		l.known[key] = one
	}
	one.used = now
	l.mutex.Unlock()
	select {
	case <-one.turn:
		return one, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *launch) leave() { l.turn <- struct{}{} }

// recent holds the instances that were made so lately that EC2 may not show
// them yet: that it does not know them is no sign that they are gone.
type recent struct {
	mutex sync.Mutex
	known map[string]young
}

type young struct {
	instance provisioner.Instance
	at       time.Time
}

func (r *recent) made(now time.Time, instance provisioner.Instance) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.known == nil {
		r.known = map[string]young{}
	}
	r.known[instance.ID] = young{instance, now}
}

// of returns an instance that is younger than lag, and forgets older ones.
func (r *recent) of(now time.Time, id string, lag time.Duration) (provisioner.Instance, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for known, y := range r.known {
		if now.Sub(y.at) > lag {
			delete(r.known, known)
		}
	}
	y, ok := r.known[id]
	return y.instance, ok
}
