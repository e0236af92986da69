package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// throttle limits attempts by key. Each key has a burst of attempts that refill one by one.
// It forgets keys whose bucket is full again, so that its size is bounded by the rate of strangers.
type throttle struct {
	burst  int
	refill time.Duration // per attempt
	now    func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxBuckets is when full buckets are swept: a few megabytes.
const maxBuckets = 10_000

func newThrottle(burst int, refill time.Duration, now func() time.Time) *throttle {
	return &throttle{burst: burst, refill: refill, now: now, buckets: map[string]*rate.Limiter{}}
}

// take uses up one attempt of key. When none is left it returns how long to wait for one.
func (t *throttle) take(key string) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if len(t.buckets) >= maxBuckets {
		for k, b := range t.buckets {
			if b.TokensAt(now) >= float64(t.burst) {
				delete(t.buckets, k)
			}
		}
	}
	b := t.buckets[key]
	if b == nil {
		b = rate.NewLimiter(rate.Every(t.refill), t.burst)
		t.buckets[key] = b
	}
	if b.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - b.TokensAt(now)
	return time.Duration(missing * float64(t.refill)), false
}

// forgive gives key its burst back: the attempt was a success.
func (t *throttle) forgive(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.buckets, key)
}
