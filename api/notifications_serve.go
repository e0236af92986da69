package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/statestore"
)

func notificationView(counts map[string]map[statestore.DeliveryState]int) func(statestore.Notification) Notification {
	return func(n statestore.Notification) Notification {
		out := Notification{
			ID: n.ID, Name: n.Name, Kind: n.Kind, Enabled: n.Enabled, HasSecret: n.HasSecret, State: "idle",
			Waiting: counts[n.ID][statestore.DeliveryWaiting], Failed: counts[n.ID][statestore.DeliveryFailed],
			LastSent: n.LastSentAt, Failing: n.FailingSince, LastError: n.LastError, Version: n.Version, CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt,
		}
		// They were written by this package's own types.
		_ = json.Unmarshal(n.Target, &out.Target)
		_ = json.Unmarshal(n.Filter, &out.Filter)
		switch {
		case !n.Enabled:
			out.State = "off"
		case n.FailingSince != nil:
			out.State = "failing"
		case n.LastSentAt != nil:
			out.State = "ok"
		}
		return out
	}
}

func (s *Server) notificationNow(ctx context.Context, n statestore.Notification) (Notification, error) {
	counts, err := s.store.Deliveries.Counts(ctx)
	return notificationView(counts)(n), err
}

func findNotification(ctx context.Context, t *statestore.Tables, name string) (statestore.Notification, error) {
	n, err := t.Notifications.Get(ctx, name)
	if errors.Is(err, statestore.ErrNotFound) {
		n, err = t.Notifications.ByName(ctx, name)
	}
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("notification", name)
	}
	return n, err
}

func (s *Server) listNotifications(ctx context.Context, in *notificationsIn) (*body[Page[Notification]], error) {
	counts, err := s.store.Deliveries.Counts(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Notifications.List(ctx, in.page())
	return paged(l, err, notificationView(counts))
}

func (s *Server) getNotification(ctx context.Context, in *notificationIn) (*tagged[Notification], error) {
	n, err := findNotification(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.notificationNow(ctx, n)
	return &tagged[Notification]{ETag: etag(n.Version), Body: v}, err
}

// checkTarget refuses a target by field.
func checkTarget(kind string, to NotificationTarget, hasPassword bool) error {
	var faults notify.Faults
	err := notify.Target(to).Check(kind, hasPassword)
	if !errors.As(err, &faults) {
		return err
	}
	p := newProblem(http.StatusUnprocessableEntity, "invalid", "the notification is refused: "+faults.Error())
	for _, f := range faults {
		p.Errors = append(p.Errors, Invalid{Location: "body." + f.Field, Message: f.Problem})
	}
	return p
}

// settleFilter brings clusters to their ids and refuses what never matches.
func settleFilter(ctx context.Context, tx *statestore.Tables, f *NotificationFilter) (NotificationFilter, error) {
	if f == nil {
		return NotificationFilter{}, nil
	}
	out := *f
	out.Clusters = make([]string, 0, len(f.Clusters))
	for _, name := range f.Clusters {
		c, err := findCluster(ctx, tx, name)
		if err != nil {
			return out, invalid("body.filter.clusters", "there is no cluster %q", name)
		}
		out.Clusters = append(out.Clusters, c.ID)
	}
	for _, kind := range f.Kinds {
		if !slices.Contains(cluster.ConditionKinds(), kind) {
			return out, invalid("body.filter.kinds", "%q is no kind of condition", kind)
		}
	}
	return out, nil
}

func (s *Server) createNotification(ctx context.Context, in *notificationCreateIn) (*tagged[NotificationCreated], error) {
	b, shown := in.Body, ""
	if b.Kind == notify.Webhook {
		if b.Secret == "" {
			b.Secret = notify.NewSecret()
		} else if err := notify.CheckSecret(b.Secret); err != nil {
			return nil, invalid("body.secret", "%s", err.Error())
		}
		shown = b.Secret
	}
	if err := checkTarget(b.Kind, b.Target, b.Secret != ""); err != nil {
		return nil, err
	}
	row := statestore.Notification{Name: b.Name, Kind: b.Kind, Enabled: b.Enabled == nil || *b.Enabled}
	err := s.change(ctx, "create", "notification", func(tx *statestore.Tables, a *trail) error {
		filter, err := settleFilter(ctx, tx, b.Filter)
		if err != nil {
			return err
		}
		if row.Target, err = json.Marshal(b.Target); err != nil {
			return err
		}
		if row.Filter, err = json.Marshal(filter); err != nil {
			return err
		}
		var secret statestore.Secret
		if b.Secret != "" {
			secret = statestore.Secret(b.Secret)
		}
		row, err = tx.Notifications.Create(ctx, row, secret)
		a.id, a.after = row.ID, trailOf(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tagged[NotificationCreated]{ETag: etag(row.Version), Body: NotificationCreated{Notification: notificationView(nil)(row), Secret: shown}}, nil
}

// trailOf is what the audit keeps of a notification.
func trailOf(n statestore.Notification) map[string]any {
	return map[string]any{"name": n.Name, "kind": n.Kind, "enabled": n.Enabled, "target": raw(n.Target), "filter": raw(n.Filter), "has_secret": n.HasSecret}
}

func (s *Server) updateNotification(ctx context.Context, in *notificationUpdateIn) (*tagged[Notification], error) {
	base, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	var row statestore.Notification
	err = s.change(ctx, "update", "notification", func(tx *statestore.Tables, a *trail) error {
		if row, err = findNotification(ctx, tx, in.ID); err != nil {
			return err
		}
		a.id, a.before = row.ID, trailOf(row)
		secret, err := amendNotification(ctx, tx, &row, in.Body)
		if err != nil {
			return err
		}
		row.Version = base
		row, err = tx.Notifications.Update(ctx, row, secret)
		a.after = trailOf(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.config.Courier.Wake()
	v, err := s.notificationNow(ctx, row)
	return &tagged[Notification]{ETag: etag(row.Version), Body: v}, err
}

// amendNotification applies a change to a row and returns the secret to be stored, nil to leave the one there is.
func amendNotification(ctx context.Context, tx *statestore.Tables, row *statestore.Notification, b NotificationUpdate) (statestore.Secret, error) {
	var to NotificationTarget
	if err := json.Unmarshal(row.Target, &to); err != nil {
		return nil, err
	}
	if b.Name != nil {
		row.Name = *b.Name
	}
	if b.Enabled != nil {
		row.Enabled = *b.Enabled
	}
	if b.Target != nil {
		to = *b.Target
	}
	var secret statestore.Secret
	has := row.HasSecret
	if b.Secret != nil {
		if row.Kind == notify.Webhook {
			if err := notify.CheckSecret(*b.Secret); err != nil {
				return nil, invalid("body.secret", "%s", err.Error())
			}
		}
		secret, has = statestore.Secret(*b.Secret), *b.Secret != ""
		if !has {
			secret = statestore.Secret{}
		}
	}
	if err := checkTarget(row.Kind, to, has); err != nil {
		return nil, err
	}
	var err error
	if row.Target, err = json.Marshal(to); err != nil {
		return nil, err
	}
	if b.Filter != nil {
		filter, err := settleFilter(ctx, tx, b.Filter)
		if err != nil {
			return nil, err
		}
		if row.Filter, err = json.Marshal(filter); err != nil {
			return nil, err
		}
	}
	return secret, nil
}

func (s *Server) deleteNotification(ctx context.Context, in *notificationIn) (*empty, error) {
	return &empty{}, s.change(ctx, "delete", "notification", func(tx *statestore.Tables, a *trail) error {
		n, err := findNotification(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		a.id, a.before = n.ID, trailOf(n)
		return tx.Notifications.Delete(ctx, n.ID)
	})
}

// testNotification sends past the queue: who presses the button wants to know now.
func (s *Server) testNotification(ctx context.Context, in *notificationIn) (*body[NotificationTest], error) {
	var n statestore.Notification
	err := s.change(ctx, "test", "notification", func(tx *statestore.Tables, a *trail) error {
		var err error
		n, err = findNotification(ctx, tx, in.ID)
		a.id, a.after = n.ID, map[string]any{"name": n.Name}
		return err
	})
	if err != nil {
		return nil, err
	}
	url, err := s.publicURL(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.config.Courier.Send(ctx, n, statestore.NewID(), notify.Test(s.now().UTC(), n.Name, url)); err != nil {
		if errors.Is(err, statestore.ErrUnavailable) {
			return nil, err
		}
		return ok(NotificationTest{Error: err.Error()}), nil
	}
	return ok(NotificationTest{Sent: true}), nil
}

func (s *Server) retryNotification(ctx context.Context, in *notificationIn) (*body[NotificationRetry], error) {
	var out NotificationRetry
	err := s.change(ctx, "retry", "notification", func(tx *statestore.Tables, a *trail) error {
		n, err := findNotification(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		out.Queued, err = tx.Deliveries.Requeue(ctx, n.ID)
		a.id, a.after = n.ID, out
		return err
	})
	if err != nil {
		return nil, err
	}
	s.config.Courier.Wake()
	return ok(out), nil
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesIn) (*body[Page[Delivery]], error) {
	n, err := findNotification(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Deliveries.List(ctx, n.ID, statestore.DeliveryState(in.State), in.page())
	return paged(l, err, func(d statestore.Delivery) Delivery {
		out := Delivery{
			ID: d.ID, Event: d.Event, State: string(d.State), Attempts: d.Attempts, CreatedAt: d.CreatedAt, DoneAt: d.DoneAt,
			LastError: d.LastError, Message: raw(d.Payload),
		}
		if d.State == statestore.DeliveryWaiting {
			next := d.NextAt
			out.NextAt = &next
		}
		return out
	})
}
