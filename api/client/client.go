// Package client speaks /api/v1 for programs: the command line and the demo use
// it, and anything else written in Go may. It links no server, no database
// driver and no cloud.
package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/godwit/godwit/identity/pin"
)

// Client calls one manager. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
	auth func(*http.Request)
	wait func(context.Context, time.Duration) error
	// UserAgent names the caller in the manager's audit and log.
	UserAgent string
}

// Option adjusts a Client.
type Option func(*Client)

// WithToken authenticates by API token.
func WithToken(token string) Option {
	return func(c *Client) {
		c.auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
}

// WithAccessKey authenticates as a tenant; only transfer operations open to it.
func WithAccessKey(id, secret string) Option {
	return func(c *Client) { c.auth = func(r *http.Request) { r.SetBasicAuth(id, secret) } }
}

// WithCookies keeps the session cookie that a sign-in sets.
func WithCookies(jar http.CookieJar) Option {
	return func(c *Client) { c.http.Jar = jar }
}

// New returns a client of the manager at address, a URL such as
// https://host:8443#sha256=FINGERPRINT. The fingerprint is that of the
// cluster's certificate authority (see [pin]); without one the system's
// certificate pool decides.
func New(address string, opts ...Option) (*Client, error) {
	base, fingerprint, err := pin.ParseURL(address)
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS13}
	if fingerprint != "" {
		if t.TLSClientConfig, err = pin.TLSConfig(fingerprint, pin.ManagerName); err != nil {
			return nil, err
		}
	}
	t.MaxIdleConnsPerHost = 8
	c := &Client{base: base, http: &http.Client{Transport: t}, wait: sleep, UserAgent: "godwit"}
	for _, o := range opts {
		o(c)
	}
	return c, nil
}

// BaseURL is the manager's address without the fingerprint.
func (c *Client) BaseURL() string { return c.base }

// Error is a refusal by the manager, in its own words (RFC 9457).
type Error struct {
	Status     int           `json:"status"`
	Code       string        `json:"code"`
	Title      string        `json:"title"`
	Detail     string        `json:"detail"`
	RequestID  string        `json:"request_id"`
	Fields     []FieldError  `json:"errors"`
	RetryAfter time.Duration `json:"-"`
}

// FieldError is one refused field of a request.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Error gives the detail, each refused field and the request id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	for _, f := range e.Fields {
		if strings.Contains(e.Detail, f.Message) {
			continue
		}
		fmt.Fprintf(&b, "\n  %s: %s", strings.TrimPrefix(f.Location, "body."), f.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// IsStatus reports whether err is the manager's answer with that HTTP status.
func IsStatus(err error, status int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == status
}

// Unreachable wraps a failure to get any answer from the manager.
type Unreachable struct {
	URL string
	Err error
	// MayBeDone says that a change had been sent when the connection broke: it
	// was made or not, which only a look can tell.
	MayBeDone bool
}

// Error says which manager did not answer and why.
func (e *Unreachable) Error() string {
	if e.MayBeDone {
		return fmt.Sprintf("the manager at %s was asked, but the connection broke before it answered: %v; look whether it is done before you ask again", e.URL, e.Err)
	}
	return fmt.Sprintf("cannot reach the manager at %s: %v", e.URL, e.Err)
}

// Unwrap gives the network's error.
func (e *Unreachable) Unwrap() error { return e.Err }

// Header is an extra request header, such as If-Match.
type Header struct{ Name, Value string }

// Do calls one operation. path is below the manager's address
// ("/api/v1/nodes"); in, unless nil, is sent as JSON; out, unless nil, receives
// the answer. It returns the response's headers, and *Error or *Unreachable.
//
// A POST carries an Idempotency-Key, random for each call unless one is among
// headers. When the connection breaks before its answer is here, it is sent
// again with the same key, twice at most: the manager does it once, whatever
// got lost.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, headers ...Header) (http.Header, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("request body: %w", err)
		}
	}
	r := request{method: method, path: path, body: body, header: http.Header{}}
	if method == http.MethodPost {
		r.header.Set(idempotencyKey, rand.Text())
	}
	for _, h := range headers {
		r.header.Set(h.Name, h.Value)
	}
	head, raw, err := c.persist(ctx, r)
	if err != nil {
		return nil, err
	}
	switch out := out.(type) {
	case nil:
		return head, nil
	case *[]byte:
		*out = raw
		return head, nil
	}
	if len(raw) == 0 {
		return head, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("answer of %s %s: %w", method, path, err)
	}
	return head, nil
}

func readError(res *http.Response) error {
	e := &Error{}
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if json.Unmarshal(b, e) != nil {
		*e = Error{}
	}
	e.Status = res.StatusCode
	if e.Detail == "" {
		// Not a problem document: /readyz, or a proxy in between.
		e.Detail = fmt.Sprintf("the manager answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
		if text := strings.TrimSpace(string(b[:min(len(b), 300)])); text != "" && !strings.HasPrefix(text, "<") {
			e.Detail += ": " + text
		}
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}
