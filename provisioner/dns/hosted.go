package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// HostedConfig of a Hosted. Service and Owner are required.
type HostedConfig struct {
	Service Service
	// Owner is the installation, as the markers beside its names say.
	Owner string
	// Verify is how long what was last read or written is taken for true; what
	// others broke is mended after it. 2 min if zero: reading a zone takes many
	// calls of a service that allows few.
	Verify time.Duration
	// Pause is the first after a failure; it doubles up to a minute. 2 s if zero.
	Pause time.Duration
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	Log *slog.Logger
}

// Hosted is a Zone at a cloud's DNS service. A name that it writes has a TXT
// record beside it, at _godwit.NAME, that says whose it is: a name with records
// and without that mark is never touched. Every write says what it replaces, so
// that it fails rather than undoes what somebody else did meanwhile.
type Hosted struct {
	config HostedConfig

	mutex  sync.Mutex
	apex   string
	seen   picture
	seenAt time.Time
	// failure is answered until then, without a call.
	failure  error
	until    time.Time
	failures int
}

const (
	verifyEvery = 2 * time.Minute
	// heldEvery is how soon a name that is somebody else's is looked at again.
	heldEvery  = 30 * time.Second
	pauseFirst = 2 * time.Second
	pauseMost  = time.Minute
	// conflicts in a row until the zone is left alone for a while.
	conflicts = 4
)

var _ Zone = (*Hosted)(nil)

// Host makes a zone of a service. It makes no call.
func Host(c HostedConfig) (*Hosted, error) {
	if c.Service == nil || c.Owner == "" || strings.ContainsAny(c.Owner, "\"\\; ") {
		return nil, errors.New("hosted zone: service and owner must be given")
	}
	if c.Verify <= 0 {
		c.Verify = verifyEvery
	}
	if c.Pause <= 0 {
		c.Pause = pauseFirst
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Hosted{config: c}, nil
}

// Converge implements Zone. While nothing is to be changed it makes no call but
// one look every Verify. After a failure it answers with it until a growing
// pause, or the one that the service asks for, is over.
func (h *Hosted) Converge(ctx context.Context, wanted []Record) (Change, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.config.Now().Before(h.until) {
		return Change{}, h.failure
	}
	change, err := h.converge(ctx, wanted)
	if held, only := errors.AsType[*HeldError](err); err == nil || only && held != nil {
		h.failure, h.failures, h.until = nil, 0, time.Time{}
		return change, err
	}
	h.seen = nil // what was written is not known
	if ctx.Err() != nil {
		return change, err
	}
	if errors.Is(err, provisioner.NotFound) {
		h.apex = "" // another zone of that name may come
	}
	pause := min(h.config.Pause<<min(h.failures, 10), pauseMost)
	pause = pause/2 + rand.N(pause/2+1) //nolint:gosec // jitter
	h.failures++
	h.failure, h.until = err, h.config.Now().Add(max(pause, min(provisioner.RetryAfter(err), pauseMost)))
	return change, err
}

func (h *Hosted) converge(ctx context.Context, wanted []Record) (Change, error) {
	if h.apex == "" {
		apex, err := h.config.Service.Apex(ctx)
		if err != nil {
			return Change{}, err
		}
		h.apex = strings.ToLower(strings.TrimSuffix(apex, "."))
	}
	records, err := check(h.apex, wanted)
	if err != nil {
		return Change{}, &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "publish names", Subject: h.apex, Err: err}
	}
	var done Change
	for try := 1; ; try++ {
		p, err := h.plan(ctx, records)
		if err != nil {
			return done, err
		}
		made, err := h.apply(ctx, p)
		done = Change{done.Added + made.Added, done.Changed + made.Changed, done.Removed + made.Removed}
		switch {
		case errors.Is(err, ErrConflict) && try < conflicts:
			h.config.Log.DebugContext(ctx, "zone changed meanwhile; looking again", "zone", h.apex, "error", err)
			h.seen = nil
			continue
		case errors.Is(err, ErrConflict):
			return done, &provisioner.Error{Class: provisioner.Transient, Op: "publish names", Subject: h.apex, Err: err}
		case err == nil && len(p.held) > 0:
			err = &HeldError{Zone: h.apex, Names: p.held}
		}
		return done, err
	}
}

// plan is made of what was last seen while that is fresh.
func (h *Hosted) plan(ctx context.Context, records []Record) (plan, error) {
	limits := h.config.Service.Limits()
	if h.seen != nil && h.config.Now().Sub(h.seenAt) < h.config.Verify {
		p := h.seen.diff(h.config.Owner, records, limits)
		if len(p.held) == 0 || h.config.Now().Sub(h.seenAt) < heldEvery {
			return p, nil
		}
	}
	sets, err := h.config.Service.Sets(ctx)
	if err != nil {
		return plan{}, err
	}
	for i := range sets {
		sets[i].Name = strings.ToLower(strings.TrimSuffix(sets[i].Name, "."))
		for j, v := range sets[i].Values {
			sets[i].Values[j] = canonical(sets[i].Type, v)
		}
	}
	h.seen, h.seenAt = pictureOf(sets), h.config.Now()
	return h.seen.diff(h.config.Owner, records, limits), nil
}

func (h *Hosted) apply(ctx context.Context, p plan) (Change, error) {
	steps := batches(p.names, h.config.Service.Limits())
	for i, swaps := range steps {
		if err := h.config.Service.Apply(ctx, swaps); err != nil {
			if i > 0 {
				err = fmt.Errorf("step %d of %d: %w", i+1, len(steps), err)
			}
			return Change{}, err
		}
		h.seen.take(swaps)
	}
	return p.change, nil
}
