package transfer

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/pathbook"
)

func loopback(t *testing.T, local bool) pathbook.Key {
	t.Helper()
	here := netip.MustParseAddr("127.0.0.1")
	from := here
	if !local {
		from = netip.Addr{}
	}
	k, ok := pathbook.KeyOf(from, here)
	if !ok {
		t.Fatal("loopback has no place in a book")
	}
	return k
}

// TestBothEndsRememberThePath: the client of a push and the node of a pull.
func TestBothEndsRememberThePath(t *testing.T) {
	t.Parallel()
	file := pathbook.Disk(filepath.Join(t.TempDir(), "paths"))
	of := pathbook.New(time.Now, file, nil)
	n := startNode(t, t.TempDir(), func(c *ServerConfig, _ *grants) { c.Paths = of })
	c := client(t, n)
	c.Paths = pathbook.New(time.Now, nil, nil)
	source := filepath.Join(t.TempDir(), "f")
	write(t, source, 4<<20)
	mustRun(t, c, Job{Direction: Push, Sources: []string{source}, Destination: "."})
	if p, ok := c.Paths.Path(loopback(t, true)); !ok || p.UDP != pathbook.Open || p.MTU < flow.SafeMTU {
		t.Errorf("the client knows %+v", p)
	}
	mustRun(t, c, Job{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir()})
	n.stop()
	if p, ok := pathbook.New(time.Now, file, nil).Path(loopback(t, false)); !ok || p.UDP != pathbook.Open || p.MTU < flow.SafeMTU {
		t.Errorf("the node's file says %+v", p)
	}
}

// TestBlockedUDPIsRememberedAndTried: where it was blocked the last time, data ride
// the control connection at once, and datagrams again when they get through.
func TestBlockedUDPIsRememberedAndTried(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		r.blocked.Store(true)
		c := &Client{
			Specs: func(context.Context, Attempt) (Spec, error) { return r.spec, nil },
			Log:   testLog(t), Paths: pathbook.New(time.Now, nil, nil),
		}
		mustRun(t, c, job)
		same(t, src, dst)
		if p, ok := c.Paths.Path(loopback(t, true)); !ok || p.UDP != pathbook.Blocked {
			t.Fatalf("%+v", p)
		}
		if job.Direction == Pull {
			return // the node decides
		}
		must(t, os.RemoveAll(dst))
		must(t, os.MkdirAll(dst, 0o755))
		var at []Transport
		c.OnEvent = func(e Event) {
			if e.Kind == EventSession || e.Kind == EventTransport {
				at = append(at, e.Transport)
			}
		}
		mustRun(t, c, job)
		same(t, src, dst)
		if len(at) != 1 || at[0] != TransportTCP {
			t.Errorf("data rode %v", at)
		}
	})
}

// TestMemoryOfAnotherRoundTripIsNotBelieved, and one of the same is.
func TestMemoryOfAnotherRoundTripIsNotBelieved(t *testing.T) {
	t.Parallel()
	here, there := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("192.0.2.7")
	b := pathbook.New(time.Now, nil, nil)
	k, _ := pathbook.KeyOf(here, there)
	b.Learn(k, pathbook.Path{RTT: 100 * time.Millisecond, Rate: 1e9, Loss: .01, MTU: 1400})
	a := acquaint(b, here, there)
	for rtt, want := range map[time.Duration]float64{101 * time.Millisecond: 1e9, 30 * time.Millisecond: 0} {
		cfg := flow.Config{RTT: rtt}
		a.brief(&cfg)
		if cfg.Resume.Rate != want || cfg.KnownMTU != 1400 {
			t.Errorf("%v: %+v", rtt, cfg.Resume)
		}
	}
	none := acquaint(nil, here, there)
	cfg := flow.Config{RTT: 100 * time.Millisecond}
	if none.brief(&cfg); cfg.Resume.Rate != 0 {
		t.Error("no book knows a rate")
	}
}
