package notify_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/statestore"
)

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestWebhookIsToldOfBeginningAndEndOnce(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.raise("capacity_short", "before anybody asked")
	r := p.receiver()
	p.clock.pass(time.Second)
	n := p.notification("ops", notify.Webhook, notify.Target{URL: r.URL + "/hook"}, notify.Filter{}, r.secret)
	p.raise("quota_reached", "vCPU quota reached\r\nSubject: forged")
	p.step()
	p.step()
	ids, types := r.took()
	same(t, "opened", types, []string{"condition.opened quota_reached"})
	p.raise("quota_reached", "still so") // confirmed, not news
	p.end("quota_reached")
	p.step()
	next, types := r.took()
	same(t, "closed", types, []string{"condition.closed quota_reached"})
	if slices.Equal(ids, next) {
		t.Error("two pieces of news under one id")
	}
	same(t, "states", p.states(n), map[statestore.DeliveryState]int{statestore.DeliverySent: 2})
}

func TestReceiverThatIsDownMissesNothingAndGetsItInOrder(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.receiver()
	n := p.notification("ops", notify.Webhook, notify.Target{URL: r.URL}, notify.Filter{}, r.secret)
	r.answers(http.StatusBadGateway)
	p.raise("quota_reached", "full")
	p.step()
	first, _ := r.took()
	p.end("quota_reached")
	p.raise("provider_failing", "away")
	p.step() // the pause is not over, and what follows waits behind the first
	if ids, _ := r.took(); len(ids) != 0 {
		t.Errorf("%d attempts during the pause", len(ids))
	}
	row, err := p.store.Notifications.Get(t.Context(), n.ID)
	if err != nil || row.FailingSince == nil || !strings.Contains(row.LastError, "502") {
		t.Errorf("what the operator sees: %+v %v", row, err)
	}
	r.answers(http.StatusOK)
	p.clock.pass(time.Minute)
	// Another manager leads now.
	if err := p.another().Step(t.Context(), p.term); err != nil {
		t.Fatal(err)
	}
	ids, types := r.took()
	same(t, "order", types, []string{"condition.opened quota_reached", "condition.closed quota_reached", "condition.opened provider_failing"})
	if ids[0] != first[0] {
		t.Errorf("the attempts have ids %s and %s", first[0], ids[0])
	}
	if row, err = p.store.Notifications.Get(t.Context(), n.ID); err != nil || row.FailingSince != nil || row.LastError != "" || row.LastSentAt == nil {
		t.Errorf("what the operator sees: %+v %v", row, err)
	}
}

func TestWhatFailsForDaysIsSetAsideAndCanBeSentAgain(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.receiver()
	n := p.notification("ops", notify.Webhook, notify.Target{URL: r.URL}, notify.Filter{}, r.secret)
	r.answers(http.StatusGone)
	p.raise("quota_reached", "full")
	p.step()
	p.clock.pass(73 * time.Hour)
	p.step()
	same(t, "states", p.states(n), map[statestore.DeliveryState]int{statestore.DeliveryFailed: 1})
	r.took()
	r.answers(http.StatusOK)
	if k, err := p.store.Deliveries.Requeue(t.Context(), n.ID); err != nil || k != 1 {
		t.Fatalf("%d %v", k, err)
	}
	p.step()
	_, types := r.took()
	same(t, "sent again", types, []string{"condition.opened quota_reached"})
}

func TestFilterAndPatienceKeepQuiet(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.receiver()
	n := p.notification("ops", notify.Webhook, notify.Target{URL: r.URL},
		notify.Filter{Kinds: []string{"quota_reached"}, Clusters: []string{p.cluster.ID}, AfterS: 60}, r.secret)
	p.raise("provider_failing", "not asked for")
	p.raise("quota_reached", "comes and goes")
	p.step()
	p.end("quota_reached")
	p.clock.pass(2 * time.Minute)
	p.step()
	if _, types := r.took(); len(types) != 0 {
		t.Errorf("told of %v", types)
	}
	same(t, "states", p.states(n), map[statestore.DeliveryState]int{statestore.DeliveryDropped: 1})
	p.raise("quota_reached", "stays")
	p.step()
	p.clock.pass(2 * time.Minute)
	p.step()
	p.end("quota_reached")
	p.step()
	_, types := r.took()
	same(t, "told", types, []string{"condition.opened quota_reached", "condition.closed quota_reached"})
}

func TestOldLeaderQueuesNothing(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.raise("quota_reached", "full")
	if err := p.Step(t.Context(), p.term+1); !errors.Is(err, statestore.ErrFenced) {
		t.Fatalf("got %v", err)
	}
}

func TestMailArrivesOverTLS(t *testing.T) {
	t.Parallel()
	for _, security := range []string{notify.StartTLS, notify.TLS} {
		t.Run(security, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			m := p.mailServer(security == notify.TLS)
			to := notify.Target{
				Host: "127.0.0.1", Port: m.addr.Port, Security: security, Username: "godwit", From: "godwit@studio.example", To: []string{"ops@studio.example", "night@studio.example"},
			}
			n := p.notification("mail", notify.Email, to, notify.Filter{}, "quiet morning")
			p.raise("quota_reached", "vCPU quota über 5\r\nBcc: everybody@example.org")
			p.step()
			mails := m.took()
			if len(mails) != 1 {
				t.Fatalf("%d mails, %+v", len(mails), p.states(n))
			}
			head, body, _ := strings.Cut(mails[0], "\r\n\r\n")
			for _, want := range []string{"Subject: [godwit] studio: quota reached", "Auto-Submitted: auto-generated", "@studio.example>"} {
				if !strings.Contains(head, want) {
					t.Errorf("head lacks %q:\n%s", want, head)
				}
			}
			if strings.Contains(head, "Bcc") || !strings.Contains(body, "Ask for more.") || !strings.Contains(body, "https://manager.test") {
				t.Errorf("mail:\n%s", mails[0])
			}
		})
	}
}

func TestMailServerThatIsDownOrRefusesIsSaidAndTheMailWaits(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	m := p.mailServer(false)
	to := notify.Target{Host: "127.0.0.1", Port: m.addr.Port, Security: notify.StartTLS, Username: "godwit", From: "a@b.example", To: []string{"c@d.example"}}
	wrong := p.notification("wrong", notify.Email, to, notify.Filter{}, "a wrong password")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	to.Port = l.Addr().(*net.TCPAddr).Port
	down := p.notification("down", notify.Email, to, notify.Filter{}, "quiet morning")
	p.raise("quota_reached", "full")
	p.step()
	for _, n := range []statestore.Notification{wrong, down} {
		same(t, n.Name, p.states(n), map[statestore.DeliveryState]int{statestore.DeliveryWaiting: 1})
		row, err := p.store.Notifications.Get(t.Context(), n.ID)
		if err != nil || row.FailingSince == nil || row.LastError == "" || strings.Contains(row.LastError, "wrong password") {
			t.Errorf("%s: %+v %v", n.Name, row, err)
		}
	}
	// The operator corrects the port: it is sent without waiting for another condition.
	row, err := p.store.Notifications.Get(t.Context(), down.ID)
	if err != nil {
		t.Fatal(err)
	}
	to.Port = m.addr.Port
	if row.Target, err = json.Marshal(to); err != nil {
		t.Fatal(err)
	}
	if _, err := p.store.Notifications.Update(t.Context(), row, nil); err != nil {
		t.Fatal(err)
	}
	p.clock.pass(time.Minute)
	p.step()
	if got := m.took(); len(got) != 1 {
		t.Errorf("%d mails", len(got))
	}
}

func TestNothingIsSentToAddressesThatNobodyAllowed(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	to := notify.Target{URL: "https://169.254.169.254/latest/meta-data"}
	n := p.notification("metadata", notify.Webhook, to, notify.Filter{}, notify.NewSecret())
	err := p.Send(t.Context(), n, "id", notify.Test(p.clock.Now(), n.Name, ""))
	if err == nil || !strings.Contains(err.Error(), "egress_allow") {
		t.Fatalf("got %v", err)
	}
}

func TestTargetsThatCannotWorkAreRefusedByField(t *testing.T) {
	t.Parallel()
	mail := notify.Target{Host: "mail.example.org", Security: notify.StartTLS, From: "a@b.example", To: []string{"c@d.example"}}
	with := func(change func(*notify.Target)) notify.Target { v := mail; change(&v); return v }
	for _, tc := range []struct {
		kind     string
		to       notify.Target
		password bool
		field    string
	}{
		{notify.Webhook, notify.Target{URL: "https://example.org/x"}, true, ""},
		{notify.Webhook, notify.Target{URL: "http://example.org/x"}, true, "target.url"},
		{notify.Webhook, notify.Target{URL: "https://u:p@example.org"}, true, "target.url"},
		{notify.Webhook, notify.Target{URL: "example.org"}, true, "target.url"},
		{notify.Email, mail, false, ""},
		{notify.Email, with(func(m *notify.Target) { m.Username = "u" }), true, ""},
		{notify.Email, mail, true, "target.username"},
		{notify.Email, with(func(m *notify.Target) { m.Host = "smtp://x" }), false, "target.host"},
		{notify.Email, with(func(m *notify.Target) { m.Port = 70000 }), false, "target.port"},
		{notify.Email, with(func(m *notify.Target) { m.Security = "ssl3" }), false, "target.security"},
		{notify.Email, with(func(m *notify.Target) { m.Security, m.Username = notify.Plain, "u" }), true, "target.security"},
		{notify.Email, with(func(m *notify.Target) { m.From = "a@b\r\nBcc: x@y" }), false, "target.from"},
		{notify.Email, with(func(m *notify.Target) { m.To = nil }), false, "target.to"},
		{notify.Email, with(func(m *notify.Target) { m.To = []string{"nobody"} }), false, "target.to[0]"},
		{"pigeon", notify.Target{}, false, "kind"},
	} {
		err := tc.to.Check(tc.kind, tc.password)
		var faults notify.Faults
		if tc.field == "" && err != nil || tc.field != "" && (!errors.As(err, &faults) || len(faults) != 1 || faults[0].Field != tc.field) {
			t.Errorf("%s %+v: %v, want a fault of %q", tc.kind, tc.to, err, tc.field)
		}
	}
	for _, s := range []string{"", "secret", "whsec_", "whsec_!!", "whsec_c2hvcnQ="} {
		if notify.CheckSecret(s) == nil {
			t.Errorf("%q is accepted as a key", s)
		}
	}
	if err := notify.CheckSecret(notify.NewSecret()); err != nil {
		t.Error(err)
	}
}
