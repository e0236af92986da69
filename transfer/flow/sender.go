package flow

import (
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/mirror"
	"github.com/godwit/godwit/transfer/wire"
)

// spanMost bounds what is under way, so that the receiver never takes a number for
// another: 2 s at 10 Gb/s is 1.7 million packets.
const spanMost = wire.NumberSpan / 2

const (
	syncLeast  = 25 * time.Millisecond
	silenceMid = 750 * time.Millisecond // rate is halved
	silenceEnd = time.Second            // data stops
	probeMost  = 2 * time.Second        // longest wait between probes in silence
)

// Sender is the sending end of a flow.
type Sender struct {
	cfg    Config
	source Source
	seal   *keys
	open   *keys
	heard  *arrivals // replay window for reports
	path   path
	cc     *congestion.Controller
	pacer  pacer
	ledger ledger
	loss   lossClock

	mtu      int
	overhead int
	started  bool
	parked   bool // data go another way: see Park
	greeting bool // see NewGreeting

	waited    time.Duration // see Waited
	peakTold  uint64        // in the last report, kB/s
	inFlight  int64         // wire bytes of data whose fate is open
	unsettled int           // packets of them
	dry       bool          // Fill had nothing
	limited   bool          // since the last report, sending was limited by Fill
	again     again
	tail      tail
	mirror    *mirror.Stream // nil: none

	waitSince  time.Duration // when the silence began that would count; Forever: expecting nothing
	halved     bool
	probeWait  time.Duration
	syncAt     time.Duration
	lastData   time.Duration
	newestNote uint64 // packet number of the newest status taken
	largest    uint64 // highest number the peer reported
	holeNext   uint64 // where the search for uncovered packets goes on
	holeReset  time.Duration
	stuck      uint64 // floor that does not move
	stuckSince time.Duration

	bigLost    int // full-size packets lost since one arrived
	bigSince   time.Duration
	bigUntil   time.Duration
	smallAcked int
	bigAcked   int // packets of the size in use that arrived
	search     search

	control wire.Control
	sample  congestion.Sample
	stats   Stats
}

// NewSender returns the sending end of a flow.
func NewSender(cfg Config, source Source) (*Sender, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	seal, err := newKeys(cfg.Suite, cfg.SendSecret)
	if err != nil {
		return nil, err
	}
	open, err := newKeys(cfg.Suite, cfg.RecvSecret)
	if err != nil {
		return nil, err
	}
	s := &Sender{
		cfg: cfg, source: source, seal: seal, open: open,
		heard: newArrivals(arrivalsLeast), path: newPath(&cfg), ledger: newLedger(),
		mtu: cfg.mtu(), overhead: packetOverhead(cfg.Peer.Addr()),
		search: newSearch(), waitSince: Forever, again: again{left: repeatFirst},
	}
	s.cc = congestion.New(congestion.Config{
		Policy: cfg.Policy, Target: cfg.TargetRate, Least: cfg.MinRate, Initial: cfg.InitialRate,
		RTT: cfg.RTT, Group: cfg.Group, Follows: cfg.Follows, Packet: s.mtu + s.overhead, Epoch: cfg.Epoch, Resume: cfg.Resume,
	})
	s.loss.init(cfg.RTT)
	return s, nil
}

// SetRate changes the target and the least rate (bit/s of IP packets, 0: none) from now on.
func (s *Sender) SetRate(target, least float64) {
	s.cfg.TargetRate, s.cfg.MinRate = target, least
	s.cc.Set(s.cfg.Policy, target, least)
}

// SetPolicy changes the policy from now on.
func (s *Sender) SetPolicy(p congestion.Policy) {
	s.cfg.Policy = p
	s.cc.Set(p, s.cfg.TargetRate, s.cfg.MinRate)
}

// Mirror has the flow's control datagrams take along what m has to send.
func (s *Sender) Mirror(m *mirror.Stream) { s.mirror = m }

// Join makes the flow one of those that share what one alone would take of a path.
func (s *Sender) Join(g *congestion.Group) { s.cc.Join(g) }

// Follow begins with this Sender's part of what another of the session has found
// that the path carries. It reports whether that was news.
func (s *Sender) Follow(lead *Sender) bool { return s.cc.Follow(lead.cc.Peak()) }

// Wake says that the source has something to send again.
func (s *Sender) Wake() { s.dry = false }

func (s *Sender) packet() float64 { return float64(s.mtu + s.overhead) }

// Waited is like Receiver.Waited.
func (s *Sender) Waited(d time.Duration) { s.waited = d }

// Tick lets time pass: silence, and losses that only time can tell.
func (s *Sender) Tick(now time.Duration) {
	if !s.started {
		s.started = true
		s.pacer.last, s.syncAt = now, now
	}
	s.path.tick(now)
	s.watchSilence(now)
	s.passes(now)
	s.pacer.rate = s.cc.Rate()
	if b := s.cc.Burst(); b > 0 && !s.dry {
		s.pacer.add(b)
	}
	s.pacer.advance(now, s.packet(), !s.dry && s.inFlight < s.cc.Window())
}

func (s *Sender) watchSilence(now time.Duration) {
	if !s.waits() {
		s.waitSince = Forever // all is answered
		return
	}
	if s.waitSince == Forever {
		s.waitSince, s.halved = now, false
	}
	if s.silence(now) >= silenceMid && !s.halved {
		s.halved = true
		s.cc.OnSilence()
	}
}

func (s *Sender) silence(now time.Duration) time.Duration {
	if s.waitSince == Forever || now < s.waitSince {
		return 0
	}
	return now - s.waitSince
}

// stoppedAt reports whether the silence of now will have stopped the flow by then.
func (s *Sender) stoppedAt(at time.Duration) bool {
	return s.waitSince != Forever && at >= s.waitSince+silenceEnd
}

func (s *Sender) stopped(now time.Duration) bool { return s.silence(now) >= silenceEnd }

// AppendDatagrams fills b with what may be sent now and returns the number of
// datagrams; 0: nothing more until NextDeadline, a datagram or Wake. b must be
// empty. Everything appended counts as sent.
func (s *Sender) AppendDatagrams(now time.Duration, b *wire.Batch) int {
	s.Tick(now)
	b.Addr = s.path.addr
	if now >= s.controlDeadline() {
		s.appendControl(now, b)
		return b.Count()
	}
	if s.mayData(now) && s.probeDue(now) {
		if s.appendProbe(now, b); b.Count() > 0 {
			return b.Count()
		}
	}
	for s.mayData(now) && s.appendData(now, b) {
	}
	s.pacer.pause(s.packet())
	return b.Count()
}

func (s *Sender) mayData(now time.Duration) bool {
	return !s.parked && s.mayFill() && !s.stopped(now) && s.mayMore() && s.pacer.ready(s.packet())
}

// mayMore reports whether more may be under way.
func (s *Sender) mayMore() bool {
	return s.inFlight < s.cc.Window() && s.ledger.next-s.ledger.floor < spanMost && s.path.allowed(s.mtu)
}

// mayFill reports whether there may be something to fill a data packet with.
func (s *Sender) mayFill() bool { return !s.dry || s.tail.left() || s.mayRepeat() }

func (s *Sender) appendData(now time.Duration, b *wire.Batch) bool {
	if s.tail.left() {
		return s.appendParity(now, b)
	}
	p := sentPacket{at: now, data: true, fate: pending, kept: s.ending()}
	size := s.mtu
	if p.kept {
		size = s.bodyMost() + s.seal.extra
	}
	room := b.Next(size)
	if room == nil {
		return false
	}
	body := room[wire.HeaderSize:][:size-s.seal.extra]
	n := 0
	if !s.dry {
		n, p.token = s.source.Fill(now, body)
		if n == 0 {
			s.dry, s.limited = true, true
			s.again.begin(now, s.ledger.next-1, s.apart())
			s.protect()
		}
	}
	if n == 0 && s.tail.left() {
		return true // of parity, next
	}
	if n == 0 {
		n = s.repeat(now, body, &p)
	}
	if n == 0 {
		return false
	}
	kind := wire.KindData
	if p.origin == 0 {
		p.open = 1
	} else {
		p.kept = false
	}
	if p.kept {
		kind = wire.KindKept
		s.tail.fresh++
	}
	s.push(now, kind, room, n, &p)
	b.Commit(n + s.seal.extra)
	s.lastData = now
	s.stats.DataPackets++
	s.again.earn(s.cc.Loss(), s.unsettled)
	s.protect()
	return true
}

// push seals a packet of n body bytes in room and enters it in the books.
func (s *Sender) push(now time.Duration, kind wire.Kind, room []byte, n int, p *sentPacket) {
	number := s.ledger.next
	size := s.seal.seal(wire.Header{
		Kind: kind, ConnID: s.cfg.ConnID, Number: uint32(number), Tick: wire.TickOf(now),
	}, number, room, n)
	p.size = uint16(size + s.overhead)
	p.blind = s.greeting
	s.ledger.push(p)
	if p.data {
		s.inFlight += int64(p.size)
		s.unsettled++
	}
	s.pacer.spend(float64(p.size))
	s.path.sent(size)
	s.stats.sent(p)
	if p.data && s.waitSince == Forever {
		s.waitSince, s.halved = now, false
		s.syncAt = now + s.syncEvery()
	}
}

// NextDeadline is when AppendDatagrams should be called next if nothing else
// happens; Forever: never.
func (s *Sender) NextDeadline() time.Duration {
	if !s.started {
		return 0
	}
	d := s.controlDeadline()
	if !s.parked && s.mayFill() && s.mayMore() {
		if at := s.pacer.deadline(s.packet()); !s.stoppedAt(at) {
			d = min(d, at)
		}
	}
	if at := s.passAt(); at != Forever && !s.stoppedAt(at) {
		d = min(d, at)
	}
	if s.waitSince != Forever && !s.halved {
		d = min(d, s.waitSince+silenceMid)
	}
	return d
}

// HandleDatagram takes a datagram from the network. It decrypts b in place.
// The errors are ErrForeign, ErrReplay, ErrAuth and those of package wire; each
// means that the datagram was dropped without effect.
func (s *Sender) HandleDatagram(now time.Duration, from netip.AddrPort, b []byte) error {
	h, err := wire.ParseHeader(b)
	if err != nil {
		return err
	}
	if h.ConnID != s.cfg.ConnID {
		return ErrForeign
	}
	number := wire.Expand(h.Number, s.heard.top+1)
	if !s.heard.fresh(number) {
		return ErrReplay
	}
	body, ok := s.open.open(number, b)
	if !ok {
		return ErrAuth
	}
	if h.Kind != wire.KindControl {
		return wire.ErrKind
	}
	if err := s.control.Parse(body); err != nil {
		return err
	}
	newest := number > s.heard.top
	s.heard.add(number)
	s.stats.Heard++
	s.Tick(now)
	s.path.received(now, from, len(b), newest)
	s.setFamily(s.path.addr.Addr())
	s.path.hear(from, &s.control)
	if s.control.HasMirror && s.mirror != nil {
		s.mirror.Take(now, &s.control.Mirror)
	}
	s.takeReport(now, number)
	return nil
}
