package agent

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/link"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/node/service"
)

// handlers are the commands that this node knows.
func (a *Agent) handlers() map[string]link.Handler {
	return map[string]link.Handler{
		command.Ping: handle(func(context.Context, command.Nothing) (any, error) {
			return command.Pong{Boot: a.boot, Version: a.Version}, nil
		}),
		command.Drain:   handle(a.drain),
		command.Undrain: handle(a.undrain),
		command.Configure: handle(func(ctx context.Context, c command.Config) (any, error) {
			defer a.reportNow()
			refusal := errors.Join(a.show(ctx, &c), a.configure(c))
			// Keys and certificates are brought up to date also when the rest is refused.
			return command.Nothing{}, errors.Join(refusal, a.reconfigure(ctx))
		}),
		command.Restart: handle(a.restart),
		command.Share:   handle(a.takeShare),
		command.SetRate: handle(func(ctx context.Context, r command.RateRequest) (any, error) {
			return command.Nothing{}, notFound(a.service.SetRate(ctx, r))
		}),
		command.Cancel: handle(func(ctx context.Context, r command.CancelRequest) (any, error) {
			defer a.reportNow()
			return command.Nothing{}, notFound(a.service.Cancel(ctx, r))
		}),
		command.Move: handle(func(ctx context.Context, r command.MoveRequest) (any, error) {
			defer a.reportNow()
			return a.service.Move(ctx, r)
		}),
		command.Revoke: handle(a.revoke),
		command.TenantChanged: handle(func(ctx context.Context, r command.TenantRequest) (any, error) {
			return command.Nothing{}, a.service.Forget(ctx, r.AccessKey)
		}),
		command.Resend: handle(func(_ context.Context, r command.ResendRequest) (any, error) {
			a.spool.Rewind(time.UnixMilli(r.SinceUnixMs))
			return command.Nothing{}, nil
		}),
	}
}

func handle[T any](do func(context.Context, T) (any, error)) link.Handler {
	return func(ctx context.Context, data []byte) (any, error) {
		var v T
		if err := json.Unmarshal(data, &v); err != nil {
			return nil, command.Errorf(command.CodeInvalid, "command is not readable: %v", err)
		}
		return do(ctx, v)
	}
}

func notFound(err error) error {
	if errors.Is(err, service.ErrNotFound) {
		return command.Errorf(command.CodeNotFound, "%v", err)
	}
	return err
}

// drain holds over restarts of service and agent. A service that is down is told when it is up again.
func (a *Agent) drain(ctx context.Context, r command.DrainRequest) (any, error) {
	fresh := false
	a.update(func(s *state) {
		fresh = !s.Draining
		s.Draining, s.DrainReason = true, r.Reason
	})
	if fresh {
		a.note(event.NodeDraining, event.Node{Reason: r.Reason})
	}
	defer a.reportNow()
	return command.Nothing{}, a.whileUp(func() error { return a.service.Drain(ctx, r.Reason) })
}

func (a *Agent) undrain(ctx context.Context, _ command.Nothing) (any, error) {
	was := false
	a.update(func(s *state) {
		was = s.Draining
		s.Draining, s.DrainReason = false, ""
	})
	if was {
		a.note(event.NodeUndrained, event.Node{})
	}
	defer a.reportNow()
	return command.Nothing{}, a.whileUp(func() error { return a.service.Undrain(ctx) })
}

// restart ends the service politely: its sessions are told to go on, and resume.
func (a *Agent) restart(_ context.Context, r command.RestartRequest) (any, error) {
	if r.Service != serviceName {
		return nil, command.Errorf(command.CodeNotFound, "this node has no service %q; there is %s", r.Service, serviceName)
	}
	a.super.Restart(r.Reason)
	return command.Nothing{}, nil
}

func (a *Agent) revoke(ctx context.Context, r command.RevokeRequest) (any, error) {
	a.update(func(s *state) {
		s.RevokedTransfers = remember(s.RevokedTransfers, r.Transfer)
		s.RevokedKeys = remember(s.RevokedKeys, r.AccessKey)
	})
	defer a.reportNow()
	return command.Nothing{}, a.whileUp(func() error { return a.service.Revoke(ctx, r) })
}

// whileUp does what the running service is to be told. One that is down learns it from the agent's state when it comes up, so that is no failure.
func (a *Agent) whileUp(tell func() error) error {
	err := tell()
	if err != nil && a.super.State().PID == 0 {
		return nil
	}
	return err
}
