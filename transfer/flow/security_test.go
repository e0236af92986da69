package flow

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

var strangerAddr = netip.MustParseAddrPort("203.0.113.66:6666")

// ends returns a connected pair without a network, a client that sends and a node.
func ends(t testing.TB, pieces uint64, suite Suite) (*Sender, *Receiver, *book) {
	t.Helper()
	b := newBook(t, pieces)
	s, err := NewSender(Config{ConnID: 7, Suite: suite, SendSecret: secret(1), RecvSecret: secret(2), Peer: nodeAddr, Trusted: true, Rand: seeded(1)}, b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReceiver(Config{ConnID: 7, Suite: suite, SendSecret: secret(2), RecvSecret: secret(1), Rand: seeded(2)}, b)
	if err != nil {
		t.Fatal(err)
	}
	return s, r, b
}

type appender interface {
	AppendDatagrams(time.Duration, *wire.Batch) int
}

var batches = sync.Pool{New: func() any { return wire.NewBatch() }}

// draw takes all datagrams that an end wants to send now.
func draw(e appender, now time.Duration) (out [][]byte) {
	b := batches.Get().(*wire.Batch)
	defer batches.Put(b)
	for b.Reset(); e.AppendDatagrams(now, b) > 0; b.Reset() {
		for d := range b.All() {
			out = append(out, bytes.Clone(d))
		}
	}
	return out
}

// drawData takes data datagrams, letting time pass until there is one.
func drawData(t testing.TB, s *Sender, now *time.Duration) [][]byte {
	t.Helper()
	for range 1000 {
		var data [][]byte
		for _, d := range draw(s, *now) {
			if wire.Kind(d[0]) == wire.KindData {
				data = append(data, d)
			}
		}
		if len(data) > 0 {
			return data
		}
		*now += ms
	}
	t.Fatal("no data is sent")
	return nil
}

func TestEverySuiteDeliversAndRefusesTheOthers(t *testing.T) {
	t.Parallel()
	for _, suite := range []Suite{AES128GCM, AES256GCM, ChaCha20Poly1305} {
		if got, err := ParseSuite(suite.String()); err != nil || got != suite {
			t.Errorf("%v parses as %v, %v", suite, got, err)
		}
		now := time.Duration(0)
		s, r, b := ends(t, 10, suite)
		d := drawData(t, s, &now)[0]
		_, other, _ := ends(t, 10, (suite+1)%3)
		if err := other.HandleDatagram(now, clientAddr, bytes.Clone(d)); !errors.Is(err, ErrAuth) {
			t.Errorf("%v opened by another suite: %v", suite, err)
		}
		if err := r.HandleDatagram(now, clientAddr, d); err != nil || b.delivered != 1 {
			t.Errorf("%v: %v, %d delivered", suite, err, b.delivered)
		}
	}
}

func TestForgedDatagramsChangeNothing(t *testing.T) {
	t.Parallel()
	now := time.Duration(0)
	s, r, b := ends(t, 10, AES128GCM)
	d := drawData(t, s, &now)[0]
	for bit := range len(d) * 8 {
		forged := bytes.Clone(d)
		forged[bit/8] ^= 1 << (bit % 8)
		if err := r.HandleDatagram(now, strangerAddr, forged); err == nil {
			t.Fatalf("accepted with bit %d flipped", bit)
		}
	}
	for n := range d {
		if err := r.HandleDatagram(now, strangerAddr, bytes.Clone(d[:n])); err == nil {
			t.Fatalf("accepted when cut to %d bytes", n)
		}
	}
	if st := r.Stats(now); b.delivered != 0 || st.Peer.IsValid() || st.Packets != 0 {
		t.Fatalf("forgeries left traces: %+v", st)
	}
	if out := draw(r, now); len(out) != 0 {
		t.Fatal("a stranger was answered")
	}
	if err := r.HandleDatagram(now, clientAddr, d); err != nil {
		t.Fatalf("the genuine one is refused afterwards: %v", err)
	}
}

func TestReplayIsRefused(t *testing.T) {
	t.Parallel()
	now := time.Duration(0)
	s, r, b := ends(t, 1000, AES128GCM)
	var all [][]byte
	for len(all) < 40 {
		all = append(all, drawData(t, s, &now)...)
		now += 10 * ms
	}
	for _, d := range all {
		if err := r.HandleDatagram(now, clientAddr, bytes.Clone(d)); err != nil {
			t.Fatal(err)
		}
	}
	before := b.dataBytes
	for _, d := range all {
		if err := r.HandleDatagram(now, strangerAddr, bytes.Clone(d)); !errors.Is(err, ErrReplay) {
			t.Fatalf("replayed: %v", err)
		}
	}
	if b.dataBytes != before || r.Stats(now).Peer != clientAddr {
		t.Fatal("a replay was delivered or moved the peer")
	}
	// Neither direction's datagrams are good in the other.
	report := draw(r, now+reportMost)
	if len(report) == 0 {
		t.Fatal("no report")
	}
	if err := r.HandleDatagram(now, clientAddr, bytes.Clone(report[0])); err == nil {
		t.Fatal("a reflected report is accepted")
	}
}

func TestRefusedPayloadIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	now := time.Duration(0)
	s, r, _ := ends(t, 10, AES128GCM)
	full := errors.New("disk full")
	r.sink = refusing{full}
	if err := r.HandleDatagram(now, clientAddr, drawData(t, s, &now)[0]); !errors.Is(err, full) {
		t.Fatalf("got %v, want the sink's error", err)
	}
	if st := r.Stats(now); st.Packets != 0 || st.Refused != 1 {
		t.Fatalf("%+v", st)
	}
}

type refusing struct{ err error }

func (r refusing) Deliver(time.Duration, []byte) error { return r.err }

// TestUnprovenAddressGetsThrice: a node that sends answers a spoofed address
// with three times what came from there at most, whatever the client says.
func TestUnprovenAddressGetsThrice(t *testing.T) {
	t.Parallel()
	b := newBook(t, endless)
	node, err := NewSender(Config{ConnID: 7, SendSecret: secret(1), RecvSecret: secret(2), Rand: seeded(1)}, b)
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewReceiver(Config{ConnID: 7, SendSecret: secret(2), RecvSecret: secret(1), Peer: nodeAddr, Trusted: true, Rand: seeded(2)}, b)
	if err != nil {
		t.Fatal(err)
	}
	if len(draw(node, 0)) != 0 || node.Stats(0).LimitedBy != "peer address unknown" {
		t.Fatal("the node sends before it knows where")
	}
	in, out := 0, 0
	var kept [][]byte
	for now := time.Duration(0); now < 3*time.Second; now += 5 * ms {
		for _, d := range draw(client, now) {
			in += len(d)
			if err := node.HandleDatagram(now, strangerAddr, d); err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range draw(node, now) {
			out += len(d)
			kept = append(kept, d)
		}
		if out > amplification*in {
			t.Fatalf("%d bytes sent for %d received", out, in)
		}
	}
	if out == 0 {
		t.Fatal("nothing was sent, not even a challenge")
	}
	// An echo that comes from elsewhere proves nothing about this address.
	now := 3 * time.Second
	for _, d := range kept {
		_ = client.HandleDatagram(now, nodeAddr, d)
	}
	var echoes [][]byte
	for range 2 {
		echoes = append(echoes, draw(client, now)...)
	}
	if node.Stats(now).PeerProven {
		t.Fatal("proven without an echo")
	}
	for _, d := range echoes {
		_ = node.HandleDatagram(now, strangerAddr, d)
	}
	if !node.Stats(now).PeerProven {
		t.Fatal("an echo from the address does not prove it")
	}
}

// TestKeysChangeWithTheEpoch walks both ends over two changes of key.
func TestKeysChangeWithTheEpoch(t *testing.T) {
	t.Parallel()
	seal, err := newKeys(AES128GCM, secret(1))
	if err != nil {
		t.Fatal(err)
	}
	open, err := newKeys(AES128GCM, secret(1))
	if err != nil {
		t.Fatal(err)
	}
	packet := func(n uint64) []byte {
		b := make([]byte, 100)
		return b[:seal.seal(wire.Header{Kind: wire.KindData, Number: uint32(n)}, n, b, 50)]
	}
	const epoch = uint64(1) << epochBits
	far := epoch * 5
	first, last, next := packet(1), packet(epoch-1), packet(epoch)
	if bytes.Equal(first[wire.HeaderSize:], next[wire.HeaderSize:]) {
		t.Error("key stream repeats")
	}
	for _, c := range []struct {
		n uint64
		b []byte
	}{{1, first}, {epoch, next}, {epoch - 1, last}} { // the last one is late
		if _, ok := open.open(c.n, c.b); !ok {
			t.Errorf("packet %d does not open", c.n)
		}
	}
	for forged := epoch; forged <= far; forged += epoch { // each as near as the one before made it
		if _, ok := open.open(forged, make([]byte, 100)); ok || open.newest != 1 {
			t.Fatalf("a forged number moved the keys to epoch %d", open.newest)
		}
	}
	if _, ok := open.open(epoch+1, packet(epoch+1)); !ok {
		t.Error("forged numbers lock the peer out")
	}
	if _, err := newKeys(AES128GCM, secret(1)[:31]); err == nil {
		t.Error("a short secret is accepted")
	}
	if _, err := newKeys(Suite(9), secret(1)); err == nil {
		t.Error("an unknown suite is accepted")
	}
}
