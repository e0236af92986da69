package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit/godwit/fleet/command"
)

const (
	// commandTimeout applies when the caller's context has no deadline.
	commandTimeout = 5 * time.Second
	// answerTimeout bounds a handler of Handle.
	answerTimeout = 10 * time.Second
	// answersAtOnce bounds the handlers of one method that run together; further questions wait in the subscription's buffer.
	answersAtOnce = 64
)

// Command sends one command and reads its answer into result, which may be nil. Errors: command.ErrNotConnected, command.ErrTimeout, or the node's *command.Error.
// Every command is safe to repeat.
func (f *Fleet) Command(ctx context.Context, node, name string, request, result any) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commandTimeout)
		defer cancel()
	}
	data, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("command %s: %w", name, err)
	}
	answer, err := f.conn.RequestWithContext(ctx, "ctl."+node+"."+name, data)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("node %s, command %s: %w", node, name, command.ErrNotConnected)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("node %s, command %s: %w", node, name, command.ErrTimeout)
	case err != nil:
		return fmt.Errorf("node %s, command %s: %w", node, name, err)
	}
	return command.Open(answer.Data, result)
}

// Drain tells a node to take no new sessions and to ask those it has to move on.
func (f *Fleet) Drain(ctx context.Context, node, reason string) error {
	return f.Command(ctx, node, command.Drain, command.DrainRequest{Reason: reason}, nil)
}

// Undrain lets a node take sessions again.
func (f *Fleet) Undrain(ctx context.Context, node string) error {
	return f.Command(ctx, node, command.Undrain, command.Nothing{}, nil)
}

// SetRate changes a live session.
func (f *Fleet) SetRate(ctx context.Context, node string, r command.RateRequest) error {
	return f.Command(ctx, node, command.SetRate, r, nil)
}

// Cancel ends a session or all sessions of a transfer on one node.
func (f *Fleet) Cancel(ctx context.Context, node string, r command.CancelRequest) error {
	return f.Command(ctx, node, command.Cancel, r, nil)
}

// Restart gives a service of a node a fresh process.
func (f *Fleet) Restart(ctx context.Context, node string, r command.RestartRequest) error {
	return f.Command(ctx, node, command.Restart, r, nil)
}

// Move asks the clients of some of a node's sessions to go on elsewhere and returns how many were asked.
func (f *Fleet) Move(ctx context.Context, node string, r command.MoveRequest) (int, error) {
	var a command.MoveAnswer
	err := f.Command(ctx, node, command.Move, r, &a)
	return a.Asked, err
}

// Broadcast sends a command to every node that is not stale and returns the first error of each that failed, by node.
func (f *Fleet) Broadcast(ctx context.Context, name string, request any) map[string]error {
	failed := map[string]error{}
	type outcome struct {
		node string
		err  error
	}
	now, sent := f.config.Now(), 0
	done := make(chan outcome)
	for _, v := range f.Snapshot() {
		if v.Stale(now) {
			continue
		}
		sent++
		go func() { done <- outcome{v.ID, f.Command(ctx, v.ID, name, request, nil)} }()
	}
	for range sent {
		if o := <-done; o.err != nil {
			failed[o.node] = o.err
		}
	}
	return failed
}

// Revoke makes a transfer or an access key worthless on all nodes at once.
func (f *Fleet) Revoke(ctx context.Context, r command.RevokeRequest) map[string]error {
	return f.Broadcast(ctx, command.Revoke, r)
}

// Handler answers one question of a node. request is the node's JSON; the result is marshalled to JSON. Return a *command.Error to say more than "internal".
type Handler func(ctx context.Context, node string, request []byte) (any, error)

// Handle answers questions of one method until the fleet stops. node in the handler comes from the subject, which the certificate allows to that node only.
func (f *Fleet) Handle(method string, h Handler) error {
	slots := make(chan struct{}, answersAtOnce)
	_, err := f.conn.QueueSubscribe("rpc.*."+method, "managers", func(m *nats.Msg) {
		parts := strings.Split(m.Subject, ".")
		if len(parts) != 3 || m.Reply == "" {
			return
		}
		slots <- struct{}{}
		f.running.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
			defer cancel()
			if err := m.Respond(command.Seal(h(ctx, parts[1], m.Data))); err != nil {
				f.log.Warn("answer to node lost", "node", parts[1], "method", method, "error", err)
			}
		})
	})
	if err != nil {
		return fmt.Errorf("answers for %s: %w", method, err)
	}
	return nil
}
