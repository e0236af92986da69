package private

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// managerEnv makes the test binary a manager on the directory that it names,
// for the tests that kill one.
const managerEnv = "GODWIT_PRIVATE_TEST_MANAGER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(managerEnv); dir != "" {
		manage(dir)
	}
	code := m.Run()
	if made := cache.dir; made != "" {
		if err := os.RemoveAll(made); err != nil {
			slog.Error("clean-up", "err", err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		slog.Error("goroutines left", "err", err)
		code = 1
	}
	os.Exit(code)
}

// manage starts a server, says so and waits to be killed.
func manage(dir string) {
	s, err := Start(context.Background(), Config{Dir: dir})
	if err != nil {
		slog.Error("manager", "err", err)
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("ready\n")
	<-s.done
	os.Exit(1)
}

// newRoot is t.TempDir with parents that the server's user can walk through.
func newRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// cache is a data directory that initdb made once for all tests.
var cache struct {
	once sync.Once
	dir  string
	err  error
}

// newDir returns a manager's directory with data as a clean stop leaves it.
func newDir(t testing.TB) string {
	t.Helper()
	cache.once.Do(func() {
		if cache.dir, cache.err = os.MkdirTemp("", "gwcache"); cache.err != nil {
			return
		}
		if cache.err = os.Chmod(cache.dir, 0o711); cache.err != nil {
			return
		}
		var s *Server
		if s, cache.err = Start(context.Background(), Config{Dir: cache.dir, Ephemeral: true}); cache.err == nil {
			cache.err = s.Stop()
		}
	})
	if cache.err != nil {
		t.Fatal(cache.err)
	}
	dir := newRoot(t)
	if out, err := exec.Command("cp", "-a", filepath.Join(cache.dir, "postgres"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func start(t testing.TB, dir string) *Server {
	t.Helper()
	s, err := Start(bounded(t), config(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func config(t testing.TB, dir string) Config {
	return Config{Dir: dir, Ephemeral: true, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func stop(t testing.TB, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func try(s *Server, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var text string
	err = conn.QueryRow(ctx, sql).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return text, err
}

func ask(t testing.TB, s *Server, sql string) string {
	t.Helper()
	text, err := try(s, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// eventually polls until ok, for what other processes do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("waited in vain: " + what)
}

// runManager starts another process that manages dir.
func runManager(t testing.TB, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), managerEnv+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // most tests have done so
		_ = cmd.Wait()
	})
	ready := make([]byte, 6)
	if _, err := out.Read(ready); err != nil || string(ready) != "ready\n" {
		t.Fatalf("the manager did not start: %q, %v", ready, err)
	}
	return cmd
}

func kill(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

func wantMessage(t testing.TB, err, kind error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}
