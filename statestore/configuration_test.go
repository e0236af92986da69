package statestore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
)

func TestConfigurationVersionsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.cluster.ID
	first := must(w.Configurations.Get(t.Context(), id, 1))(t)
	wantEqual(t, string(first.Config), `{}`)
	for i := int64(1); i < 4; i++ {
		v := must(w.Configurations.Put(t.Context(), id, i, raw(fmt.Sprintf(`{"max_sessions": %d}`, i)), "user:ada"))(t)
		wantEqual(t, v.Version, i+1)
	}
	c := must(w.Clusters.Get(t.Context(), id))(t)
	wantEqual(t, c.ConfigVersion, 4)
	wantEqual(t, string(c.Config), `{"max_sessions": 3}`)
	wantEqual(t, c.Version, w.cluster.Version) // an edit of the cluster itself is not overtaken

	same := must(w.Configurations.Put(t.Context(), id, 4, raw(`{"max_sessions":3}`), "user:bob"))(t)
	wantEqual(t, same.Version, 4)
	wantEqual(t, same.Author, "user:ada")

	_, err := w.Configurations.Put(t.Context(), id, 3, raw(`{}`), "user:bob")
	wantErr(t, err, statestore.ErrStale)
	_, err = w.Configurations.Put(t.Context(), "none", -1, raw(`{}`), "user:bob")
	wantErr(t, err, statestore.ErrNotFound)
	var versions []int64
	for _, v := range walk(t, 2, func(p statestore.Page) (statestore.List[statestore.ConfigurationVersion], error) {
		return w.Configurations.List(t.Context(), id, p)
	}) {
		versions = append(versions, v.Version)
	}
	wantEqual(t, versions, []int64{4, 3, 2, 1})
}

func TestConsoleIsAskedOnceAndAnsweredOnce(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	w := newWorld(t, on(clk))
	n := w.node(t)
	first := must(w.Consoles.Ask(t.Context(), n.ID))(t)
	again := must(w.Consoles.Ask(t.Context(), n.ID))(t)
	wantEqual(t, again, first) // somebody asks already
	wantEqual(t, len(must(w.Consoles.Waiting(t.Context(), 10))(t)), 1)
	if err := w.Consoles.Answer(t.Context(), n.ID, []byte("boot\x00ok"), ""); err != nil {
		t.Fatal(err)
	}
	got := must(w.Consoles.Get(t.Context(), n.ID))(t)
	if got.AnsweredAt == nil || string(got.Output) != "boot\x00ok" {
		t.Fatalf("%+v", got)
	}
	wantEqual(t, len(must(w.Consoles.Waiting(t.Context(), 10))(t)), 0)
	wantEqual(t, must(w.Consoles.Ask(t.Context(), n.ID))(t), got) // it is not asked twice in a moment
	clk.advance(time.Minute)
	fresh := must(w.Consoles.Ask(t.Context(), n.ID))(t)
	if fresh.AnsweredAt != nil || fresh.Output != nil {
		t.Fatalf("an old answer stands for a new question: %+v", fresh)
	}
	_, err := w.Consoles.Ask(t.Context(), "none")
	wantErr(t, err, statestore.ErrInvalid)
}

func TestDeliveriesOfOneNotificationGoOutInOrder(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	w := newWorld(t, on(clk))
	n := must(w.Notifications.Create(t.Context(), statestore.Notification{Name: "ops", Kind: "webhook", Enabled: true, Target: raw(`{"url":"https://a"}`)}, statestore.Secret("s3")))(t)
	other := must(w.Notifications.Create(t.Context(), statestore.Notification{Name: "mail", Kind: "email", Enabled: true}, nil))(t)
	add := func(to, key string, hold time.Duration) statestore.Delivery {
		t.Helper()
		clk.advance(time.Millisecond)
		return must(w.Deliveries.Add(t.Context(), statestore.Delivery{NotificationID: to, Event: "condition.opened", SubjectKey: key, DueAt: clk.Now().Add(hold)}))(t)
	}
	due := func() []string {
		t.Helper()
		ids := []string{}
		for _, d := range must(w.Deliveries.Due(t.Context()))(t) {
			ids = append(ids, d.ID)
		}
		return ids
	}
	held := add(n.ID, "held", time.Hour)
	a, b, c := add(n.ID, "a", 0), add(n.ID, "b", 0), add(other.ID, "c", 0)
	wantEqual(t, due(), []string{a.ID, c.ID})
	if err := w.Deliveries.Retry(t.Context(), a.ID, "no answer", clk.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, due(), []string{c.ID}) // b waits behind a
	clk.advance(time.Minute)
	wantEqual(t, due(), []string{a.ID, c.ID})
	for _, err := range []error{w.Deliveries.Sent(t.Context(), a.ID), w.Deliveries.GiveUp(t.Context(), b.ID, "refused"), w.Deliveries.Sent(t.Context(), c.ID)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, due(), []string{})
	wantEqual(t, must(w.Deliveries.Requeue(t.Context(), n.ID))(t), int64(1))
	wantEqual(t, due(), []string{b.ID})
	wantEqual(t, must(w.Deliveries.Drop(t.Context(), n.ID, "held", clk.Now(), "over before it was due"))(t), int64(1))
	clk.advance(2 * time.Hour)
	wantEqual(t, must(w.Deliveries.Get(t.Context(), held.ID))(t).State, statestore.DeliveryDropped)
	wantEqual(t, due(), []string{b.ID})
	n.Enabled = false
	n = must(w.Notifications.Update(t.Context(), n, nil))(t)
	wantEqual(t, due(), []string{})
	wantEqual(t, string(must(w.Notifications.Secret(t.Context(), n.ID))(t)), "s3")
	_, err := w.Notifications.Update(t.Context(), statestore.Notification{ID: n.ID, Name: "x", Kind: "webhook", Version: 1}, nil)
	wantErr(t, err, statestore.ErrStale)
	if err := w.Notifications.Delete(t.Context(), n.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.Deliveries.Get(t.Context(), b.ID)
	wantErr(t, err, statestore.ErrNotFound)
}
