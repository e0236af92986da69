package proof

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// free is a port that is held until the test lets go of it.
func free(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener's
}

// ask returns what a path answers, or "closed" where nobody listens.
func ask(t *testing.T, method string, port int, path string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		return "closed"
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(body)))
}

func TestProofsAreAnsweredWhileThereAreAnyAndNothingElse(t *testing.T) {
	t.Parallel()
	held, port := free(t)
	r := New("127.0.0.1", slog.New(slog.DiscardHandler))
	t.Cleanup(r.Close)
	one := map[string]string{"abc": "abc.thumb"}
	if err := r.Show(t.Context(), port, one); err == nil || !strings.Contains(err.Error(), "cannot be answered") {
		t.Errorf("on a port that somebody has: %v", err)
	}
	held.Close()
	if got := ask(t, "GET", port, path+"abc"); got != "closed" {
		t.Errorf("before it could listen: %s", got)
	}
	if err := r.Show(t.Context(), port, one); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, want string }{
		{"GET", path + "abc", "200 abc.thumb"},
		{"GET", path + "other", "404 404 page not found"},
		{"GET", path + "abc/more", "404 404 page not found"},
		{"GET", path, "404 404 page not found"},
		{"GET", "/", "404 404 page not found"},
		{"POST", path + "abc", "405 Method Not Allowed"},
	} {
		if got := ask(t, c.method, port, c.path); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.path, got, c.want)
		}
	}
	if err := r.Show(t.Context(), port, map[string]string{"abc": "abc.thumb", "def": "def.thumb"}); err != nil || ask(t, "GET", port, path+"def") != "200 def.thumb" {
		t.Errorf("a second one: %v", err)
	}
	other, second := free(t)
	other.Close()
	if err := r.Show(t.Context(), second, one); err != nil || ask(t, "GET", second, path+"abc") != "200 abc.thumb" || ask(t, "GET", port, path+"abc") != "closed" {
		t.Errorf("on another port: %v", err)
	}
	if err := r.Show(t.Context(), second, nil); err != nil || ask(t, "GET", second, path+"abc") != "closed" {
		t.Errorf("nothing to prove, and it listens: %v", err)
	}
}
