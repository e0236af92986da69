package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen; it measures nothing.
const patience = 30 * time.Second

// godwit is a process of this very program: the test's binary under its name.
func godwit(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, self)
	c.Args = append([]string{"godwit"}, args...)
	c.Env = append(os.Environ(), "GODWIT_CONFIG="+filepath.Join(t.TempDir(), "none.json"))
	return c
}

// runs returns what a command that must end well has printed.
func runs(t testing.TB, args ...string) string {
	t.Helper()
	out, code := ends(t, args...)
	if code != exitOK {
		t.Fatalf("godwit %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// ends returns what a command has printed and its exit code.
func ends(t testing.TB, args ...string) (string, int) {
	t.Helper()
	c := godwit(t, args...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// serving is a godwit serve that runs.
type serving struct {
	address string
	cmd     *exec.Cmd
	told    *lockedBuffer // its standard error
}

// serve starts godwit serve and reads its address.
func serve(t testing.TB, args ...string) *serving {
	t.Helper()
	c := godwit(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	s := &serving{cmd: c, told: &lockedBuffer{}}
	c.Stderr = s.told
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(t) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no address: %v\n%s", err, s.told)
	}
	s.address = strings.TrimSpace(line)
	return s
}

// end interrupts it as Ctrl-C does and returns its exit code.
func (s *serving) end(t testing.TB) int {
	t.Helper()
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
	}
	return s.cmd.ProcessState.ExitCode()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// sample makes a small tree and returns its place.
func sample(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sample")
	for name, text := range map[string]string{"a": "first", "sub/b": strings.Repeat("second\n", 100_000), "sub/empty": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// alike fails unless both trees hold the same files.
func alike(t testing.TB, want, got string) {
	t.Helper()
	a, b := contents(t, want), contents(t, got)
	if len(a) != len(b) {
		t.Errorf("%s has %d files, %s %d", want, len(a), got, len(b))
	}
	for name, text := range a {
		if b[name] != text {
			t.Errorf("%s differs", name)
		}
	}
}

func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		found[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestServedDirectoryIsReadAndWrittenByItsAddress(t *testing.T) {
	t.Parallel()
	src, dir, out := sample(t), t.TempDir(), t.TempDir()
	s := serve(t, "--write", dir)
	runs(t, "cp", "-r", src, s.address+"in")
	alike(t, src, filepath.Join(dir, "in/sample"))
	if list := runs(t, "ls", s.address+"in/sample"); !strings.Contains(list, "sub/") {
		t.Errorf("listing: %s", list)
	}
	runs(t, "cp", "-r", s.address+"in/sample", out)
	alike(t, src, filepath.Join(out, "sample"))
	if code := s.end(t); code != exitOK {
		t.Errorf("Ctrl-C ended it with %d", code)
	}
	if told := s.told.String(); !strings.Contains(told, "received 3 files") || !strings.Contains(told, "sent 3 files") {
		t.Errorf("it told:\n%s", told)
	}
}

func TestFilesTravelOverIPv6(t *testing.T) {
	t.Parallel()
	src, dir, out := sample(t), t.TempDir(), t.TempDir()
	s := serve(t, "--write", "--listen", "[::1]:0", dir)
	if !strings.Contains(s.address, "@[::1]:") {
		t.Fatalf("address %s", s.address)
	}
	push := runs(t, "cp", "--json", "-r", src, s.address)
	alike(t, src, filepath.Join(dir, "sample"))
	pull := runs(t, "cp", "--json", "-r", s.address+"sample", out)
	alike(t, src, filepath.Join(out, "sample"))
	for _, told := range []string{push, pull} {
		if rode := transports(told); len(rode) != 1 || rode[0] != "udp" {
			t.Errorf("rode %v", rode)
		}
	}
}

func TestServedDirectoryIsReadOnlyUnlessSaidOtherwise(t *testing.T) {
	t.Parallel()
	src, dir := sample(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	reads, writes := serve(t, dir), serve(t, "--write-only", dir)
	if out, code := ends(t, "cp", "-r", src, reads.address); code != exitAuth || !strings.Contains(out, "not for push") {
		t.Errorf("push to what is read-only: exit %d, %s", code, out)
	}
	runs(t, "cp", reads.address+"f", t.TempDir())
	if out, code := ends(t, "cp", writes.address+"f", t.TempDir()); code != exitAuth || !strings.Contains(out, "not for pull") {
		t.Errorf("pull from what is write-only: exit %d, %s", code, out)
	}
	if _, code := ends(t, "ls", writes.address); code != exitAuth {
		t.Errorf("ls of what is write-only: exit %d", code)
	}
	runs(t, "cp", filepath.Join(src, "a"), writes.address+"new")
	// Another key, a path out of the directory.
	if out, code := ends(t, "cp", strings.Replace(reads.address, "godwit://", "godwit://A", 1), "."); code != exitUsage || strings.Contains(out, reads.address[len("godwit://"):40]) {
		t.Errorf("a broken key: exit %d, %s", code, out)
	}
	host := reads.address[strings.Index(reads.address, "@"):]
	if out, code := ends(t, "cp", writes.address[:strings.Index(writes.address, "@")]+host+"f", t.TempDir()); code != exitAuth {
		t.Errorf("another server's key: exit %d, %s", code, out)
	}
	if out, code := ends(t, "cp", reads.address+"../../etc/passwd", t.TempDir()); code == exitOK {
		t.Errorf("a path that leads out: exit %d, %s", code, out)
	}
}

func TestServeOnceEndsByItself(t *testing.T) {
	t.Parallel()
	src, dir := sample(t), t.TempDir()
	identity := filepath.Join(t.TempDir(), "identity.pem")
	s := serve(t, "--write", "--once", "--identity", identity, dir)
	runs(t, "cp", "-r", src, s.address)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	alike(t, src, filepath.Join(dir, "sample"))
	key := func(address string) string { return address[:strings.Index(address, "@")] }
	if again := serve(t, "--identity", identity, dir); key(again.address) != key(s.address) {
		t.Errorf("after a restart the key is %s", again.address)
	}
}

func TestServeKeepsItsSecretOutOfWhatItServes(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(elsewhere, "link")
	if err := os.Symlink(filepath.Join(dir, "sub"), link); err != nil {
		t.Fatal(err)
	}
	for _, identity := range []string{filepath.Join(dir, "id.pem"), filepath.Join(dir, "sub", "new", "id.pem"), filepath.Join(link, "id.pem")} {
		out, code := ends(t, "serve", "--identity", identity, dir)
		if code != exitUsage || !strings.Contains(out, "outside") {
			t.Errorf("%s: exit %d: %s", identity, code, out)
		}
		if _, err := os.Stat(identity); err == nil {
			t.Errorf("%s was made", identity)
		}
	}
}

func TestServeSaysWhatKeepsItFromItsPortAndKnowsOfNoManager(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	_, at, _ := strings.Cut(strings.TrimSuffix(s.address, "/"), "@")
	out, code := ends(t, "serve", "--listen", at, t.TempDir())
	if code != exitFailed || !strings.Contains(out, "another program has that port") || !strings.Contains(out, "--listen") {
		t.Errorf("exit %d: %s", code, out)
	}
	s.end(t)
	out, code = ends(t, "ls", s.address)
	if code != exitUnavailable || strings.Contains(out, "manager") || !strings.Contains(out, "firewalls") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestServeRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no directory": {[]string{"serve", filepath.Join(dir, "missing")}, exitNotFound, "no directory"},
		"both modes":   {[]string{"serve", "--write", "--write-only", dir}, exitUsage, "exclude each other"},
		"no port":      {[]string{"serve", "--listen", "localhost", dir}, exitUsage, "write HOST:PORT"},
		"large port":   {[]string{"serve", "--listen", ":70000", dir}, exitUsage, "is no port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := ends(t, tc.args...); code != tc.code || !strings.Contains(out, tc.says) {
				t.Errorf("exit %d, want %d: %s", code, tc.code, out)
			}
		})
	}
}
