package flow

import (
	"bytes"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// FuzzDatagram feeds bytes from strangers to both ends: nothing is accepted,
// nothing is sent, nothing changes.
func FuzzDatagram(f *testing.F) {
	now := time.Duration(0)
	s, r, _ := ends(f, 100, AES128GCM)
	for _, d := range drawData(f, s, &now) {
		f.Add(d[:len(d)-1])
		_ = r.HandleDatagram(now, clientAddr, d)
	}
	for _, d := range draw(r, now+reportMost) {
		d[len(d)-1] ^= 1
		f.Add(d)
	}
	f.Add([]byte{0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, r, bk := ends(t, 100, AES128GCM)
		// The secrets of this pair are not those of the seeds' tags, once cut or flipped.
		if s.HandleDatagram(0, strangerAddr, bytes.Clone(b)) == nil || r.HandleDatagram(0, strangerAddr, bytes.Clone(b)) == nil {
			t.Fatal("a stranger's datagram was accepted")
		}
		if bk.delivered != 0 || len(draw(r, 0)) != 0 || s.Stats(0).Moves != 0 {
			t.Fatal("a stranger's datagram had an effect")
		}
	})
}

// FuzzPeer is a peer with the right keys and ill will: whatever it reports or
// asks, both ends stay within bounds and go on.
func FuzzPeer(f *testing.F) {
	st := wire.Status{Clock: time.Second, Largest: 5, Packets: 5, Bytes: 7000, HasOWD: true, OWD: -time.Hour}
	f.Add(st.Append(nil), uint32(1))
	cov := wire.Coverage{Top: 20, Runs: []uint64{0, 3, 5, 2}}
	f.Add(cov.Append(st.Append(nil)), uint32(9000))
	y := wire.Sync{Floor: 1 << 40, Want: true, Low: 3, High: 1 << 50, RTT: time.Hour}
	f.Add(y.Append(nil), uint32(2))
	f.Add(wire.AppendResponse(wire.AppendChallenge(nil, wire.Token{1}), wire.Token{2}), uint32(1<<22))
	f.Fuzz(func(t *testing.T, body []byte, number uint32) {
		if len(body) > 2000 {
			return
		}
		now := time.Duration(0)
		s, r, _ := ends(t, 500, AES128GCM)
		for range 20 {
			for _, d := range drawData(t, s, &now) {
				if err := r.HandleDatagram(now, clientAddr, d); err != nil {
					t.Fatal(err)
				}
			}
		}
		hostile := func(by *keys, n uint64) []byte {
			b := make([]byte, len(body)+wire.Overhead)
			copy(b[wire.HeaderSize:], body)
			return b[:by.seal(wire.Header{Kind: wire.KindControl, ConnID: 7, Number: uint32(n)}, n, b, len(body))]
		}
		number %= 1 << (epochBits + 1)
		number = max(number, 1)
		for i := range uint64(3) {
			now += 7 * ms
			n := uint64(number) + i
			_ = s.HandleDatagram(now, nodeAddr, hostile(mustKeys(t, secret(2), n), n))
			_ = r.HandleDatagram(now, clientAddr, hostile(mustKeys(t, secret(1), n+1000), n+1000))
			draw(r, now)
		}
		if size := r.arrived.size(); size > arrivalsMost {
			t.Fatalf("the receiver remembers %d packets", size)
		}
		// Both go on: within a second data and reports flow again.
		for deadline := now + time.Second; now < deadline; now += 10 * ms {
			for _, d := range draw(s, now) {
				_ = r.HandleDatagram(now, clientAddr, d)
			}
			for _, d := range draw(r, now) {
				if len(d) > wire.MaxDatagram {
					t.Fatalf("report of %d bytes", len(d))
				}
			}
		}
		if rate := s.cc.Rate(); !(rate > 0 && rate < 1e15) || s.inFlight < 0 || s.unsettled < 0 {
			t.Fatalf("rate %v, in flight %d, unsettled %d", rate, s.inFlight, s.unsettled)
		}
	})
}

// mustKeys returns keys that can seal packet n.
func mustKeys(t testing.TB, s []byte, n uint64) *keys {
	t.Helper()
	k, err := newKeys(AES128GCM, s)
	if err != nil {
		t.Fatal(err)
	}
	for k.newest < n>>epochBits {
		k.used((k.newest + 1) << epochBits)
	}
	return k
}
