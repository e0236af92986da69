package flow

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/wire"
)

var (
	nodeAddr   = netip.MustParseAddrPort("192.0.2.1:4433")
	clientAddr = netip.MustParseAddrPort("198.51.100.7:40000")
)

func secret(b byte) []byte {
	s := make([]byte, SecretSize)
	for i := range s {
		s[i] = b
	}
	return s
}

// book is a Source and a Sink that keeps account of every token: it checks the
// promises of the package comment while the flow runs.
type book struct {
	t     testing.TB
	limit uint64 // pieces of content there are
	next  uint64 // next new piece
	again []uint64
	size  int // bytes per payload; 0: all that fits

	piece  map[uint64]uint64 // token -> piece
	tokens uint64
	acked  map[uint64]bool
	lost   map[uint64]bool

	have      []uint64 // bitmap of delivered pieces
	delivered uint64   // distinct pieces
	copies    uint64   // deliveries of a piece that was there already
	bytes     uint64   // of distinct pieces
	repeats   bool
	dataBytes uint64 // payload bytes delivered, all
	full      int
}

func newBook(t testing.TB, pieces uint64) *book {
	return &book{t: t, limit: pieces, piece: map[uint64]uint64{}, acked: map[uint64]bool{}, lost: map[uint64]bool{}, repeats: true}
}

func (b *book) Fill(_ time.Duration, buf []byte) (int, uint64) {
	var piece uint64
	if k := len(b.again); k > 0 {
		piece, b.again = b.again[k-1], b.again[:k-1]
	} else if b.next < b.limit {
		piece = b.next
		b.next++
	} else {
		return 0, 0
	}
	b.tokens++
	b.piece[b.tokens] = piece
	return b.write(piece, buf), b.tokens
}

func (b *book) write(piece uint64, buf []byte) int {
	n := len(buf)
	if b.size > 0 {
		n = min(n, b.size)
	}
	clear(buf[:n])
	binary.BigEndian.PutUint64(buf, piece)
	buf[n-1] = byte(piece)
	b.full = max(b.full, n)
	return n
}

func (b *book) Left() int64 {
	if b.limit == endless {
		return -1
	}
	return int64(b.limit-b.next) * 1400
}

func (b *book) Repeat(_ time.Duration, token uint64, buf []byte) int {
	if !b.repeats {
		return 0
	}
	piece, ok := b.piece[token]
	if !ok {
		b.t.Fatalf("repeat of token %d, which is closed or was never handed out", token)
	}
	return b.write(piece, buf)
}

func (b *book) Acked(token uint64) {
	piece, ok := b.piece[token]
	if !ok || b.acked[token] {
		b.t.Fatalf("token %d acknowledged twice or never handed out", token)
	}
	if !b.has(piece) {
		b.t.Fatalf("piece %d acknowledged but not delivered", piece)
	}
	delete(b.piece, token)
	b.acked[token] = true
}

func (b *book) Lost(token uint64) {
	piece, ok := b.piece[token]
	if !ok || b.acked[token] || b.lost[token] {
		b.t.Fatalf("token %d lost twice, after its acknowledgement, or never handed out", token)
	}
	b.lost[token] = true
	b.again = append(b.again, piece)
}

func (b *book) has(piece uint64) bool {
	return piece/64 < uint64(len(b.have)) && b.have[piece/64]&(1<<(piece%64)) != 0
}

func (b *book) Deliver(_ time.Duration, p []byte) error {
	piece := binary.BigEndian.Uint64(p)
	if p[len(p)-1] != byte(piece) || piece >= b.limit {
		b.t.Fatalf("delivered payload is damaged: piece %d", piece)
	}
	b.dataBytes += uint64(len(p))
	if b.has(piece) {
		b.copies++
		return nil
	}
	for piece/64 >= uint64(len(b.have)) {
		b.have = append(b.have, make([]uint64, 1+len(b.have))...)
	}
	b.have[piece/64] |= 1 << (piece % 64)
	b.delivered++
	b.bytes += uint64(len(p))
	return nil
}

func (b *book) done() bool { return b.delivered == b.limit }

// world is one flow between a client that sends and a node that receives.
type world struct {
	net      *simnet.Net
	up, down *simnet.Link
	s        *Sender
	r        *Receiver
	sh, rh   *simnet.Host
	book     *book
}

type scenario struct {
	up, down simnet.Link
	pieces   uint64
	change   func(w *world)
	sender   func(c *Config)
	receiver func(c *Config)
}

const endless = 1 << 40

func build(t testing.TB, seed uint64, sc scenario) *world {
	t.Helper()
	n := simnet.New(seed)
	w := attach(t, n, n.NewLink(sc.up), n.NewLink(sc.down), 0, sc)
	if sc.change != nil {
		sc.change(w)
	}
	return w
}

// attach puts one more flow on the links; index tells flows apart.
func attach(t testing.TB, n *simnet.Net, up, down *simnet.Link, index int, sc scenario) *world {
	t.Helper()
	node := netip.AddrPortFrom(nodeAddr.Addr(), nodeAddr.Port()+uint16(index))
	client := netip.AddrPortFrom(clientAddr.Addr(), clientAddr.Port()+uint16(index))
	w := &world{net: n, up: up, down: down, book: newBook(t, sc.pieces)}
	id := wire.ConnID(index + 7)
	cs := Config{ConnID: id, SendSecret: secret(1), RecvSecret: secret(2), Peer: node, Trusted: true, Rand: seeded(n.Rand().Uint64())}
	cr := Config{ConnID: id, SendSecret: secret(2), RecvSecret: secret(1), Rand: seeded(n.Rand().Uint64())}
	cs.Parity, cr.Parity = 64<<20, 64<<20
	if sc.sender != nil {
		sc.sender(&cs)
	}
	if sc.receiver != nil {
		sc.receiver(&cr)
	}
	var err error
	if w.s, err = NewSender(cs, w.book); err != nil {
		t.Fatal(err)
	}
	if w.r, err = NewReceiver(cr, w.book); err != nil {
		t.Fatal(err)
	}
	w.sh = n.NewHost(client, w.s, up)
	w.rh = n.NewHost(node, w.r, down)
	return w
}

type seededReader struct{ *rand.Rand }

func seeded(seed uint64) seededReader { return seededReader{rand.New(rand.NewPCG(seed, 9))} }

func (r seededReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return len(b), nil
}

// symmetric returns both directions of a symmetric path with a queue of the given time.
func symmetric(rate float64, rtt, queue time.Duration, loss float64) (up, down simnet.Link) {
	up = simnet.Link{Rate: rate, Queue: max(int(rate/8*queue.Seconds()), 3000), Delay: rtt / 2, Loss: loss}
	down = up
	down.Loss = 0
	return up, down
}

func (w *world) String() string {
	st := w.s.Stats(w.sh.Clock())
	return fmt.Sprintf("%v: rate %.1f delivered %.1f Mb/s rtt %v queue %v loss %.4f by %s phase %s; sent %d acked %d lost %d spurious %d repeated %d; link dropped %d lost %d policed %d; inflight %d; pieces %d copies %d; errs %v %v",
		w.net.Now(), st.Rate/1e6, st.Delivered/1e6, st.RTT, st.Queue, st.Loss, st.LimitedBy, w.s.cc.State().Phase,
		st.SentPackets, st.AckedPackets, st.LostPackets, st.SpuriousPackets, st.RepeatedPackets,
		w.up.Dropped, w.up.LostHere, w.up.Policed, st.InFlight, w.book.delivered, w.book.copies, w.sh.Errors(), w.rh.Errors())
}

func addPort(a netip.AddrPort, n uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), a.Port()+n)
}
