package transfer

import (
	"bytes"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/packetio"
)

// TestFourFlowsCarryOneTree and each has a port of its own, both ways.
func TestFourFlowsCarryOneTree(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		c, rode := r.client(t)
		job.Options = Options{Flows: 4, Rate: 200e6, Transport: TransportUDP}
		var flows int
		res, err := during(t, c, job, 2<<20, func(tr *Transfer) {
			await(t, "four flows", func() bool {
				p, ok := tr.Path()
				flows = max(flows, p.Flows)
				return !ok || p.Flows == 4
			})
		})
		must(t, err)
		same(t, src, dst)
		if flows != 4 || len(res.Sessions) != 1 || res.Files != 206 || len(rode()) != 0 {
			t.Errorf("%d flows, told of %v: %+v", flows, rode(), res)
		}
	})
}

// TestSessionGoesOnWithTheFlowsThatLive: a port that is blocked takes nothing with it.
func TestSessionGoesOnWithTheFlowsThatLive(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		must(t, os.RemoveAll(src))
		tree(t, src, 200, 6, 8<<20)
		r := through(t, n)
		c, rode := r.client(t)
		job.Options = Options{Flows: 3, Rate: 80e6}
		res, err := during(t, c, job, 4<<20, func(*Transfer) { r.blockOne() })
		must(t, err)
		same(t, src, dst)
		if len(res.Sessions) != 1 || len(rode()) != 0 {
			t.Errorf("told of %v: %+v", rode(), res)
		}
	})
}

// TestSessionGoesOnWithTheFlowsThatOpen: a client that gets two sockets of four, as one
// whose descriptors run out, uses these.
func TestSessionGoesOnWithTheFlowsThatOpen(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		c, rode := through(t, n).client(t)
		dialled := 0
		c.dialMore = func(to netip.AddrPort, o packetio.Options) (*packetio.Conn, error) {
			if dialled++; dialled > 1 {
				return nil, syscall.EMFILE
			}
			return packetio.Dial(to, o)
		}
		job.Options = Options{Flows: 4, Rate: 100e6, Transport: TransportUDP}
		var flows int
		res, err := during(t, c, job, 2<<20, func(tr *Transfer) {
			await(t, "two flows", func() bool {
				p, ok := tr.Path()
				flows = p.Flows
				return !ok || p.Flows == 2
			})
		})
		must(t, err)
		same(t, src, dst)
		if flows != 2 || dialled != 2 || len(res.Sessions) != 1 || res.Files != 206 || len(rode()) != 0 {
			t.Errorf("%d flows, %d sockets asked for, told of %v: %+v", flows, dialled, rode(), res)
		}
	})
}

// TestFlowsThatAllDieLeaveTheControlConnection.
func TestFlowsThatAllDieLeaveTheControlConnection(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *node, job Job, src, dst string) {
		r := through(t, n)
		r.blocked.Store(true)
		c, rode := r.client(t)
		job.Options = Options{Flows: 4}
		res := mustRun(t, c, job)
		same(t, src, dst)
		if got := rode(); len(got) != 1 || got[0] != TransportTCP || len(res.Sessions) != 1 {
			t.Errorf("told of %v: %+v", got, res)
		}
	})
}

// TestFlowsShareWhatIsSetForAll: at 20 Mb/s 4 MiB take 1.7 s, of which what leaves
// before the first report may save half a second; at four times that they take 0.4 s.
func TestFlowsShareWhatIsSetForAll(t *testing.T) {
	t.Parallel()
	ratesHold(t, Options{Flows: 4, Transport: TransportUDP}, 4<<20, time.Second)
}

func TestFlowsHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	a, b := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	early, other, err := earlySecrets(a, b)
	must(t, err)
	seen := map[string]bool{string(a): true, string(b): true, string(early): true, string(other): true}
	for i := 1; i < FlowsMost; i++ {
		x, y, err := laneSecrets(a, b, i)
		must(t, err)
		for _, s := range [][]byte{x, y} {
			if len(s) != 32 || seen[string(s)] {
				t.Fatalf("flow %d shares a secret", i)
			}
			seen[string(s)] = true
		}
	}
}

// TestNodeGrantsNoMoreFlowsThanItMay whatever a hello asks for.
func TestNodeGrantsNoMoreFlowsThanItMay(t *testing.T) {
	t.Parallel()
	for asked, want := range map[int]int{0: 1, 1: 1, 5: 5, 1 << 30: FlowsMost} {
		if got := flowsWanted(asked); got != want {
			t.Errorf("asked for %d flows it grants %d, not %d", asked, got, want)
		}
	}
}

// TestClientTakesNoMoreFlowsThanItAskedFor: a node cannot make it open sockets.
func TestClientTakesNoMoreFlowsThanItAskedFor(t *testing.T) {
	t.Parallel()
	s, _ := bare(t)
	defer s.ctl.abort()
	s.lanes[0].sock = &flooded{}
	o := &opened{link: &link{}}
	o.accept.More = []uint64{1, 2}
	for _, asked := range []int{0, 1, 2} {
		if err := (&Client{}).addLanes(s, o, asked); CodeOf(err) != CodeProtocol || len(s.lanes) != 1 {
			t.Errorf("asked for %d flows it takes 3: %v", asked, err)
		}
	}
}

func TestFlowsOutOfRangeAreRefused(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, FlowsMost + 1} {
		j := Job{Direction: Push, Sources: []string{"x"}, Options: Options{Flows: n}}
		if err := j.Validate(); CodeOf(err) != CodeInvalid {
			t.Errorf("%d flows: %v", n, err)
		}
	}
}
