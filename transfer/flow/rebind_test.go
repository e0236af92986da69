package flow

import (
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
)

// TestRebindingCostsUnderASecond: a NAT gives the client another address in
// mid-transfer, and what goes to the old one vanishes. Either way, on paths short
// and long, clean and lossy.
func TestRebindingCostsUnderASecond(t *testing.T) {
	t.Parallel()
	for name, push := range map[string]bool{"push": true, "pull": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3) {
				for _, rtt := range []time.Duration{20 * ms, 200 * ms} {
					for _, loss := range []float64{0, .02} {
						if gap := rebind(t, push, seed, rtt, loss); gap >= time.Second {
							t.Errorf("seed %d, RTT %v, %.0f %% lost: nothing arrived for %v", seed, rtt, loss*100, gap)
						}
					}
				}
			}
		})
	}
}

// rebind returns the longest time without new data after the change.
func rebind(t *testing.T, push bool, seed uint64, rtt time.Duration, loss float64) (longest time.Duration) {
	n := simnet.New(seed)
	up, down := symmetric(20e6, rtt, 50*ms, loss)
	down.Loss = loss
	toNode, toClient := n.NewLink(up), n.NewLink(down)
	b := newBook(t, endless)
	client := Config{ConnID: 7, SendSecret: secret(1), RecvSecret: secret(2), Peer: nodeAddr, Trusted: true, RTT: rtt, Rand: seeded(seed)}
	node := Config{ConnID: 7, SendSecret: secret(2), RecvSecret: secret(1), RTT: rtt, Rand: seeded(seed + 100)}
	from, to := client, node
	if !push {
		from, to = node, client
	}
	s, err := NewSender(from, b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReceiver(to, b)
	if err != nil {
		t.Fatal(err)
	}
	var host *simnet.Host
	if push {
		host = n.NewHost(clientAddr, s, toNode)
		n.NewHost(nodeAddr, r, toClient)
	} else {
		host = n.NewHost(clientAddr, r, toNode)
		n.NewHost(nodeAddr, s, toClient)
	}
	n.Run(3 * time.Second)
	host.Move(addPort(clientAddr, 77))
	delivered, last := b.delivered, n.Now()
	for n.Now() < 6*time.Second {
		n.Run(n.Now() + 5*ms)
		if b.delivered != delivered {
			delivered, last = b.delivered, n.Now()
		}
		longest = max(longest, n.Now()-last)
	}
	return longest
}
