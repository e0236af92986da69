package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/statestore/private"
)

// The server of all tests is the child of a keeper: the first test binary runs
// itself once more, with serveEnv set, as a process of its own.
//
//	users.lock  held shared by every test binary for as long as it lives, so
//	            the kernel counts them; the keeper ends once it gets the lock
//	            for itself several times in a row
//	start.lock  held by the binary that is looking for, or starting, the keeper
//	url         where the server is; there while it runs
//	boot        the machine's boot during which the data was made: without fsync
//	            data survives the death of processes, not that of the machine
//
// A killed binary lets go of its locks; a killed keeper takes the server with it.
const (
	serveEnv = "GODWIT_STORETEST_SERVE"
	idle     = 6 * time.Second // between two packages of one go test run
	tick     = 500 * time.Millisecond
)

// Runs before any test of the importing binary, and instead of them.
func init() {
	dir := os.Getenv(serveEnv)
	if dir == "" {
		return
	}
	if err := serve(dir); err != nil {
		slog.Error("keeper of the test Postgres", "err", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// use is this process's hold on users.lock. It is a variable because a file
// that nobody refers to is closed by the garbage collector.
var use *os.File //nolint:unused // held, not read

// shared returns the server's address and keeps the server for as long as
// this process lives.
var shared = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.TempDir(), "godwit-storetest-"+strconv.Itoa(os.Geteuid()))
	err := ownDir(dir)
	if err != nil {
		return "", err
	}
	if use, err = flock(filepath.Join(dir, "users.lock"), syscall.LOCK_SH); err != nil {
		return "", err
	}
	start, err := flock(filepath.Join(dir, "start.lock"), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer start.Close()
	if url, ok := running(dir); ok {
		return url, nil
	}
	keeper, err := startKeeper(dir)
	if err != nil {
		return "", err
	}
	defer keeper.Release() //nolint:errcheck // it lives on; nobody here waits for it
	for deadline := time.Now().Add(startup); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if url, ok := running(dir); ok {
			return url, nil
		}
		if pid, _ := syscall.Wait4(keeper.Pid, nil, syscall.WNOHANG, nil); pid == keeper.Pid {
			log, _ := os.ReadFile(filepath.Join(dir, "keeper.log"))
			return "", fmt.Errorf("its keeper ended: %s", log)
		}
	}
	return "", fmt.Errorf("it did not start within %v, see %s", startup, filepath.Join(dir, "keeper.log"))
})

// ownDir makes the directory, or makes sure that it is ours and nobody else's.
func ownDir(dir string) error {
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s exists and is not ours: remove it", dir)
	}
	return os.Chmod(dir, 0o711) // the server's user walks through
}

func flock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// running returns the server's address when it answers.
func running(dir string) (string, bool) {
	url, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, string(url))
	if err != nil {
		return "", false
	}
	return string(url), conn.Close(ctx) == nil
}

func startKeeper(dir string) (*os.Process, error) {
	// Not our output: go test waits until everybody has closed that.
	log, err := os.Create(filepath.Join(dir, "keeper.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // it outlives the test that started it
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is for the tests
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd.Process, nil
}

// serve is the keeper: it runs the server until nobody uses it.
func serve(dir string) error {
	url := filepath.Join(dir, "url")
	ctx, cancel := context.WithTimeout(context.Background(), startup)
	defer cancel()
	s, err := startServer(ctx, dir)
	if err != nil {
		return err
	}
	if err := dropSchemas(s.URL()); err != nil {
		return errors.Join(err, s.Stop())
	}
	if err := errors.Join(os.WriteFile(url+".new", []byte(s.URL()), 0o600), os.Rename(url+".new", url)); err != nil {
		return errors.Join(err, s.Stop())
	}
	users, err := flock(filepath.Join(dir, "users.lock"), syscall.LOCK_UN)
	if err != nil {
		return errors.Join(err, s.Stop())
	}
	for quiet := time.Duration(0); ; quiet += tick {
		time.Sleep(tick)
		if syscall.Flock(int(users.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			quiet = 0
			continue
		}
		if quiet >= idle {
			break // with the lock: who comes now waits until we are gone
		}
		if err := syscall.Flock(int(users.Fd()), syscall.LOCK_UN); err != nil {
			return errors.Join(err, s.Stop())
		}
	}
	return errors.Join(os.Remove(url), s.Stop())
}

func startServer(ctx context.Context, dir string) (*private.Server, error) {
	base, err := private.Locate(dir)
	if err != nil {
		return nil, err
	}
	_ = os.Remove(filepath.Join(dir, "url")) // of a keeper that was killed
	boot := filepath.Join(dir, "boot")
	now, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, err
	}
	if then, err := os.ReadFile(boot); err != nil || string(then) != string(now) {
		if err := os.RemoveAll(filepath.Join(base, "data")); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(boot, now, 0o600); err != nil {
		return nil, err
	}
	conf := private.Config{Dir: dir, Ephemeral: true, MaxConnections: 400}
	s, err := private.Start(ctx, conf)
	if errors.Is(err, private.ErrVersion) { // Postgres was upgraded
		if err := os.RemoveAll(filepath.Join(base, "data")); err != nil {
			return nil, err
		}
		s, err = private.Start(ctx, conf)
	}
	return s, err
}

// dropSchemas removes what killed tests left.
func dropSchemas(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT nspname::text FROM pg_namespace WHERE nspname LIKE $1`, schemaPrefix+"%")
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		_, drop := conn.Exec(ctx, `DROP SCHEMA `+pgx.Identifier{name}.Sanitize()+` CASCADE`)
		err = errors.Join(err, drop)
	}
	return err
}
