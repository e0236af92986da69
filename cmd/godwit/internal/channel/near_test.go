package channel

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer"
)

func TestAnSSHThatHangsIsNotTakenForAHostThatWasReached(t *testing.T) {
	t.Parallel()
	d := Dialer{Host: Host{Name: "far"}, Command: []string{"sh", "-c", "exec sleep 60"}, patience: time.Millisecond}
	_, err := d.Dial(t.Context())
	if !errors.Is(err, ErrSSH) || transfer.CodeOf(err) != transfer.CodeUnreachable || !strings.Contains(err.Error(), "far did not answer within 1ms") {
		t.Errorf("%v", err)
	}
}
