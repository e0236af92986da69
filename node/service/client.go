package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/godwit/godwit/fleet/command"
)

// Client is the agent's end of the child's socket. It is safe for concurrent use.
type Client struct {
	http *http.Client
}

// NewClient returns a client for the child's socket, which need not exist yet.
func NewClient(socket string) *Client { return &Client{dialer(socket)} }

func dialer(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
	}}
}

// CloseIdle drops idle connections: the child was restarted.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("transfer service %s: %w", path, err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://service"+path, body)
	if err != nil {
		return fmt.Errorf("transfer service %s: %w", path, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("transfer service %s: %w", path, err)
	}
	defer res.Body.Close() // read to the end
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	switch {
	case err != nil:
		return fmt.Errorf("transfer service %s: %w", path, err)
	case res.StatusCode == http.StatusNotFound:
		return ErrNotFound
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("transfer service %s: %s", path, strings.TrimSpace(string(data)))
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("transfer service %s: %w", path, err)
	}
	return nil
}

// Healthy asks whether the service's loops turn.
func (c *Client) Healthy(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/healthz", nil, nil)
}

// Status asks for sessions and figures.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.do(ctx, http.MethodGet, "/status", nil, &s)
}

// Configure sets what the service runs with.
func (c *Client) Configure(ctx context.Context, conf Config) error {
	return c.do(ctx, http.MethodPut, "/config", conf, nil)
}

// Share sets what the service may let through of links.
func (c *Client) Share(ctx context.Context, s Shares) error {
	return c.do(ctx, http.MethodPut, "/shares", s, nil)
}

// Drain refuses new sessions and asks those that live to move.
func (c *Client) Drain(ctx context.Context, reason string) error {
	return c.do(ctx, http.MethodPost, "/drain", command.DrainRequest{Reason: reason}, nil)
}

// Undrain takes new sessions again.
func (c *Client) Undrain(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/undrain", command.Nothing{}, nil)
}

// SetRate changes a live session; ErrNotFound when there is none of that id.
func (c *Client) SetRate(ctx context.Context, r command.RateRequest) error {
	return c.do(ctx, http.MethodPost, "/sessions/"+r.Session+"/rate", r, nil)
}

// Cancel ends sessions; ErrNotFound when none matches.
func (c *Client) Cancel(ctx context.Context, r command.CancelRequest) error {
	return c.do(ctx, http.MethodPost, "/cancel", r, nil)
}

// Move asks the clients of some sessions to go on elsewhere.
func (c *Client) Move(ctx context.Context, r command.MoveRequest) (command.MoveAnswer, error) {
	var a command.MoveAnswer
	return a, c.do(ctx, http.MethodPost, "/move", r, &a)
}

// Revoke makes a transfer or an access key worthless and ends its sessions.
func (c *Client) Revoke(ctx context.Context, r command.RevokeRequest) error {
	return c.do(ctx, http.MethodPost, "/revoke", r, nil)
}

// Forget drops what is cached of an access key.
func (c *Client) Forget(ctx context.Context, accessKey string) error {
	return c.do(ctx, http.MethodPost, "/forget", command.TenantRequest{AccessKey: accessKey}, nil)
}

// Ack tells that events up to seq are safe.
func (c *Client) Ack(ctx context.Context, seq uint64) error {
	return c.do(ctx, http.MethodPost, "/events/ack", Ack{Seq: seq}, nil)
}

// Events reads the stream of events and calls f for each until ctx ends, the child goes away, or f fails.
func (c *Client) Events(ctx context.Context, f func(Event) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://service/events", nil)
	if err != nil {
		return fmt.Errorf("transfer service events: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("transfer service events: %w", err)
	}
	defer res.Body.Close() // the stream has no end of its own
	for dec := json.NewDecoder(res.Body); ; {
		var e Event
		if err := dec.Decode(&e); err != nil {
			return fmt.Errorf("transfer service events: %w", err)
		}
		if err := f(e); err != nil {
			return err
		}
	}
}

// Asker is the child's end of the agent's socket.
type Asker struct{ http *http.Client }

// NewAsker returns an asker for the agent's socket.
func NewAsker(socket string) *Asker { return &Asker{dialer(socket)} }

// Tenant asks what is needed to serve an access key. A *command.Error with CodeUnavailable tells that the manager cannot be asked now.
func (a *Asker) Tenant(ctx context.Context, r command.TenantRequest) (command.Tenant, error) {
	var t command.Tenant
	data, err := json.Marshal(r)
	if err != nil {
		return t, fmt.Errorf("tenant: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/tenant", bytes.NewReader(data))
	if err != nil {
		return t, fmt.Errorf("tenant: %w", err)
	}
	res, err := a.http.Do(req)
	if err != nil {
		return t, command.Errorf(command.CodeUnavailable, "the node's agent cannot be asked now")
	}
	defer res.Body.Close() // read to the end
	data, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err = errors.Join(err, command.Open(data, &t)); err != nil {
		return t, err
	}
	return t, nil
}
