package private

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestServerKeepsItsDataOverRestarts(t *testing.T) {
	t.Parallel()
	dir := newRoot(t)
	s := start(t, dir) // through initdb
	ask(t, s, `CREATE TABLE kept AS SELECT 'here'::text AS v`)
	stop(t, s)
	stop(t, s) // twice does no harm
	s = start(t, dir)
	if got := ask(t, s, `SELECT v FROM kept`); got != "here" {
		t.Errorf("got %q", got)
	}
}

func TestServerIsReachedByTheSocketAlone(t *testing.T) {
	t.Parallel()
	s := start(t, newDir(t))
	if got := ask(t, s, `SHOW listen_addresses`); got != "" {
		t.Errorf("listens on %q", got)
	}
	info, err := os.Stat(s.run)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket directory: %v, %v", info.Mode(), err)
	}
	if got := ask(t, s, `SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user`); got != "false" {
		t.Error("the manager works as superuser")
	}
}

// The directory keeps other users out; if it did not, the map behind it would.
func TestOtherUsersAreRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can try as another user")
	}
	if _, err := user.Lookup("nobody"); err != nil {
		t.Skip("no user nobody")
	}
	s := start(t, newDir(t))
	attempt := func() string {
		cmd := exec.Command(s.bin.path("psql"), s.URL(), "-c", "SELECT 1")
		if _, err := os.Stat(cmd.Path); err != nil {
			t.Skip("no psql")
		}
		cmd.Dir, cmd.Env = "/", s.bin.env()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Fatalf("nobody may connect: %s", out)
		}
		return string(out)
	}
	if out := attempt(); !strings.Contains(out, "Permission denied") {
		t.Errorf("refused, but how? %s", out)
	}
	for _, open := range []string{s.run, filepath.Join(s.run, socketName)} {
		if err := os.Chmod(open, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if out := attempt(); !strings.Contains(strings.ToLower(out), "peer authentication failed") {
		t.Errorf("refused, but how? %s", out)
	}
}

func TestSecondManagerIsRefusedAndNamesTheFirst(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := start(t, dir)
	_, err := Start(bounded(t), config(t, dir))
	wantMessage(t, err, ErrLocked, strconv.Itoa(os.Getpid()), dir)
	ask(t, s, `SELECT 'unharmed'`)
	stop(t, s)
	start(t, dir)
}

func TestServerThatDiesIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := start(t, newDir(t))
	ask(t, s, `CREATE TABLE kept AS SELECT 'here'::text AS v`)
	for range 2 {
		pid := s.PID()
		kill(t, pid, syscall.SIGKILL)
		eventually(t, "another server process", func() bool { now := s.PID(); return now != 0 && now != pid })
		eventually(t, "an answer", func() bool { got, err := try(s, `SELECT v FROM kept`); return err == nil && got == "here" })
	}
}

func TestStopWhileTheServerIsDown(t *testing.T) {
	t.Parallel()
	s := start(t, newDir(t))
	pid := s.PID()
	kill(t, pid, syscall.SIGKILL)
	eventually(t, "the end of the server", func() bool { return s.PID() != pid })
	stop(t, s)
	if s.PID() != 0 {
		t.Error("a server runs after Stop")
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, config(t, dir)); err == nil {
		t.Fatal("started all the same")
	}
	start(t, dir) // nothing is left in the way
}

func TestServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	bad := filepath.Join(dir, "postgres", "data", "postgresql.conf")
	if err := os.WriteFile(bad, []byte("no_such_setting = on\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Start(bounded(t), config(t, dir))
	wantMessage(t, err, nil, "no_such_setting")
}

func TestLongPathsGetAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newRoot(t), strings.Repeat("a-long-name-", 9), strings.Repeat("b", 40))
	s := start(t, dir)
	ask(t, s, `SELECT 'answer'`)
	if n := len(filepath.Join(s.run, socketName)); n > socketPathMax {
		t.Errorf("socket path of %d bytes", n)
	}
	if strings.HasPrefix(s.run, dir) {
		t.Errorf("socket in %s", s.run)
	}
	stop(t, s)
	if err := os.Remove(s.run); err != nil { // Stop took the socket out of it
		t.Error(err)
	}
}

func TestSocketDirectoryOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	base := newRoot(t)
	run := filepath.Join(base, "run")
	if err := os.Mkdir(run, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err = socketDir(base, who)
	wantMessage(t, err, nil, run)
	if err := os.Remove(run); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), run); err != nil {
		t.Fatal(err)
	}
	_, err = socketDir(base, who)
	wantMessage(t, err, nil, run)
}

func TestConnectionNeedsNothingFromTheEnvironment(t *testing.T) {
	s := start(t, newDir(t))
	for k, v := range map[string]string{"PGHOST": "nowhere", "PGUSER": "x", "PGDATABASE": "y", "PGPORT": "1", "PGSSLMODE": "require"} {
		t.Setenv(k, v)
	}
	conn, err := pgx.Connect(bounded(t), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}
