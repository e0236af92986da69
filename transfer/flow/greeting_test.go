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
	if got := greet(t, func(n int) bool { return n <= 20 }); got.Rate < 600e6 || got.LostPackets != 0 {
		t.Errorf("%+v", got)
	}
}

// TestWhatIsLostOfAGreetingSaysNothing: where a path reorders, a part of the burst
// overtakes the hello and meets nobody.
func TestWhatIsLostOfAGreetingSaysNothing(t *testing.T) {
	t.Parallel()
	if got := greet(t, func(n int) bool { return n%3 > 0 && n < 120 }); got.LostPackets != 0 || got.LossRuns != 0 {
		t.Errorf("%+v", got)
	}
}

// greet is a greeting of which some datagrams are lost, by their numbers from 1.
func greet(t *testing.T, lost func(n int) bool) Stats {
	t.Helper()
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
			if sent++; lost(sent) {
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
	s.Begin(&padding{left: 1000}, 0)
	for range 3 { // data, whose reports tell what is missing before them
		at += 2 * half
		batch.Reset()
		s.Tick(at - half)
		s.AppendDatagrams(at-half, batch)
		for d := range batch.All() {
			if err := r.HandleDatagram(at, here, append([]byte(nil), d...)); err != nil {
				t.Fatal(err)
			}
		}
		report()
	}
	return s.Stats(at + half)
}
