package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/journal/spool"
	"github.com/godwit/godwit/transfer"
)

func book(t *testing.T, dir string) (*ledger, *spool.Spool) {
	t.Helper()
	s, err := spool.Open(dir+"/spool", spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	l, err := openLedger(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	return l, s
}

// spooled returns what is in the spool: kind, session and code of each event.
func spooled(t *testing.T, s *spool.Spool) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	events, last, err := s.Next(ctx, 1000)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s.Ack(last)
	var out []string
	for _, e := range events {
		var data struct {
			Code string `json:"code"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Kind, e.Session, data.Code)))
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("spooled:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

var begin = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func step(kind transfer.SessionEventKind, session string, after time.Duration) transfer.SessionEvent {
	return transfer.SessionEvent{Kind: kind, At: begin.Add(after), Session: transfer.SessionStatus{ID: session, TransferID: "t", Tenant: "acme", Started: begin}}
}

func take(t *testing.T, l *ledger, events ...transfer.SessionEvent) {
	t.Helper()
	for _, e := range events {
		if err := l.take(e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProgressIsThinnedOut(t *testing.T) {
	t.Parallel()
	l, s := book(t, t.TempDir())
	take(t, l, step(transfer.SessionStarted, "a", 0))
	for i := range 40 {
		take(t, l, step(transfer.SessionProgress, "a", time.Duration(i)*time.Second))
	}
	take(t, l, step(transfer.SessionEnded, "a", 40*time.Second))
	expect(t, spooled(t, s), "transfer.session.started a", "transfer.session.progress a", "transfer.session.progress a", "transfer.session.ended a")
}

func TestSessionsOfADeadServiceEndAsLost(t *testing.T) {
	t.Parallel()
	l, s := book(t, t.TempDir())
	take(t, l, step(transfer.SessionStarted, "a", 0), step(transfer.SessionStarted, "b", 0), step(transfer.SessionEnded, "a", time.Second))
	if err := l.abandon("the transfer service died"); err != nil {
		t.Fatal(err)
	}
	if err := l.abandon("again"); err != nil {
		t.Fatal(err)
	}
	expect(t, spooled(t, s), "transfer.session.started a", "transfer.session.started b", "transfer.session.ended a", "transfer.session.ended b lost")
}

func TestSessionsOfADeadAgentEndWhenItComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, s := book(t, dir)
	take(t, l, step(transfer.SessionStarted, "a", 0))
	expect(t, spooled(t, s), "transfer.session.started a")
	s.Close()
	_, s = book(t, dir)
	expect(t, spooled(t, s), "transfer.session.ended a lost")
	s.Close()
	_, s = book(t, dir)
	expect(t, spooled(t, s))
}

func TestManyFilesAreCutIntoEventsThatFit(t *testing.T) {
	t.Parallel()
	l, s := book(t, t.TempDir())
	e := step(transfer.SessionFiles, "a", 0)
	for i := range 1001 {
		e.Files = append(e.Files, transfer.FileOutcome{Path: fmt.Sprintf("%0200d", i), Size: 1, Outcome: "committed"})
	}
	take(t, l, e)
	if got := spooled(t, s); len(got) != 6 {
		t.Errorf("%d events", len(got))
	}
}
