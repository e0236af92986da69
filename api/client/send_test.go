package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// flaky is a manager that does what it is asked but breaks the connection the
// first so many times; it notes the keys it was asked with.
type flaky struct {
	breaks int
	busy   int // answers in_progress so often after that
	keys   []string
	bodies []string
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, 64)
	n, _ := r.Body.Read(body)
	f.keys, f.bodies = append(f.keys, r.Header.Get("Idempotency-Key")), append(f.bodies, string(body[:n]))
	switch asked := len(f.keys); {
	case asked <= f.breaks:
		// Half an answer, then nothing: the answer is lost, not the request.
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"id":`))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case asked <= f.breaks+f.busy:
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"code":"in_progress","detail":"is still carried out"}`))
	default:
		_, _ = w.Write([]byte(`{"id":"one"}`))
	}
}

// client is a client of f that notes its pauses instead of taking them.
func (f *flaky) client(t *testing.T) (*Client, *[]time.Duration) {
	t.Helper()
	c, err := New(serve(t, f.ServeHTTP))
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	c.wait = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	return c, &pauses
}

func TestALostAnswerIsAskedForAgainUnderTheSameKey(t *testing.T) {
	t.Parallel()
	f := &flaky{breaks: 1, busy: 1}
	c, pauses := f.client(t)
	var made struct{ ID string }
	if _, err := c.Do(t.Context(), http.MethodPost, "/x", map[string]int{"n": 1}, &made); err != nil || made.ID != "one" {
		t.Fatalf("%+v, %v", made, err)
	}
	if len(f.keys) != 3 || f.keys[0] == "" || f.keys[0] != f.keys[1] || f.keys[1] != f.keys[2] {
		t.Errorf("asked with the keys %q", f.keys)
	}
	if want := `{"n":1}`; !slices.Equal(f.bodies, []string{want, want, want}) {
		t.Errorf("asked %q", f.bodies)
	}
	if !slices.Equal(*pauses, []time.Duration{3 * time.Second}) {
		t.Errorf("paused %v, not as long as the manager said", *pauses)
	}
	if _, err := c.Do(t.Context(), http.MethodPost, "/x", nil, nil); err != nil || f.keys[3] == f.keys[0] {
		t.Errorf("another call has the key of the first: %q, %v", f.keys, err)
	}
}

func TestABrokenConnectionIsTriedThreeTimesAndNoMore(t *testing.T) {
	t.Parallel()
	f := &flaky{breaks: 9}
	c, pauses := f.client(t)
	_, err := c.Do(t.Context(), http.MethodPost, "/x", nil, nil)
	u, ok := errors.AsType[*Unreachable](err)
	if !ok || !u.MayBeDone || !strings.Contains(err.Error(), "look whether it is done") {
		t.Errorf("%v", err)
	}
	if len(f.keys) != 3 || len(*pauses) != 1 {
		t.Errorf("asked %d times with pauses %v", len(f.keys), *pauses)
	}
}

func TestOnlyPostsAreSentAgain(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPatch, http.MethodDelete, http.MethodGet} {
		f := &flaky{breaks: 9}
		c, _ := f.client(t)
		_, err := c.Do(t.Context(), method, "/x", nil, nil)
		u, ok := errors.AsType[*Unreachable](err)
		if !ok || u.MayBeDone != (method != http.MethodGet) || len(f.keys) != 1 || f.keys[0] != "" {
			t.Errorf("%s: asked with keys %q: %v", method, f.keys, err)
		}
	}
}

func TestARefusalIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	f := &flaky{busy: 9}
	c, _ := f.client(t)
	if _, err := c.Do(t.Context(), http.MethodPost, "/x", nil, nil); !IsStatus(err, http.StatusConflict) || len(f.keys) != 1 {
		t.Errorf("asked %d times: %v", len(f.keys), err)
	}
}

func TestAManagerThatIsNotThereIsAskedOnce(t *testing.T) {
	t.Parallel()
	c, err := New("https://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	c.wait = func(context.Context, time.Duration) error { t.Error("waited"); return nil }
	_, err = c.Do(t.Context(), http.MethodPost, "/x", nil, nil)
	if u, ok := errors.AsType[*Unreachable](err); !ok || u.MayBeDone {
		t.Errorf("%v", err)
	}
}
