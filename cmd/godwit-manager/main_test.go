package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/cmd/godwit-manager/internal/manager"
	"github.com/godwit/godwit/identity/pin"
)

// asManager makes the test's own binary the program under test.
const asManager = "GODWIT_TEST_AS_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asManager+"=1", "GODWIT_DATABASE_URL=", "DATABASE_URL=", "GODWIT_MASTER_KEY=")
	return cmd
}

// output is what a process wrote so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process is a running manager.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, log *output
	ended    chan error
	facts    manager.Facts
	http     *http.Client
}

func start(t *testing.T, dir string, change ...func(*exec.Cmd)) *process {
	t.Helper()
	p := &process{t: t, out: &output{}, log: &output{}, ended: make(chan error, 1)}
	p.cmd = command(t, "serve", "--data", dir, "--listen", "127.0.0.1:0")
	for _, f := range change {
		f(p.cmd)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(p.kill)
	p.until("manager.json", func() bool {
		f, err := manager.ReadFacts(dir)
		p.facts = f
		return err == nil && f.PID == p.cmd.Process.Pid
	})
	conf, err := pin.TLSConfig(p.facts.CASHA256, pin.ManagerName)
	if err != nil {
		t.Fatal(err)
	}
	conf.MinVersion = tls.VersionTLS13
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(transport.CloseIdleConnections)
	p.http = &http.Client{Transport: transport, Jar: jar, Timeout: 30 * time.Second}
	return p
}

func (p *process) until(what string, f func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !f() {
		select {
		case err := <-p.ended:
			p.ended <- err
			p.t.Fatalf("waiting for %s, the manager ended: %v\n%s", what, err, p.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not in time: %s\n%s", what, p.log)
		}
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	err := <-p.ended
	p.ended <- err
}

// stop ends it in order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		if err != nil {
			p.t.Errorf("stopped by SIGTERM: %v\n%s", err, p.log)
		}
	case <-time.After(60 * time.Second):
		p.t.Fatalf("SIGTERM is not obeyed\n%s", p.log)
	}
}

func (p *process) call(method, path string, body any) (int, string) {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.facts.URL+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.http.Do(req)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

var setupLink = regexp.MustCompile(`(https://\S+)/setup#token=(\S+)`)

// link waits for the set-up link: what a process prints may be read later than the files that it writes.
func (p *process) link() string {
	p.t.Helper()
	p.until("the set-up link", func() bool { return setupLink.MatchString(p.out.String()) && strings.HasSuffix(p.out.String(), "\n") })
	return p.out.String()
}

func (p *process) setUp(link, name string) (int, string) {
	p.t.Helper()
	found := setupLink.FindStringSubmatch(link)
	if found == nil || found[1] != p.facts.URL {
		p.t.Fatalf("no set-up link to %s in %q", p.facts.URL, link)
	}
	return p.call("POST", "/api/v1/setup", map[string]string{"token": found[2], "name": name, "password": "a quiet morning"})
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(b), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// dataDir is one that the database's user can pass through, as an administrator would choose.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "godwit-manager-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// The life of a manager: first start, a second one refused, a lost password, a crash, its database's crash, the end.
func TestManagerLivesThroughCrashesWithItsState(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p := start(t, dir)
	if strings.Count(p.link(), "/setup#token=") != 1 {
		t.Fatalf("set-up link on standard output: %q", p.out)
	}
	p.until("its log", func() bool { return strings.Contains(p.log.String(), "manager serves") })
	if strings.Contains(p.log.String(), "token=") || !strings.Contains(p.log.String(), "set-up link printed") {
		t.Errorf("log: %s", p.log)
	}
	if status, body := p.setUp(p.link(), "ada"); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := p.setUp(p.link(), "eve"); status != http.StatusUnauthorized {
		t.Errorf("a set-up link twice: %d %s", status, body)
	}

	second, err := command(t, "serve", "--data", dir, "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(second), fmt.Sprintf("pid %d", p.cmd.Process.Pid)) {
		t.Errorf("a second manager on the directory: %v %s", err, second)
	}
	link, err := command(t, "admin", "reset", "--data", dir).Output()
	if err != nil {
		t.Fatalf("%v %s", err, link)
	}
	if status, body := p.setUp(string(link), "grace"); status != http.StatusCreated {
		t.Errorf("link of admin reset: %d %s", status, body)
	}
	if status, body := p.call("POST", "/api/v1/access-keys", map[string]any{"name": "acme", "storage": map[string]string{"type": "local", "path": "/srv/acme"}}); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}

	before := p.facts
	p.kill()
	p = start(t, dir)
	if p.facts.CASHA256 != before.CASHA256 || p.facts.FleetAddr != before.FleetAddr {
		t.Errorf("nodes and clients do not find it again: %+v, was %+v", p.facts, before)
	}
	p.until("the line that signs in", func() bool {
		return strings.Contains(p.out.String(), "godwit login '"+pin.URL(p.facts.URL, p.facts.CASHA256)+"'\n")
	})
	if out := p.out.String(); strings.Contains(out, "setup#token") {
		t.Errorf("printed a set-up link although there is a user: %q", out)
	}
	if status, body := p.call("POST", "/api/v1/sessions", map[string]string{"name": "ada", "password": "a quiet morning"}); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := p.call("GET", "/api/v1/access-keys", nil); status != http.StatusOK || !strings.Contains(body, `"acme"`) {
		t.Errorf("%d %s", status, body)
	}

	if err := syscall.Kill(postmaster(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.until("the database to be back", func() bool {
		ready, _ := p.call("GET", "/readyz", nil)
		signedIn, _ := p.call("GET", "/api/v1/me", nil)
		if signedIn != http.StatusOK && signedIn != http.StatusServiceUnavailable {
			t.Errorf("while the database is away: %d", signedIn)
		}
		return ready == http.StatusOK && signedIn == http.StatusOK
	})
	server := postmaster(t, dir)
	p.stop()
	if err := syscall.Kill(server, 0); err == nil {
		t.Errorf("the database (pid %d) outlives its manager", server)
	}
	alone, err := command(t, "admin", "reset", "--data", dir).Output()
	if err != nil || !setupLink.Match(alone) {
		t.Errorf("admin reset without a manager: %v %s", err, alone)
	}
	if out, err := command(t, "migrate", "--data", dir).CombinedOutput(); err != nil || !strings.Contains(string(out), "up to date") {
		t.Errorf("migrate: %v %s", err, out)
	}
}

func TestWrongUseIsSaidAndStartsNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"serve"}, "--data"},
		{[]string{"serve", "--data", dir, "--lisen", "x"}, "--lisen"},
		{[]string{"serve", "--data", dir, "--listen", "8443"}, "--listen"},
		{[]string{"serve", "--data", dir, "--public-url", "http://host"}, "https://host:port"},
		{[]string{"serve", "--data", dir, "--log-level", "loud"}, "--log-level"},
		{[]string{"serve", "--data", dir, "more"}, "more"},
		{[]string{"serve", "--data", dir, "--aws-regions", "Frankfurt"}, "Frankfurt"},
		{[]string{"admin", "reset", "--data", dir}, "no manager's data directory"},
		{[]string{"fly"}, "fly"},
	} {
		out, err := command(t, tc.args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), tc.says) {
			t.Errorf("%v: %v %s", tc.args, err, out)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was made all the same")
	}
	if out, err := command(t, "version").Output(); err != nil || strings.TrimSpace(string(out)) == "" {
		t.Errorf("version: %v %s", err, out)
	}
}

// A stranger's database: nothing listens, the manager waits for it and stops when told.
func TestManagerWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	p := &process{t: t, out: &output{}, log: &output{}, ended: make(chan error, 1)}
	p.cmd = command(t, "serve", "--data", dataDir(t), "--listen", "127.0.0.1:0", "--database-url", "postgres://godwit@127.0.0.1:1/godwit")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(p.kill)
	p.until("the manager to say that it waits", func() bool { return strings.Contains(p.log.String(), "waiting for Postgres") })
	p.stop()
}
