package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

const (
	consoleEvery   = time.Second
	consolesAtOnce = 8
)

// Consoles answers requests for what nodes' machines wrote to their consoles,
// while its manager leads: only the leader speaks with providers.
type Consoles struct {
	tables    *statestore.Tables
	providers map[string]provisioner.Provider
	timeout   time.Duration
	log       *slog.Logger
	wake      chan struct{}
}

// NewConsoles takes the reconciler's providers.
func NewConsoles(tables *statestore.Tables, providers map[string]provisioner.Provider, log *slog.Logger) *Consoles {
	return &Consoles{tables: tables, providers: providers, timeout: 15 * time.Second, log: log, wake: make(chan struct{}, 1)}
}

// Wake says that somebody asks. It does not block.
func (c *Consoles) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run answers in every term that the elector wins, until ctx ends.
func (c *Consoles) Run(ctx context.Context, elector Elector) error {
	return elector.WhileLeading(ctx, func(ctx context.Context, _ statestore.Term) error {
		tick := time.NewTicker(consoleEvery)
		defer tick.Stop()
		for {
			if err := c.Step(ctx); err != nil && ctx.Err() == nil {
				c.log.DebugContext(ctx, "console requests wait", "err", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			case <-c.wake:
			}
		}
	})
}

// Step answers the requests that wait now.
func (c *Consoles) Step(ctx context.Context) error {
	waiting, err := c.tables.Consoles.Waiting(ctx, consolesAtOnce)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	failures := make([]error, len(waiting))
	for i, request := range waiting {
		running.Go(func() { failures[i] = c.answer(ctx, request.NodeID) })
	}
	running.Wait()
	return errors.Join(failures...)
}

func (c *Consoles) answer(ctx context.Context, nodeID string) error {
	n, err := c.tables.Nodes.Get(ctx, nodeID)
	if err != nil {
		return err
	}
	output, err := c.read(ctx, n)
	text := ""
	if err != nil {
		output, text = nil, err.Error()
	}
	err = c.tables.Consoles.Answer(ctx, nodeID, output, text)
	if errors.Is(err, statestore.ErrNotFound) {
		return nil // the node's row was deleted, and the request with it
	}
	return err
}

func (c *Consoles) read(ctx context.Context, n statestore.Node) ([]byte, error) {
	p := c.providers[n.Provider]
	if p == nil {
		return nil, fmt.Errorf("there is no provider %q here", n.Provider)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return p.Console(ctx, n.InstanceID)
}
