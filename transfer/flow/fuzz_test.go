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
	s, r, _ := ends(f, 100, AES256GCM)
	for _, d := range drawData(f, s, &now) {
		f.Add(d[:len(d)-1])
		_ = r.HandleDatagram(now, clientAddr, d)
	}
	for _, d := range draw(r, now+reportMost) {
		f.Add(d)
	}
	f.Add([]byte{0x40})
	// Another pair with other keys, and always the same one: making keys takes longer
	// than all the rest, and nothing that strangers sent may have changed it.
	s, r, bk := ends(f, 100, AES128GCM)
	f.Fuzz(func(t *testing.T, b []byte) {
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
	batch := wire.NewBatch()
	f.Fuzz(func(t *testing.T, body []byte, number uint32) {
		if len(body) > 2000 {
			return
		}
		now := time.Duration(0)
		s, r, bk := ends(t, 500, ChaCha20Poly1305) // whose keys are made soonest
		bk.size = 100
		for _, k := range []*keys{s.seal, s.open, r.seal, r.open} {
			undisguised(k)
		}
		// carry has what s sends arrive, and reports whether there was something.
		carry := func() (some bool) {
			for batch.Reset(); s.AppendDatagrams(now, batch) > 0; batch.Reset() {
				for d := range batch.All() {
					some = true
					if err := r.HandleDatagram(now, clientAddr, d); err != nil {
						t.Fatal(err)
					}
				}
			}
			return some
		}
		for range 10 {
			for !carry() {
				now += ms
			}
		}
		hostile := func(by *keys, n uint64) []byte {
			b := make([]byte, len(body)+wire.Overhead+4)
			copy(b[wire.HeaderSize:], body)
			return b[:by.seal(wire.Header{Kind: wire.KindControl, ConnID: 7, Number: uint32(n)}, n, b, len(body))]
		}
		number %= 1 << (epochBits + 1)
		number = max(number, 1)
		for i := range uint64(3) {
			now += 7 * ms
			n := uint64(number) + i
			_ = s.HandleDatagram(now, nodeAddr, hostile(keysFor(t, secret(2), n), n))
			_ = r.HandleDatagram(now, clientAddr, hostile(keysFor(t, secret(1), n+1000), n+1000))
			draw(r, now)
		}
		if size := r.arrived.size(); size > arrivalsMost {
			t.Fatalf("the receiver remembers %d packets", size)
		}
		// Both go on: within a second data and reports flow again.
		for deadline := now + time.Second; now < deadline; now += reportMost {
			for batch.Reset(); s.AppendDatagrams(now, batch) > 0; batch.Reset() {
				for d := range batch.All() {
					_ = r.HandleDatagram(now, clientAddr, d)
				}
			}
			for batch.Reset(); r.AppendDatagrams(now, batch) > 0; batch.Reset() {
				for d := range batch.All() {
					if len(d) > wire.MaxDatagram {
						t.Fatalf("report of %d bytes", len(d))
					}
				}
			}
		}
		if rate := s.cc.Rate(); !(rate > 0 && rate < 1e15) || s.inFlight < 0 || s.unsettled < 0 {
			t.Fatalf("rate %v, in flight %d, unsettled %d", rate, s.inFlight, s.unsettled)
		}
	})
}

// keysFor returns keys that can seal packet n.
func keysFor(t testing.TB, s []byte, n uint64) *keys {
	t.Helper()
	k, err := newKeys(ChaCha20Poly1305, s)
	if err != nil {
		t.Fatal(err)
	}
	undisguised(k)
	for k.newest < n>>epochBits {
		k.used((k.newest + 1) << epochBits)
	}
	return k
}

// undisguised has the first two epochs use no cipher: a peer that has the keys sees
// no difference, and two minutes are for more of what it may say.
func undisguised(k *keys) {
	for i := range k.ring {
		if k.ring[i].aead != nil {
			k.ring[i].aead = clear16{}
		}
	}
}

// clear16 is a cipher.AEAD that hides nothing.
type clear16 struct{}

func (clear16) NonceSize() int { return 12 }
func (clear16) Overhead() int  { return 16 }

func (clear16) Seal(dst, _, text, _ []byte) []byte {
	return append(append(dst, text...), make([]byte, 16)...)
}

func (clear16) Open(dst, _, sealed, _ []byte) ([]byte, error) {
	if len(sealed) < 16 {
		return nil, wire.ErrFrame
	}
	return append(dst, sealed[:len(sealed)-16]...), nil
}
