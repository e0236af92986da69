package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/rpc"
	"sync"

	"github.com/godwit/godwit/provisioner"
)

// providerName is what the crowd's template calls its provider.
const providerName = "simulated"

// cloud is the manager's end of the simulated cloud. Connections are made anew
// when they break, as with any cloud's API.
type cloud struct {
	socket string

	mu     sync.Mutex
	client *rpc.Client
}

var _ provisioner.Provider = (*cloud)(nil)

func (c *cloud) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: providerName}
}

func (c *cloud) Validate(context.Context, json.RawMessage) ([]provisioner.FieldError, error) {
	return nil, nil
}

// call asks the hands and gives up with ctx.
func (c *cloud) call(ctx context.Context, method string, in, out any) error {
	c.mu.Lock()
	if c.client == nil {
		client, err := rpc.Dial("unix", c.socket)
		if err != nil {
			c.mu.Unlock()
			return &provisioner.Error{Class: provisioner.Transient, Op: method, Err: err}
		}
		c.client = client
	}
	client := c.client
	c.mu.Unlock()
	call := client.Go("Cloud."+method, in, out, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-call.Done:
	}
	var remote rpc.ServerError
	switch {
	case call.Error == nil:
		return nil
	case errors.As(call.Error, &remote) && remote.Error() == errGone.Error():
		return &provisioner.Error{Class: provisioner.NotFound, Op: method, Err: call.Error}
	case !errors.As(call.Error, &remote):
		c.mu.Lock()
		if c.client == client {
			_ = client.Close() // it is broken
			c.client = nil
		}
		c.mu.Unlock()
	}
	return &provisioner.Error{Class: provisioner.Transient, Op: method, Err: call.Error}
}

func (c *cloud) Launch(ctx context.Context, request provisioner.LaunchRequest) (provisioner.Instance, error) {
	var out provisioner.Instance
	err := c.call(ctx, "Launch", request, &out)
	return out, err
}

func (c *cloud) Get(ctx context.Context, id string) (provisioner.Instance, error) {
	var out provisioner.Instance
	err := c.call(ctx, "Get", id, &out)
	return out, err
}

func (c *cloud) List(ctx context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	var out []provisioner.Instance
	err := c.call(ctx, "List", owner, &out)
	return out, err
}

func (c *cloud) Terminate(ctx context.Context, ids []string) []provisioner.Result {
	out := make([]provisioner.Result, len(ids))
	err := c.call(ctx, "Terminate", ids, &struct{}{})
	for i, id := range ids {
		out[i] = provisioner.Result{ID: id, Err: err}
	}
	return out
}

func (c *cloud) Stop(_ context.Context, ids []string) []provisioner.Result {
	return unsupported("stop", ids)
}

func (c *cloud) Start(_ context.Context, ids []string) []provisioner.Result {
	return unsupported("start", ids)
}

func unsupported(op string, ids []string) []provisioner.Result {
	out := make([]provisioner.Result, len(ids))
	for i, id := range ids {
		out[i] = provisioner.Result{ID: id, Err: &provisioner.Error{
			Class: provisioner.Unsupported, Op: op, Subject: id, Err: errors.New("simulated machines are never stopped"),
		}}
	}
	return out
}

func (c *cloud) Console(context.Context, string) ([]byte, error) { return []byte{}, nil }
