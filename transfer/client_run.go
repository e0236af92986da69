package transfer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Transfer is a job that runs. Its methods are safe for concurrent use.
type Transfer struct {
	client *Client
	job    Job
	log    *slog.Logger
	cancel context.CancelFunc
	start  time.Time
	done   chan struct{}

	ledger *ledger // what ended, over all sessions
	stream *stream // input or growing file; nil: none
	tape   *tape   // output stream; nil: none
	seed   uint64  // of a synthetic source
	input  io.Reader

	sealing *sealing // nil: files travel as they are

	mu        sync.Mutex
	session   *session // the live one, nil between sessions
	rate      *int64   // set by SetRate: overrides job and spec
	policy    Policy   // set by SetPolicy
	lastEpoch uint64
	slow      bool // a session that began over QUIC got no TCP connection: of run's goroutine
	result    Result
	err       error
}

// Start begins job in the background. An error means that the job makes no
// sense; what goes wrong later is for Wait to tell.
func (c *Client) Start(ctx context.Context, job Job) (*Transfer, error) {
	if err := job.Validate(); err != nil {
		return nil, err
	}
	if c.Specs == nil {
		return nil, newError(CodeInvalid, "the client has no source of transfer specs", nil)
	}
	o := &job.Options
	if o.Retries == 0 {
		o.Retries = 10
	}
	if o.RetryMin <= 0 {
		o.RetryMin = 250 * time.Millisecond
	}
	if o.RetryMax <= 0 {
		o.RetryMax = 15 * time.Second
	}
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	if o.Symlinks == "" {
		o.Symlinks = SymlinksCopy
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &Transfer{client: c, job: job, log: c.Log, cancel: cancel, start: time.Now(), done: make(chan struct{})}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.ledger = newLedger(c.OnEvent, t.start)
	t.ledger.dry = job.Options.DryRun
	t.seed = rand.Uint64()
	if job.Options.Seal != nil {
		t.sealing = newSealing(job.Options.Seal, t.seed)
	}
	if job.Output != nil {
		t.tape = &tape{out: job.Output}
	}
	if err := t.openStream(); err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer close(t.done)
		defer cancel()
		defer t.closeStream()
		stop, delivered := make(chan struct{}), make(chan struct{})
		if c.OnEvent == nil {
			close(delivered)
		} else {
			go func() {
				defer close(delivered)
				t.ledger.deliver(stop)
			}()
		}
		result, err := t.run(ctx)
		close(stop)
		<-delivered
		t.mu.Lock()
		t.result, t.err = result, err
		t.mu.Unlock()
	}()
	return t, nil
}

// Wait returns when the job is done. The result is filled as far as the job
// came, also with an error. Files that failed on their own are in the result
// and no error.
func (t *Transfer) Wait() (Result, error) {
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result, t.err
}

// Cancel stops the job; part files stay for a later one to resume.
func (t *Transfer) Cancel() { t.cancel() }

// Progress is how far the job is now.
func (t *Transfer) Progress() Progress { return t.ledger.progress() }

// SetRate changes the target rate in bit/s at once and for later sessions; 0
// means as fast as the path allows.
func (t *Transfer) SetRate(rate int64) {
	t.mu.Lock()
	t.rate = &rate
	s := t.session
	t.mu.Unlock()
	if s != nil {
		s.wishRate(&rate, "")
	}
}

// SetPolicy changes the policy at once and for later sessions.
func (t *Transfer) SetPolicy(p Policy) {
	if p == "" || !p.Valid() {
		return
	}
	t.mu.Lock()
	t.policy = p
	s := t.session
	t.mu.Unlock()
	if s != nil {
		s.wishRate(nil, p)
	}
}

// run opens one session after the other until the job is done, hopeless or
// out of patience.
func (t *Transfer) run(ctx context.Context) (Result, error) {
	var (
		uses     = []SessionUse{}
		last     error
		node     string
		failures int // in a row, without progress
		moved    int
		sent     int64
		id       string
	)
	finish := func(err error) (Result, error) {
		r := t.ledger.result()
		r.TransferID, r.Sessions, r.Moved, r.Sent = id, uses, moved, sent
		r.Duration, r.DryRun = time.Since(t.start), t.job.Options.DryRun
		return r, err
	}
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return finish(newError(CodeCancelled, "the transfer was cancelled", context.Cause(ctx)))
		}
		began := time.Now()
		before := t.ledger.safe()
		spec, err := t.client.Specs(ctx, Attempt{Number: attempt, Reason: last, FailedNode: node, TransferID: id})
		use := SessionUse{}
		if err == nil {
			if id == "" {
				id = spec.TransferID
			}
			if node != "" && spec.NodeID != node && spec.NodeID != "" {
				moved++
			}
			node = spec.NodeID
			use, err = t.runSession(ctx, spec, attempt, &id)
			use.NodeID, use.NodeName, use.Duration = spec.NodeID, spec.NodeName, time.Since(began)
			use.Reason = CodeOf(err)
			sent += use.Bytes
			if use.SessionID != "" {
				uses = append(uses, use)
			}
			if err == nil {
				return finish(t.deleteExtras(ctx))
			}
		}
		if ctx.Err() != nil {
			return finish(newError(CodeCancelled, "the transfer was cancelled", context.Cause(ctx)))
		}
		if !CodeOf(err).Retryable() {
			return finish(err)
		}
		last = err
		if t.ledger.safe() > before {
			failures = 0
		} else {
			failures++
		}
		if failures > t.job.Options.Retries || t.job.Options.Retries < 0 {
			return finish(err)
		}
		wait := backoff(t.job.Options, failures, err)
		kind := EventMoved
		if use.SessionID == "" {
			kind = EventWaiting
		}
		t.ledger.emit(Event{Kind: kind, SessionID: use.SessionID, NodeID: node, NodeName: use.NodeName, Err: err, Wait: wait})
		t.log.Info("session ended, going on", "node", node, "error", err, "wait", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// backoff grows with failures in a row, with jitter so that the clients of a
// dead node do not come back in step; the peer's own wish comes first.
func backoff(o Options, failures int, err error) time.Duration {
	var e *Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return e.RetryAfter + rand.N(e.RetryAfter/4+1)
	}
	if failures == 0 {
		return 0
	}
	d := o.RetryMin << min(failures-1, 16)
	if d > o.RetryMax || d <= 0 {
		d = o.RetryMax
	}
	return d/2 + rand.N(d/2+1)
}
