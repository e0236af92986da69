package transfer

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// TestSilenceIsExcusedWhileThePeerIsHeardElsewhere, and no longer.
func TestSilenceIsExcusedWhileThePeerIsHeardElsewhere(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	excuses := 3
	r := patientReader{conn: near, patience: time.Millisecond, excused: func() bool { excuses--; return excuses >= 0 }}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || excuses != -1 {
		t.Errorf("%d bytes, %v, %d excuses left", n, err, excuses)
	}
}
