package rival

import (
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
)

var (
	left  = netip.MustParseAddrPort("198.51.100.1:1")
	right = netip.MustParseAddrPort("192.0.2.1:2")
)

// TestModelsBehaveAsTheyAreKnownTo: alone on a path, CUBIC fills it unless packets
// are lost at random; BBR does not mind a per cent.
func TestModelsBehaveAsTheyAreKnownTo(t *testing.T) {
	t.Parallel()
	for _, r := range []struct {
		name        string
		make        func(netip.AddrPort) *Sender
		loss        float64
		least, most float64
	}{
		{"cubic", NewCubic, 0, .9, 1},
		{"cubic with 1 % lost", NewCubic, .01, .005, .2},
		{"bbr", NewBBR, 0, .9, 1},
		{"bbr with 1 % lost", NewBBR, .01, .85, 1},
	} {
		n := simnet.New(1)
		up := n.NewLink(simnet.Link{Rate: 50e6, Queue: 250_000, Delay: 20 * time.Millisecond, Loss: r.loss})
		down := n.NewLink(simnet.Link{Delay: 20 * time.Millisecond})
		in := NewReceiver()
		n.NewHost(left, r.make(right), up)
		n.NewHost(right, in, down)
		n.Run(20 * time.Second)
		if share := float64(in.Bytes) * 8 / 20 / 50e6; share < r.least || share > r.most {
			t.Errorf("%s: %.3f of the path, want %.3f to %.3f", r.name, share, r.least, r.most)
		}
	}
}
