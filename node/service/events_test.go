package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/transfer"
)

func did(kind transfer.SessionEventKind, session string, bytes int64) transfer.SessionEvent {
	return transfer.SessionEvent{Kind: kind, Session: transfer.SessionStatus{ID: session, Bytes: bytes}}
}

func TestProgressCoalescesUntilItIsRead(t *testing.T) {
	t.Parallel()
	q := NewQueue()
	q.Add(did(transfer.SessionStarted, "a", 0))
	q.Add(did(transfer.SessionProgress, "a", 1))
	q.Add(did(transfer.SessionProgress, "b", 1))
	q.Add(did(transfer.SessionProgress, "a", 2))
	events, _ := q.after(0)
	if len(events) != 3 || events[1].Event.Session.Bytes != 2 {
		t.Fatalf("%+v", events)
	}
	q.Add(did(transfer.SessionProgress, "a", 3)) // the one before is on its way already
	if more, _ := q.after(3); len(more) != 1 || more[0].Event.Session.Bytes != 3 || more[0].Seq != 4 {
		t.Errorf("%+v", more)
	}
	q.Ack(3)
	if left, _ := q.after(0); len(left) != 1 || left[0].Seq != 4 {
		t.Errorf("after the acknowledgement: %+v", left)
	}
}

// stub answers like a transfer service that knows one session.
type stub struct{ Backend }

func (stub) SetRate(r command.RateRequest) error {
	if r.Session != "s1" {
		return ErrNotFound
	}
	return nil
}

func (stub) Configure(Config) error { return errors.New("serving certificate: nonsense") }

func serve(t *testing.T, q *Queue) *Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, NewServer(stub{}, q)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return NewClient(socket)
}

func TestUnacknowledgedEventsComeAgainOnTheNextStream(t *testing.T) {
	t.Parallel()
	q := NewQueue()
	c := serve(t, q)
	for i := range 5 {
		q.Add(did(transfer.SessionStarted, fmt.Sprint(i), 0))
	}
	enough := errors.New("enough")
	var got []uint64
	read := func(n int) {
		t.Helper()
		err := c.Events(t.Context(), func(e Event) error {
			got = append(got, e.Seq)
			if len(got) == n {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Fatal(err)
		}
	}
	read(3)
	if err := c.Ack(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	go q.Add(did(transfer.SessionEnded, "0", 0)) // whether it comes before or after the stream opens must not matter
	read(3 + 4)
	if fmt.Sprint(got) != "[1 2 3 3 4 5 6]" {
		t.Errorf("read %v", got)
	}
}

func TestErrorsCrossTheSocket(t *testing.T) {
	t.Parallel()
	c := serve(t, NewQueue())
	if err := c.SetRate(t.Context(), command.RateRequest{Session: "s1"}); err != nil {
		t.Error(err)
	}
	if err := c.SetRate(t.Context(), command.RateRequest{Session: "s2"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
	if err := c.Configure(t.Context(), Config{}); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("bad configuration: %v", err)
	}
}

func TestAskerTellsAwayFromRefused(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "a")
	a := NewAsker(socket)
	code := func() string {
		_, err := a.Tenant(t.Context(), command.TenantRequest{AccessKey: "acme"})
		var known *command.Error
		if !errors.As(err, &known) {
			return fmt.Sprint(err)
		}
		return known.Code
	}
	if got := code(); got != command.CodeUnavailable {
		t.Errorf("no agent: %s", got)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 1)
	answers <- fmt.Errorf("question: %w", command.ErrNotConnected)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, l, AnswerTenants(func(context.Context, command.TenantRequest) (command.Tenant, error) {
			return command.Tenant{AccessKey: "acme"}, <-answers
		}))
	}()
	if got := code(); got != command.CodeUnavailable {
		t.Errorf("no manager: %s", got)
	}
	answers <- command.Errorf(command.CodeNotFound, "no such key")
	if got := code(); got != command.CodeNotFound {
		t.Errorf("unknown key: %s", got)
	}
	answers <- nil
	if got := code(); got != "<nil>" {
		t.Errorf("known key: %s", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
