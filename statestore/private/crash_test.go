package private

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	pid, err := readPid(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil || pid == 0 {
		t.Fatalf("no server: %d, %v", pid, err)
	}
	return pid
}

func controlState(t *testing.T, s binaries, dir string) string {
	t.Helper()
	cmd := exec.Command(s.path("pg_controldata"), filepath.Join(dir, "postgres", "data"))
	cmd.Env = s.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestKilledManagerTakesItsServerAlongCleanly(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	manager := runManager(t, dir)
	pid := postmaster(t, dir)
	kill(t, manager.Process.Pid, syscall.SIGKILL)
	eventually(t, "the end of the server", func() bool { return !alive(pid) })
	b, err := find(t.Context(), Config{}, mustAccount(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if state := controlState(t, b, dir); !contains(state, "shut down\n") || contains(state, "in production") {
		t.Errorf("not a clean shutdown:\n%s", state)
	}
	s := start(t, dir)
	ask(t, s, `SELECT 'answer'`)
}

// The next manager may come before the server of the killed one has gone.
func TestManagerStartsRightAfterItsPredecessorWasKilled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	for range 3 {
		manager := runManager(t, dir)
		kill(t, manager.Process.Pid, syscall.SIGKILL)
		_ = manager.Wait() // its lock goes with it
	}
	ask(t, start(t, dir), `SELECT 'answer'`)
}

func TestNothingCommittedIsLostWhenBothAreKilled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	manager := runManager(t, dir)
	s := &Server{run: filepath.Join(dir, "postgres", "run")}
	ask(t, s, `CREATE TABLE kept AS SELECT g::text AS v FROM generate_series(1, 10000) g`)
	kill(t, postmaster(t, dir), syscall.SIGKILL)
	kill(t, manager.Process.Pid, syscall.SIGKILL)
	_ = manager.Wait()
	if got := ask(t, start(t, dir), `SELECT count(*)::text FROM kept`); got != "10000" {
		t.Errorf("%s rows", got)
	}
}

// impostor writes a lock file that names a process which is no server.
func impostor(t *testing.T, dir string, pid int) {
	t.Helper()
	who := mustAccount(t)
	file := filepath.Join(dir, "postgres", "data", "postmaster.pid")
	text := strconv.Itoa(pid) + "\n" + filepath.Dir(file) + "\n" + strconv.FormatInt(time.Now().Unix(), 10) + "\n5432\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := who.own(file); err != nil {
		t.Fatal(err)
	}
}

func mustAccount(t *testing.T) account {
	t.Helper()
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// sleeper is a process of the server's user, which Postgres would take for a
// running server when the lock file names it.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.Dir = "/"
	cmd.SysProcAttr = mustAccount(t).attributes()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be dead already
		_ = cmd.Wait()
	})
	return cmd
}

func TestZombiePostmasterIsNotInTheWay(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	zombie := sleeper(t)
	kill(t, zombie.Process.Pid, syscall.SIGKILL)
	eventually(t, "a zombie", func() bool { return !alive(zombie.Process.Pid) })
	if !processExists(zombie.Process.Pid) {
		t.Fatal("it was reaped: no test")
	}
	impostor(t, dir, zombie.Process.Pid)
	ask(t, start(t, dir), `SELECT 'answer'`)
}

func TestReusedPidIsNotInTheWay(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	other := sleeper(t)
	impostor(t, dir, other.Process.Pid)
	ask(t, start(t, dir), `SELECT 'answer'`)
	if !alive(other.Process.Pid) {
		t.Error("the process that has the number now was ended")
	}
}

func TestOrphanedServerIsStoppedFirst(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := start(t, dir)
	args := s.arguments()
	stop(t, s)
	orphan := exec.Command(s.bin.path("postgres"), args...)
	orphan.Dir, orphan.Env = "/", s.bin.env()
	orphan.SysProcAttr = mustAccount(t).attributes()
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	eventually(t, "the orphan to run", func() bool { _, err := try(s, `SELECT 'answer'`); return err == nil })

	ask(t, start(t, dir), `SELECT 'answer'`)
	if err := <-ended; err != nil {
		t.Errorf("the orphan was not shut down cleanly: %v", err)
	}
}

func TestRubbishInTheLockFileIsForPostgresToJudge(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "x\n": 0, "-1\n": 0, "0": 0, "12": 12, "77\n/data\n": 77} {
		file := filepath.Join(t.TempDir(), "postmaster.pid")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readPid(file); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
}
