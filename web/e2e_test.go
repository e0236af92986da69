package web_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/internal/stage"
)

// TestAPersonGetsFromTheSetupLinkToACopiedFile drives a real manager, real nodes and the real command line from a real
// browser; e2e/console.mjs holds what is promised. Its pictures go to build/screenshots.
func TestAPersonGetsFromTheSetupLinkToACopiedFile(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	need(t, "dist/index.html", "the console is not built: make web")
	need(t, "node_modules/playwright-core/package.json", "the console's packages are not installed: make web")
	if _, err := exec.LookPath("node"); err != nil {
		lacking(t, "Node.js is not installed: make deps")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		lacking(t, "Chromium is not installed: make deps")
	}
	pictures := filepath.Join(root, "build", "screenshots")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, root)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	token := s.Manager.SetupToken()
	if token == "" {
		t.Fatal("the manager printed no set-up link")
	}
	work := s.Path("work")
	if err := os.MkdirAll(work, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "node", "e2e/console.mjs")
	cmd.Env = append(os.Environ(), "GODWIT_SETUP="+s.API.URL+"/setup#token="+token, "GODWIT="+s.Bin("godwit"),
		"GODWIT_WORK="+work, "GODWIT_PASSWORD="+password, "GODWIT_SHOTS="+pictures)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	signIn(t, s) // so that the stage can take the cluster down
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the browser's story broke (%v); build/screenshots/failure.png shows where", err)
	}
	if n := bytes.Count(out, []byte("ok   ")); n < 10 {
		t.Errorf("only %d promises were kept", n)
	}
}

const password = "correct horse battery"

// signIn gives the stage the rights of the administrator that the browser made, if it came so far.
func signIn(t *testing.T, s *stage.Stage) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(s.API.Address, client.WithCookies(jar))
	if err != nil {
		t.Fatal(err)
	}
	who := map[string]string{"name": "admin", "password": password}
	if _, err := admin.Do(t.Context(), http.MethodPost, "/api/v1/sessions", who, nil); err != nil {
		t.Errorf("the administrator cannot sign in: %v", err)
		return
	}
	s.API.Client = admin
}

func need(t *testing.T, file, without string) {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		lacking(t, without)
	}
}

// lacking skips on a machine that only has Go; with everything installed by make, and in CI, nothing may be missing.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// newStage builds the commands as they are now and takes them all down again, whatever happens.
func newStage(t *testing.T, root string) *stage.Stage {
	t.Helper()
	// Not t.TempDir: Postgres' user must be able to enter it when root runs the tests, and sockets need a short path.
	dir, err := os.MkdirTemp("", "web-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bins := filepath.Join(dir, "bin")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bins+"/", "./cmd/godwit", "./cmd/godwit-manager", "./cmd/godwit-node")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s, err := stage.New(dir, bins)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := s.Close(); left > 0 {
			t.Errorf("%d processes outlived their manager", left)
		}
		if t.Failed() {
			b, _ := os.ReadFile(s.Path("logs", "manager.log"))
			t.Logf("the end of the manager's log:\n%s", strings.ToValidUTF8(string(b[max(0, len(b)-6000):]), ""))
		}
	})
	return s
}
