package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// deadlines is a response that remembers until when it may be written to.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// A deadline that outlives its write ends a stream over HTTP/2 that has nothing to say.
func TestQuietStreamHasNoDeadline(t *testing.T) {
	t.Parallel()
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	st := &stream{w: d, control: http.NewResponseController(d)}
	if err := st.write(": still here\n\n"); err != nil {
		t.Fatal(err)
	}
	if len(d.set) != 2 || d.set[0].IsZero() || !d.set[1].IsZero() || !d.Flushed {
		t.Errorf("deadlines %v, flushed %v", d.set, d.Flushed)
	}
}
