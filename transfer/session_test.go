package transfer

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
)

func TestServerTellsTheStoryOfASession(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var events []SessionEvent
	n := startNode(t, t.TempDir(), func(c *ServerConfig, _ *grants) {
		c.OnEvent = func(e SessionEvent) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		}
	})
	src := t.TempDir()
	for i := range 30 {
		write(t, filepath.Join(src, fmt.Sprint(i)), 1000)
	}
	r := mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in"})
	await(t, "end of the session", func() bool { return n.Totals().SessionsEnded == 1 })
	mu.Lock()
	defer mu.Unlock()
	files := map[string]bool{}
	for _, e := range events {
		if e.Session.ID != r.Sessions[0].SessionID {
			t.Errorf("event of session %q, want %q", e.Session.ID, r.Sessions[0].SessionID)
		}
		for _, f := range e.Files {
			if f.Outcome != "committed" || f.Size != 1000 || files[f.Path] {
				t.Errorf("file outcome %+v", f)
			}
			files[f.Path] = true
		}
	}
	if len(files) != 30 {
		t.Errorf("%d files were reported, want 30", len(files))
	}
	first, last := events[0], events[len(events)-1]
	if first.Kind != SessionStarted || last.Kind != SessionEnded {
		t.Errorf("first %s, last %s", first.Kind, last.Kind)
	}
	if s := last.Session; s.Files != 30 || s.Bytes != 30_000 || s.Code != "" || s.Ended.IsZero() || s.Tenant != "tenant" || s.FilesTotal != 30 {
		t.Errorf("last status: %+v", s)
	}
	if s := n.Totals(); s.SessionsStarted != 1 || s.FilesCommitted != 30 || s.BytesReceived != 30_000 || s.SessionsFailed != 0 {
		t.Errorf("totals: %+v", s)
	}
}

func TestBothEndsCountTheSameFiles(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, _, _ string) {
		r := mustRun(t, client(t, n), job)
		await(t, "end of the session", func() bool { return n.Totals().SessionsEnded == 1 })
		if got := n.Totals().FilesCommitted; got != r.Files || r.Files != 206 {
			t.Errorf("the node counts %d files, the client %d", got, r.Files)
		}
		mustRun(t, client(t, n), job)
		await(t, "end of the session", func() bool { return n.Totals().SessionsEnded == 2 })
		if x := n.Totals(); x.FilesCommitted != r.Files || x.FilesSkipped != r.Files+2 {
			t.Errorf("again: the node counts %d files and %d skipped", x.FilesCommitted, x.FilesSkipped)
		}
	})
}

func TestClientTellsTheStoryOfAJob(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "d/a"), 3<<20)
	write(t, filepath.Join(root, "d/b"), 10)
	n := startNode(t, root, nil)
	c := client(t, n)
	var events []Event // one call at a time
	c.OnEvent = func(e Event) { events = append(events, e) }
	mustRun(t, c, Job{Direction: Pull, Sources: []string{"d"}, Destination: t.TempDir(), Options: Options{Rate: 40e6}})
	count := map[EventKind]int{}
	for _, e := range events {
		count[e.Kind]++
		if e.NodeID != n.spec.NodeID {
			t.Errorf("event of node %q", e.NodeID)
		}
	}
	if count[EventSession] != 1 || count[EventFile] != 2 || count[EventProgress] == 0 {
		t.Errorf("events: %v", count)
	}
	if p := events[len(events)-1].Progress; p.Bytes != 3<<20+10 || p.Total != p.Bytes || !p.TotalKnown {
		t.Errorf("last progress: %+v", p)
	}
}

func TestSessionEndsWhenItsCredentialExpires(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "f"), 4<<20)
	n := startNode(t, root, func(_ *ServerConfig, g *grants) { g.grant.Expires = time.Now().Add(500 * time.Millisecond) })
	job := Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir(), Options: Options{Rate: 1e6}}
	if _, err := run(t, client(t, n), job); CodeOf(err) != CodeExpired {
		t.Errorf("running session: %v", err)
	}
	if _, err := run(t, client(t, n), job); CodeOf(err) != CodeExpired {
		t.Errorf("new session: %v", err)
	}
}

func TestTransferHasOnlyTheSessionsItMay(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "f"), 4<<20)
	n := startNode(t, root, func(_ *ServerConfig, g *grants) { g.grant.MaxSessions, g.grant.TransferID = 1, "t1" })
	job := Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir(), Options: Options{Rate: 4e6, Retries: -1}}
	_, err := during(t, client(t, n), job, 1, func(tr *Transfer) {
		if _, err := run(t, client(t, n), job); CodeOf(err) != CodeBusy {
			t.Errorf("second session of one transfer: %v", err)
		}
		tr.Cancel()
	})
	if CodeOf(err) != CodeCancelled {
		t.Error(err)
	}
}

// TestSilentClientIsGivenUp: a client whose host vanished says nothing more,
// not even that its connection is closed.
func TestSilentClientIsGivenUp(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.spec.Port), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}})
	must(t, err)
	defer conn.Close()
	hello, err := control.AppendJSON(nil, control.TypeHello, control.Hello{
		Version: control.Version, Token: n.spec.Token, Direction: "push", Policy: "fair", Paths: []string{"x"},
	})
	must(t, err)
	_, err = conn.Write(hello)
	must(t, err)
	await(t, "session", func() bool { return len(n.Sessions()) == 1 })
	await(t, "end of the silent session", func() bool { return len(n.Sessions()) == 0 })
	if s := n.Totals(); s.SessionsFailed != 1 {
		t.Errorf("totals: %+v", s)
	}
}

func TestBadHellosAreRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	good := control.Hello{Version: control.Version, Token: n.spec.Token, Direction: "push", Policy: "fair", Paths: []string{"x"}}
	key := newKey(t)
	public := key.Public().(ed25519.PublicKey)
	for name, change := range map[string]func(*control.Hello){
		"version":   func(h *control.Hello) { h.Version = 9 },
		"direction": func(h *control.Hello) { h.Direction = "sideways" },
		"no path":   func(h *control.Hello) { h.Paths = nil },
		"two paths": func(h *control.Hello) { h.Paths = []string{"a", "b"} },
		"policy":    func(h *control.Hello) { h.Policy = "greedy" },
		"rate":      func(h *control.Hello) { h.Rate = -1 },
		"overwrite": func(h *control.Hello) { h.Overwrite = "maybe" },
		"key proof": func(h *control.Hello) {
			h.ClientKey, h.KeyProof = public, signBinding(key, []byte("of another connection"))
		},
		"short key":       func(h *control.Hello) { h.ClientKey, h.KeyProof = []byte{1}, []byte{2} },
		"no credential":   func(h *control.Hello) { h.Token = "" },
		"unknown cipher":  func(h *control.Hello) { h.Ciphers = []string{"rot13"} },
		"escaping path":   func(h *control.Hello) { h.Paths = []string{"../x"} },
		"endless id":      func(h *control.Hello) { h.TransferID = strings.Repeat("x", 200) },
		"absolute path":   func(h *control.Hello) { h.Paths = []string{"/x"} },
		"negative memory": func(h *control.Hello) { h.Memory = -5 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := good
			change(&h)
			conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.spec.Port), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}})
			must(t, err)
			defer conn.Close()
			frame, err := control.AppendJSON(nil, control.TypeHello, h)
			must(t, err)
			_, err = conn.Write(frame)
			must(t, err)
			typ, body, err := control.NewReader(conn).Next()
			var c control.Close
			if err != nil || typ != control.TypeClose || control.ParseJSON(body, &c) != nil || c.Code == "" || c.Code == string(CodeInternal) || c.Message == "" {
				t.Errorf("answer %d %s %v", typ, body, err)
			}
		})
	}
}

func TestSingleFileNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, dest string
		there      func(root string)
		want       string
	}{
		{"a new name", "new", nil, "new"},
		{"a new name in a new directory", "a/b/new", nil, "a/b/new"},
		{"a directory that is there", "d", func(r string) { _ = os.Mkdir(filepath.Join(r, "d"), 0o755) }, "d/f"},
		{"a trailing slash makes a directory", "e/", nil, "e/f"},
		{"the root", "", nil, "f"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, t.TempDir(), nil)
			src := filepath.Join(t.TempDir(), "f")
			write(t, src, 10)
			out := t.TempDir()
			if tc.there != nil {
				tc.there(n.root)
				tc.there(out)
			}
			mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src}, Destination: tc.dest})
			if fi, err := os.Stat(filepath.Join(n.root, tc.want)); err != nil || fi.Size() != 10 {
				t.Errorf("pushed: %v, not %s", listing(t, n.root), tc.want)
			}
			dest := out + "/" + tc.dest
			if tc.dest == "a/b/new" {
				must(t, os.MkdirAll(filepath.Join(out, "a/b"), 0o755)) // a local directory is not made up
			}
			mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{tc.want}, Destination: dest})
			want := filepath.Join(out, tc.want)
			if base := filepath.Base(tc.want); base == "f" || base == "new" {
				if fi, err := os.Stat(want); err != nil || fi.Size() != 10 {
					t.Errorf("pulled: %v, not %s", listing(t, out), want)
				}
			}
		})
	}
}

func TestSpecIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := Spec{Version: 1, Host: "h", Port: 1, Token: "t", CertSHA256: strings.Repeat("0a", 32), Direction: Push, Policy: Low, Cipher: AES256, Overwrite: OverwriteOlder}
	b, err := json.Marshal(good)
	must(t, err)
	if _, err := ParseSpec(b); err != nil {
		t.Errorf("a good spec: %v", err)
	}
	for field, text := range map[string]string{
		"colour":      `{"version":1,"host":"h","port":1,"token":"t","colour":1}`,
		"version":     `{"version":2,"host":"h","port":1,"token":"t"}`,
		"host":        `{"version":1,"port":1,"token":"t"}`,
		"port":        `{"version":1,"host":"h","port":70000,"token":"t"}`,
		"token":       `{"version":1,"host":"h","port":1}`,
		"min_rate":    `{"version":1,"host":"h","port":1,"token":"t","target_rate":5,"min_rate":6}`,
		"cert_sha256": `{"version":1,"host":"h","port":1,"token":"t","cert_sha256":"zz"}`,
		"policy":      `{"version":1,"host":"h","port":1,"token":"t","policy":"x"}`,
		"cipher":      `{"version":1,"host":"h","port":1,"token":"t","cipher":"x"}`,
		"direction":   `{"version":1,"host":"h","port":1,"token":"t","direction":"x"}`,
		"overwrite":   `{"version":1,"host":"h","port":1,"token":"t","overwrite":"x"}`,
		"follows":     `{"version":1,"host":"h","port":1,"token":"t"} {}`,
	} {
		if _, err := ParseSpec([]byte(text)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(`{"version":1,"host":"h","port":1,"token":"t"}`))
	f.Add([]byte(`{"version":1,"addresses":["::1"],"port":443,"access_key":"k","cert_sha256":"` + strings.Repeat("ab", 32) + `"}`))
	f.Add([]byte(`{"version":1,"host":"h","port":1,"token":"t","flows":4}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSpec(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseSpec(again); err != nil {
			t.Fatalf("%s does not parse again: %v", again, err)
		}
	})
}

func TestUnreachableNodesAreTriedUntilRetriesRunOut(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	var asked []Attempt
	c := &Client{Specs: func(_ context.Context, a Attempt) (Spec, error) {
		asked = append(asked, a)
		return Spec{Version: 1, NodeID: "gone", Host: "127.0.0.1", Port: port, Token: "t", TransferID: "t1"}, nil
	}}
	_, err = run(t, c, Job{Direction: Pull, Sources: []string{"x"}, Destination: t.TempDir(),
		Options: Options{Retries: 3, RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond}})
	if CodeOf(err) != CodeUnreachable || len(asked) != 4 {
		t.Fatalf("%v after %d attempts", err, len(asked))
	}
	if a := asked[3]; a.Number != 4 || a.FailedNode != "gone" || a.TransferID != "t1" || CodeOf(a.Reason) != CodeUnreachable {
		t.Errorf("last attempt: %+v", a)
	}
}

func TestTwoSourcesOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	a, b := filepath.Join(t.TempDir(), "f"), filepath.Join(t.TempDir(), "f")
	write(t, a, 1)
	write(t, b, 1)
	if _, err := run(t, client(t, n), Job{Direction: Push, Sources: []string{a, b}, Destination: "d"}); CodeOf(err) != CodeInvalid {
		t.Errorf("push: %v", err)
	}
	if _, err := run(t, client(t, n), Job{Direction: Pull, Sources: []string{"x/f", "y/f"}, Destination: t.TempDir()}); CodeOf(err) != CodeInvalid {
		t.Errorf("pull: %v", err)
	}
}

func TestManySessionsShareMemory(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		n    int
		want int64
	}{{1, 256 << 20}, {4, 256 << 20}, {16, 64 << 20}, {1000, 16 << 20}} {
		if got := sessionMemory(256<<20, tc.n); got != tc.want {
			t.Errorf("%d sessions: %d bytes each, want %d", tc.n, got, tc.want)
		}
	}
	if got := sessionMemory(1<<20, 1000); got != 1<<20 {
		t.Errorf("a small limit grew to %d", got)
	}
}
