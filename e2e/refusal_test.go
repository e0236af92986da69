package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Bad input gets a clear error and changes nothing.
func TestBadInputIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	small(t, s, 1, 200)
	secretFile := s.Path("outside.txt")
	if err := os.WriteFile(secretFile, []byte("not yours"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := s.Path("file.bin")
	if err := os.WriteFile(file, make([]byte, 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(s.Dir, s.Path("storage", "escape")); err != nil {
		t.Fatal(err)
	}
	before := listing(t, s.Path("storage"))

	t.Run("unknown flags and fields", func(t *testing.T) {
		refused(t, s, 2, "unknown flag", "cp", "--turbo", file, "c:/x")
		refused(t, s, 2, "max_noodles", "policy", "set", "c", "max_noodles=3")
		refused(t, s, 2, "turbo", "template", "create", "t2", "--spec", `{"node":{"turbo":true}}`)
	})
	t.Run("crossed thresholds", func(t *testing.T) {
		refused(t, s, 2, "min_threshold", "policy", "set", "c", "min_threshold=0.9", "max_threshold=0.2")
		refused(t, s, 2, "max_nodes", "policy", "set", "c", "max_nodes=0")
	})
	t.Run("paths that lead out", func(t *testing.T) {
		for _, path := range []string{"../outside.txt", "/../../outside.txt", "escape/outside.txt"} {
			_, errs, code := godwit(t, s, "cp", "c:"+path, s.Path("stolen"))
			if code == 0 {
				t.Errorf("pull of %s was allowed", path)
			}
			if _, err := os.Lstat(s.Path("stolen")); err == nil {
				t.Errorf("pull of %s left a file: %s", path, errs)
			}
		}
		for _, path := range []string{"../planted", "escape/planted", "/a/../../planted"} {
			if _, _, code := godwit(t, s, "cp", file, "c:"+path); code == 0 {
				t.Errorf("push to %s was allowed", path)
			}
		}
		if _, err := os.Lstat(s.Path("planted")); err == nil {
			t.Error("a push escaped the storage")
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		refused(t, s, 4, "", "cp", "c:/missing", s.Path("x"))
		refused(t, s, 4, "no such file", "cp", s.Path("missing"), "c:/x")
		refused(t, s, 4, "", "cp", file, "nowhere:/x")
		refused(t, s, 4, "", "node", "get", "nobody")
	})
	t.Run("wrong credentials", func(t *testing.T) {
		p := s.Path("wrong.json")
		_, errs, code := godwitAs(t, s, p, "node", "list")
		if code != 3 || !strings.Contains(errs, "godwit login") {
			t.Errorf("no profile: exit %d, %s", code, errs)
		}
		var profiles map[string]any
		b, err := os.ReadFile(s.Profile())
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &profiles); err != nil {
			t.Fatal(err)
		}
		for field, value := range map[string]string{"token": "gwt_wrong", "secret": "wrong"} {
			broken := strings.ReplaceAll(string(b), fmt.Sprintf("%q: %q", field, current(profiles)[field]), fmt.Sprintf("%q: %q", field, value))
			if err := os.WriteFile(p, []byte(broken), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"node", "list"}
			if field == "secret" {
				args = []string{"cp", file, "c:/x"}
			}
			if _, errs, code := godwitAs(t, s, p, args...); code != 3 {
				t.Errorf("wrong %s: exit %d, want 3: %s", field, code, errs)
			}
		}
	})
	t.Run("a wrong certificate", func(t *testing.T) {
		address := s.API.URL + "#sha256=" + strings.Repeat("ab", 32)
		_, errs, code := godwitAs(t, s, s.Path("pin.json"), "login", address, "--key", "ak_x", "--secret-stdin")
		if code == 0 || errs == "" {
			t.Errorf("a manager of another cluster was accepted: exit %d", code)
		}
		if _, err := os.Stat(s.Path("pin.json")); err == nil {
			t.Error("a profile was stored for a manager that does not match its pin")
		}
	})
	t.Run("a flood of strangers' datagrams", func(t *testing.T) {
		nodes, err := s.API.Nodes(t.Context())
		if err != nil || len(nodes) == 0 {
			t.Fatal(nodes, err)
		}
		conn, err := net.Dial("udp", net.JoinHostPort(nodes[0].Address, fmt.Sprint(nodes[0].Port)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		answered := make(chan int, 1)
		go func() {
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			n, _ := conn.Read(make([]byte, 2000))
			answered <- n
		}()
		junk := make([]byte, 1472)
		stop := time.Now().Add(2 * time.Second)
		copied := make(chan string, 1)
		go func() {
			_, errs, code := godwit(t, s, "cp", file, "c:/flooded.bin")
			copied <- fmt.Sprint(code, errs)
		}()
		for i := 0; time.Now().Before(stop); i++ {
			junk[0], junk[1], junk[2] = byte(i), byte(i>>8), byte(i>>16)
			_, _ = conn.Write(junk)
		}
		if got := <-copied; got != "0" {
			t.Errorf("a copy beside the flood: exit %s", got)
		}
		_ = conn.SetReadDeadline(time.Now())
		if n := <-answered; n > 0 {
			t.Errorf("the node answered a stranger with %d bytes", n)
		}
		if err := os.Remove(s.Path("storage", "flooded.bin")); err != nil {
			t.Error(err)
		}
	})

	if after := listing(t, s.Path("storage")); after != before {
		t.Errorf("the storage changed:\nbefore %s\nafter  %s", before, after)
	}
}

// current is the profile in use.
func current(profiles map[string]any) map[string]any {
	name, _ := profiles["current"].(string)
	all, _ := profiles["profiles"].(map[string]any)
	p, _ := all[name].(map[string]any)
	return p
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			names = append(names, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}
