package statestore_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/private"
)

// ownServer is a directory for a private server, which its user can reach.
func ownServer(t *testing.T) private.Config {
	t.Helper()
	dir := must(os.MkdirTemp("", "gwstore"))(t)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return private.Config{Dir: dir, Ephemeral: true, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("waited in vain: " + what)
}

func TestStoreRunsItsPrivateServer(t *testing.T) {
	t.Parallel()
	conf, key := ownServer(t), statestore.GenerateMasterKey()
	for i := range 2 {
		s := must(statestore.Open(t.Context(), statestore.Config{Private: conf, MasterKey: key}))(t)
		v := i
		if err := s.Settings.PutFirst(t.Context(), "made by", &v); err != nil || v != 0 {
			t.Errorf("start %d finds %d, %v", i, v, err)
		}
		_, err := statestore.Open(t.Context(), statestore.Config{Private: conf, MasterKey: key})
		wantErr(t, err, private.ErrLocked)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoreWaitsForPostgresAndRecovers(t *testing.T) {
	t.Parallel()
	conf := ownServer(t)
	server := must(private.Start(t.Context(), conf))(t)
	url := server.URL()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}

	// Nobody is there yet.
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	sc := statestore.Config{DatabaseURL: url, MasterKey: statestore.GenerateMasterKey(), MaxConns: 4, Logger: conf.Logger}
	_, err := statestore.Open(soon, sc)
	wantErr(t, err, statestore.ErrUnavailable)

	type opened struct {
		*statestore.Store
		err error
	}
	waiting := make(chan opened, 1)
	go func() {
		s, err := statestore.Open(context.Background(), sc)
		waiting <- opened{s, err}
	}()
	server = must(private.Start(t.Context(), conf))(t)
	o := <-waiting
	s := must(o.Store, o.err)(t)
	defer s.Close()
	if err := s.Settings.Put(t.Context(), "k", "before"); err != nil {
		t.Fatal(err)
	}

	// A crash: the supervisor brings it back, the pool connects anew.
	pid := server.PID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	get := func() error {
		var v string
		err := s.Settings.Get(t.Context(), "k", &v)
		if err != nil && !errors.Is(err, statestore.ErrUnavailable) {
			t.Errorf("while Postgres is away: %v, want ErrUnavailable", err)
		}
		return err
	}
	eventually(t, "a new server process", func() bool { now := server.PID(); _ = get(); return now != 0 && now != pid })
	eventually(t, "an answer after the crash", func() bool { return get() == nil })

	// Away for a while.
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, get(), statestore.ErrUnavailable)
	wantErr(t, s.Ping(t.Context()), statestore.ErrUnavailable)
	wantErr(t, s.Tx(t.Context(), func(*statestore.Tables) error { t.Error("ran"); return nil }), statestore.ErrUnavailable)
	server = must(private.Start(t.Context(), conf))(t)
	eventually(t, "an answer after the pause", func() bool { return get() == nil })
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Close(), server.Stop()); err != nil {
		t.Fatal(err)
	}
}
