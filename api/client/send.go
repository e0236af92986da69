package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	idempotencyKey = "Idempotency-Key"
	// resends is how often a POST is sent again when its answer was lost.
	resends = 2
	// pause is waited before a second resend: the first may have met the same
	// manager going down.
	pause = time.Second
	// inProgress is the manager's code for a key whose first request still runs.
	inProgress = "in_progress"
)

// request is one call as it goes over the wire, as often as it takes.
type request struct {
	method, path string
	body         []byte
	header       http.Header
}

// lost marks a failure after the request had gone out: its answer is missing.
type lost struct{ error }

// Unwrap gives the network's error.
func (l lost) Unwrap() error { return l.error }

// persist sends a request, again if its answer got lost and that is safe.
func (c *Client) persist(ctx context.Context, r request) (http.Header, []byte, error) {
	var broken error // how an answer got lost
	for again := 0; ; again++ {
		head, raw, err := c.send(ctx, r)
		if err == nil {
			return head, raw, nil
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		refused, isRefusal := errors.AsType[*Error](err)
		running := isRefusal && broken != nil && refused.Code == inProgress
		l, isLost := errors.AsType[lost](err)
		if isLost {
			broken = l.error
		}
		switch {
		case isRefusal && !running:
			return nil, nil, err
		case broken == nil:
			return nil, nil, &Unreachable{URL: c.base, Err: err}
		case again == resends || !isLost && !running || r.header.Get(idempotencyKey) == "":
			return nil, nil, &Unreachable{URL: c.base, Err: broken, MayBeDone: r.method != http.MethodGet}
		case running:
			err = c.wait(ctx, max(refused.RetryAfter, pause))
		case again > 0:
			err = c.wait(ctx, pause)
		default:
			err = nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// send sends a request once and reads its answer to the end.
func (c *Client) send(ctx context.Context, r request) (http.Header, []byte, error) {
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	var body io.Reader = http.NoBody
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(traced, r.method, c.base+r.path, body)
	if err != nil {
		return nil, nil, err
	}
	req.Header = r.header.Clone()
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", c.UserAgent)
	if c.auth != nil {
		c.auth(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		if connected.Load() {
			err = lost{err}
		}
		return nil, nil, err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		return nil, nil, readError(res)
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, lost{err}
	}
	return res.Header, raw, nil
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
