package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/godwit/godwit/statestore"
)

const (
	// lookEvery is how often the courier looks for work that nobody told of.
	lookEvery = 5 * time.Second
	// firstRetry and lastRetry bound the pause after a failure, which doubles.
	firstRetry = 10 * time.Second
	lastRetry  = 15 * time.Minute
	// patience is how long a delivery is tried: over a weekend.
	patience = 72 * time.Hour
	// remember is how long deliveries that are done are kept.
	remember   = 30 * 24 * time.Hour
	changesPer = 200
	sendAtOnce = 8
	// cursorKey is the setting that holds how far the changes of conditions have been turned into deliveries.
	cursorKey = "notify_cursor"
)

// Config of a Courier. Store and Sender are required.
type Config struct {
	Store  *statestore.Store
	Sender *Sender
	URL    func(context.Context) string // of the manager, for those who read; may be nil
	Now    func() time.Time             // time.Now when nil
	Log    *slog.Logger
}

// Courier turns changes of conditions into deliveries and sends them, while its manager leads.
type Courier struct {
	Config
	wake      chan struct{}
	forgotten time.Time
}

// New returns a courier that does nothing yet.
func New(c Config) *Courier {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.URL == nil {
		c.URL = func(context.Context) string { return "" }
	}
	return &Courier{Config: c, wake: make(chan struct{}, 1)}
}

// Wake says that there may be something to tell. It does not block.
func (c *Courier) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Elector gives terms; *statestore.Elector is one.
type Elector interface {
	WhileLeading(ctx context.Context, f func(ctx context.Context, term statestore.Term) error) error
}

// Run works in every term that the elector wins, until ctx ends.
func (c *Courier) Run(ctx context.Context, elector Elector) error {
	return elector.WhileLeading(ctx, c.lead)
}

func (c *Courier) lead(ctx context.Context, term statestore.Term) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := c.Step(ctx, term); err != nil && ctx.Err() == nil && !errors.Is(err, statestore.ErrFenced) {
			c.Log.WarnContext(ctx, "notifications wait", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.wake:
		}
	}
}

// Step tells all that is due now, and returns when it is sent or has failed.
func (c *Courier) Step(ctx context.Context, term statestore.Term) error {
	for {
		n, err := c.collect(ctx, term)
		if err != nil {
			return err
		}
		if n < changesPer {
			break
		}
	}
	for {
		due, err := c.Store.Deliveries.Due(ctx)
		if err != nil || len(due) == 0 {
			return errors.Join(err, c.forget(ctx))
		}
		if err := c.send(ctx, due); err != nil {
			return err
		}
	}
}

// collect turns changes into deliveries and returns how many changes there were.
func (c *Courier) collect(ctx context.Context, term statestore.Term) (int, error) {
	n, url := 0, c.URL(ctx)
	err := c.Store.Lead(ctx, term, func(tx *statestore.Tables) error {
		var cursor int64
		err := tx.Settings.Get(ctx, cursorKey, &cursor)
		if errors.Is(err, statestore.ErrNotFound) {
			if cursor, err = tx.Conditions.LastChange(ctx); err == nil {
				err = tx.Settings.Put(ctx, cursorKey, cursor)
			}
			return err
		}
		if err != nil {
			return err
		}
		changes, err := tx.Conditions.Changes(ctx, cursor, changesPer)
		if n = len(changes); err != nil || n == 0 {
			return err
		}
		wanted, err := notifications(ctx, tx)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, change := range changes {
			cursor = change.Seq
			for _, w := range wanted {
				if err := c.queue(ctx, tx, w, change, names, url); err != nil {
					return err
				}
			}
		}
		return tx.Settings.Put(ctx, cursorKey, cursor)
	})
	return n, err
}

type wish struct {
	statestore.Notification
	filter Filter
}

// notifications are those that are enabled.
func notifications(ctx context.Context, tx *statestore.Tables) ([]wish, error) {
	var out []wish
	page := statestore.Page{Limit: 1000}
	for {
		l, err := tx.Notifications.List(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, n := range l.Items {
			w := wish{Notification: n}
			if err := json.Unmarshal(n.Filter, &w.filter); err != nil {
				return nil, fmt.Errorf("filter of notification %s: %w", n.Name, err)
			}
			if n.Enabled {
				out = append(out, w)
			}
		}
		if l.Next == "" {
			return out, nil
		}
		page.Cursor = l.Next
	}
}

// queue stores the delivery that a change is for one notification. An end cancels a beginning that is still held back.
func (c *Courier) queue(ctx context.Context, tx *statestore.Tables, w wish, change statestore.ConditionChange, names map[string]string, url string) error {
	if change.At.Before(w.CreatedAt) {
		return nil // before its time
	}
	key := fmt.Sprintf("%s/%s/%s/%d", change.ClusterID, change.Kind, change.Subject, change.Since.UnixMicro())
	if change.Change == statestore.ConditionClosed {
		dropped, err := tx.Deliveries.Drop(ctx, w.ID, key, change.At, "the condition ended before it had lasted long enough to be told")
		if err != nil || dropped > 0 {
			return err
		}
	}
	if !w.filter.Wants(change.Change, change.Kind, change.ClusterID) {
		return nil
	}
	if _, known := names[change.ClusterID]; !known {
		names[change.ClusterID] = change.ClusterID
		if row, err := tx.Clusters.Get(ctx, change.ClusterID); err == nil {
			names[change.ClusterID] = row.Name
		} else if !errors.Is(err, statestore.ErrNotFound) {
			return err
		}
	}
	m := Of(change, names[change.ClusterID], url)
	payload, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	d := statestore.Delivery{NotificationID: w.ID, Event: m.Type, SubjectKey: key, Payload: payload}
	if change.Change == statestore.ConditionOpened {
		d.DueAt = change.At.Add(time.Duration(w.filter.AfterS) * time.Second)
	}
	_, err = tx.Deliveries.Add(ctx, d)
	return err
}

// send makes one attempt at each delivery; there is one per notification. Its error is the store's: what a target says
// is written down.
func (c *Courier) send(ctx context.Context, due []statestore.Delivery) error {
	var mu sync.Mutex
	var failures []error
	var running sync.WaitGroup
	slots := make(chan struct{}, sendAtOnce)
	for _, d := range due {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := c.attempt(ctx, d); err != nil {
				mu.Lock()
				failures = append(failures, err)
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return errors.Join(failures...)
}

func (c *Courier) attempt(ctx context.Context, d statestore.Delivery) error {
	n, err := c.Store.Notifications.Get(ctx, d.NotificationID)
	if errors.Is(err, statestore.ErrNotFound) {
		return nil // deleted meanwhile, and its deliveries with it
	}
	if err != nil {
		return err
	}
	err = c.deliver(ctx, n, d)
	switch {
	case err == nil:
		if err := c.Store.Deliveries.Sent(ctx, d.ID); err != nil {
			return gone(err)
		}
		return gone(c.Store.Notifications.Succeeded(ctx, n.ID))
	case ctx.Err() != nil:
		return ctx.Err() // leadership or the manager ended: the next leader sends it
	case errors.Is(err, statestore.ErrUnavailable):
		return err
	}
	why := clip(err.Error())
	c.Log.WarnContext(ctx, "notification not sent", "notification", n.Name, "delivery", d.ID, "attempt", d.Attempts+1, "error", why)
	if c.Now().Sub(d.CreatedAt) > patience {
		err = c.Store.Deliveries.GiveUp(ctx, d.ID, why)
	} else {
		err = c.Store.Deliveries.Retry(ctx, d.ID, why, c.Now().Add(pause(d.Attempts)))
	}
	return errors.Join(gone(err), gone(c.Store.Notifications.Failed(ctx, n.ID, why)))
}

// deliver sends a stored delivery to its notification's target.
func (c *Courier) deliver(ctx context.Context, n statestore.Notification, d statestore.Delivery) error {
	var m Message
	if err := json.Unmarshal(d.Payload, &m); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	return c.Send(ctx, n, d.ID, m)
}

// Send sends a message to a notification's target now, outside of the queue.
func (c *Courier) Send(ctx context.Context, n statestore.Notification, id string, m Message) error {
	var to Target
	if err := json.Unmarshal(n.Target, &to); err != nil {
		return fmt.Errorf("target of notification %s: %w", n.Name, err)
	}
	secret, err := c.Store.Notifications.Secret(ctx, n.ID)
	if err != nil {
		return err
	}
	return c.Sender.Send(ctx, n.Kind, to, string(secret), id, m)
}

// gone forgives that a row was deleted meanwhile.
func gone(err error) error {
	if errors.Is(err, statestore.ErrNotFound) {
		return nil
	}
	return err
}

// pause before the next attempt: doubled each time, with jitter so that targets behind one server come apart.
func pause(attempts int) time.Duration {
	d := min(firstRetry<<min(attempts, 10), lastRetry)
	return d/2 + rand.N(d/2) // jitter
}

const maxWhy = 500

func clip(s string) string {
	s = line(s)
	if len(s) > maxWhy {
		s = s[:maxWhy]
	}
	return s
}

// forget drops what was done long ago, once an hour.
func (c *Courier) forget(ctx context.Context) error {
	now := c.Now()
	if now.Sub(c.forgotten) < time.Hour {
		return nil
	}
	if _, err := c.Store.Deliveries.Forget(ctx, now.Add(-remember)); err != nil {
		return err
	}
	c.forgotten = now
	return nil
}
