package flow

import (
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

type ignorant struct{}

func (ignorant) Deliver(time.Duration, []byte) error { return nil }

// TestGreetingShowsThePath: a burst of padding over 1 Gb/s and 100 ms has the
// Sender begin at most of that rate, though the receiver missed a part of it.
func TestGreetingShowsThePath(t *testing.T) {
	t.Parallel()
	const half = 50 * time.Millisecond
	here, there := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:2")
	cfg := Config{ConnID: 7, SendSecret: secret(1), RecvSecret: secret(2), Peer: there, Trusted: true, RTT: 2 * half, Rand: seeded(1)}
	s, err := NewGreeting(cfg)
	if err != nil {
		t.Fatal(err)
	}
	back := cfg
	back.SendSecret, back.RecvSecret, back.Peer, back.Trusted = cfg.RecvSecret, cfg.SendSecret, netip.AddrPort{}, false
	r, err := NewReceiver(back, ignorant{})
	if err != nil {
		t.Fatal(err)
	}
	batch, notes := wire.NewBatch(), wire.NewBatch()
	at, sent := half, 0
	report := func() {
		for notes.Reset(); r.AppendDatagrams(at, notes) > 0; notes.Reset() {
			for d := range notes.All() {
				if err := s.HandleDatagram(at+half, there, append([]byte(nil), d...)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for s.AppendDatagrams(0, batch) > 0 {
		for d := range batch.All() {
			if sent++; sent <= 20 { // the node was not there yet
				continue
			}
			at += time.Duration(len(d)+28) * 8 // of 1 Gb/s, in ns
			if err := r.HandleDatagram(at, here, append([]byte(nil), d...)); err != nil {
				t.Fatal(err)
			}
			report()
		}
		batch.Reset()
	}
	if sent < 150 || sent > 192 {
		t.Fatalf("%d datagrams", sent)
	}
	at += 10 * time.Millisecond
	report()
	s.Begin(newBook(t, 1000), 0)
	if got := s.Stats(at + half); got.Rate < 600e6 || got.LostPackets != 0 {
		t.Errorf("%+v", got)
	}
}
