package transfer

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// deafOnce forwards connections to a node, all but the first, which it takes and
// never answers: as a path looks that lost a packet of the handshake.
func deafOnce(t *testing.T, to string) (port int, taken *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	taken = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if taken.Add(1) == 1 {
				t.Cleanup(func() { c.Close() })
				continue
			}
			up, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			t.Cleanup(func() { c.Close(); up.Close() })
			go func() { _, _ = io.Copy(up, c); up.Close() }()
			go func() { _, _ = io.Copy(c, up); c.Close() }()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port, taken
}

func TestHandshakeThatLostAPacketHoldsNothingUp(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	spec := n.spec
	var taken *atomic.Int32
	spec.Port, taken = deafOnce(t, net.JoinHostPort(spec.Host, strconv.Itoa(spec.Port)))
	attempts := 0
	c := &Client{Log: testLog(t), Specs: func(context.Context, Attempt) (Spec, error) {
		attempts++
		return spec, nil
	}}
	source := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(source, []byte("content"), 0o600))
	mustRun(t, c, Job{Direction: Push, Sources: []string{source}, Destination: ".", Options: Options{Transport: TransportTCP}})
	if attempts != 1 || taken.Load() < 2 {
		t.Errorf("%d attempts of the job over %d connections", attempts, taken.Load())
	}
	if got, err := os.ReadFile(filepath.Join(n.root, "f")); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
}
