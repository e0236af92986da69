package slot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) (*Directory, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slots")
	d, err := Open(path)
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return d, path
}

func take(t *testing.T, path string) *Machine {
	t.Helper()
	m, err := Take(t.Context(), path, nil)
	must(t, err)
	return m
}

func look(t *testing.T, d *Directory, name string) View {
	t.Helper()
	v, err := d.Look(name)
	must(t, err)
	return v
}

func TestASlotIsFreeWhileItsMachineWaits(t *testing.T) {
	t.Parallel()
	d, path := open(t)
	if v := look(t, d, "a"); v.Free() || v.Present {
		t.Errorf("a slot that nobody made: %+v", v)
	}
	m := take(t, filepath.Join(path, "a"))
	if v := look(t, d, "a"); v.Free() || !v.Present {
		t.Errorf("a machine that has not said that it waits: %+v", v)
	}
	must(t, m.Report(Status{Machine: "host", State: Waiting}))
	if v := look(t, d, "a"); !v.Free() {
		t.Errorf("a machine that waits: %+v", v)
	}
	must(t, d.Assign("a", Assignment{Instance: Join("a", "1"), NodeID: "n"}))
	if v := look(t, d, "a"); v.Free() || v.Takes("a.1") {
		t.Errorf("an assigned slot: %+v", v)
	}
	must(t, m.Report(Status{State: Serving, Instance: "a.1"}))
	must(t, d.Withdraw("a"))
	if v := look(t, d, "a"); v.Free() || !v.Takes("a.1") || v.Withdrawn == nil || v.Assigned != nil {
		t.Errorf("a slot whose machine still ends its node: %+v", v)
	}
	must(t, m.Report(Status{State: Waiting}))
	must(t, m.Close())
	if v := look(t, d, "a"); v.Free() || v.Present {
		t.Errorf("a slot whose machine has left: %+v", v)
	}
	present, err := Present(filepath.Join(path, "a"))
	if present || err != nil {
		t.Errorf("present: %v, %v", present, err)
	}
}

func TestTwoMachinesDoNotShareASlot(t *testing.T) {
	t.Parallel()
	_, path := open(t)
	one := take(t, filepath.Join(path, "a"))
	told := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		m, err := Take(t.Context(), filepath.Join(path, "a"), func() { close(told) })
		if err == nil {
			err = m.Close()
		}
		got <- err
	}()
	<-told
	select {
	case err := <-got:
		t.Fatalf("the second machine did not wait: %v", err)
	default:
	}
	must(t, one.Close())
	must(t, <-got)

	three := take(t, filepath.Join(path, "a"))
	defer three.Close()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Take(ctx, filepath.Join(path, "a"), cancel)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("take under an ended context: %v", err)
	}
}

func TestManagersChangeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	d, path := open(t)
	unlock, err := d.Lock(t.Context())
	must(t, err)
	other, err := Open(path)
	must(t, err)
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := other.Lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second manager got the lock: %v", err)
	}
	unlock()
	unlock, err = other.Lock(t.Context())
	must(t, err)
	unlock()
}

func TestAShareThatIsAwayIsNotAWithdrawal(t *testing.T) {
	t.Parallel()
	d, path := open(t)
	m := take(t, filepath.Join(path, "a"))
	defer m.Close()
	if a, err := m.Assignment(); a != nil || err != nil {
		t.Errorf("no assignment: %v, %v", a, err)
	}
	must(t, d.Assign("a", Assignment{Instance: "a.1", NodeID: "n"}))
	if a, err := m.Assignment(); err != nil || a == nil || a.Instance != "a.1" {
		t.Errorf("assignment: %+v, %v", a, err)
	}
	must(t, os.WriteFile(filepath.Join(path, "a", assignmentFile), []byte(`{"instance":`), 0o600))
	if a, err := m.Assignment(); err == nil {
		t.Errorf("half an assignment reads as %+v", a)
	}
	if v, err := d.Look("a"); err == nil {
		t.Errorf("and to the manager as %+v", v)
	}
}

func TestTheConsoleKeepsTheLastPart(t *testing.T) {
	t.Parallel()
	d, path := open(t)
	m := take(t, filepath.Join(path, "a"))
	defer m.Close()
	c, err := m.Console(true)
	must(t, err)
	line := []byte(strings.Repeat("x", 99) + "\n")
	for range 3 * consoleSize / len(line) {
		if n, err := c.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	_, _ = c.Write([]byte("the end"))
	must(t, c.Close())
	text, err := d.Console("a", 1000)
	if err != nil || len(text) != 1000 || !bytes.HasSuffix(text, []byte("x\nthe end")) {
		t.Errorf("%d bytes, %v: %q", len(text), err, text)
	}
	if text, err = d.Console("a", consoleSize); err != nil || len(text) != consoleSize {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for _, name := range []string{consoleFile, consoleBefore} {
		if info, err := os.Stat(filepath.Join(path, "a", name)); err != nil || info.Size() > consoleSize {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	next, err := m.Console(true)
	must(t, err)
	must(t, next.Close())
	if text, err := d.Console("a", 1000); err != nil || len(text) > 0 {
		t.Errorf("a fresh console: %q, %v", text, err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a": true, "node1": true, "rack-7": true, strings.Repeat("x", 63): true,
		"": false, ".": false, "..": false, "a/b": false, "A": false, "-a": false, "a.b": false, strings.Repeat("x", 64): false, ".lock": false,
	} {
		if ValidName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	for _, id := range []string{"", "a", "a.", ".b", "../x.b", "a.b.c", "a./b"} {
		if name, serial := Split(id); name != "" || serial != "" {
			t.Errorf("%q splits into %q and %q", id, name, serial)
		}
	}
}

// FuzzStatus: whatever a machine writes becomes a bounded status or an error,
// and never one that makes a slot look free that names an instance.
func FuzzStatus(f *testing.F) {
	f.Add([]byte(`{"state":"waiting","instance":"a.1"}`))
	f.Add([]byte(`{"state":"serving","instance":"a.1","machine":"m","since":"2026-01-02T03:04:05Z"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseStatus(raw)
		if err != nil {
			if s != (Status{}) {
				t.Errorf("an error and %+v", s)
			}
			return
		}
		v := View{Present: true, Status: s}
		if v.Free() && s.Instance != "" {
			t.Errorf("free with an instance: %+v", s)
		}
		if len(s.Machine)+len(s.Version)+len(s.Detail)+len(s.Instance) > 4*maxText {
			t.Errorf("unbounded: %d bytes", len(s.Detail))
		}
	})
}

// FuzzAssignment: what a machine takes for its instance can be a directory name.
func FuzzAssignment(f *testing.F) {
	f.Add([]byte(`{"instance":"a.1","node_id":"n"}`))
	f.Add([]byte(`{"instance":"../../etc.x","node_id":"n"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := parseAssignment(raw)
		if err == nil && (!filepath.IsLocal(a.Instance) || filepath.Base(a.Instance) != a.Instance || a.Instance == ".") {
			t.Errorf("instance %q", a.Instance)
		}
	})
}
