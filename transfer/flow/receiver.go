package flow

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/mirror"
	"github.com/godwit/godwit/transfer/parity"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	reportLeast  = 4 * time.Millisecond
	reportMost   = 25 * time.Millisecond
	reportSoon   = time.Millisecond // between reports that gaps or the sender ask for
	reportEager  = 4                // round trips with reports as often as may be
	gapsPerNote  = 150              // new gaps that make a report due early: more would not fit thrice
	noteRounds   = 3                // reports that each packet is covered by
	fewRuns      = 64               // older history is repeated while it takes no more runs than this
	noteBytes    = 1000             // of coverage in one report
	helloEvery   = 100 * time.Millisecond
	keepaliveMax = time.Second
)

// Receiver is the receiving end of a flow.
type Receiver struct {
	cfg     Config
	sink    Sink
	seal    *keys
	open    *keys
	arrived *arrivals
	path    path
	next    uint64 // packet number of the next report
	mtu     int

	packets, bytes uint64
	largestAt      time.Duration
	owd            time.Duration // running, relative
	lastTick       uint16
	lastArrival    time.Duration
	begun          time.Duration // when the first packet came
	seen           bool
	least          time.Duration // least owd since the last report
	hasLeast       bool
	train          train

	rtt      time.Duration          // as the control connection or challenges told
	reportAt time.Duration          // next report; Forever: none due
	reported time.Duration          // last one
	beat     time.Duration          // keepalive interval while nothing arrives
	lowest   uint64                 // least number that arrived since the last report, or the next
	marks    [noteRounds - 1]uint64 // the same for the reports before
	gaps     int                    // runs that arrivals opened since the last report
	query    wire.Sync              // to be answered, when High is not 0

	mirror  *mirror.Stream // nil: none
	keeper  *parity.Keeper // nil: no parity
	restore func(number uint64, body []byte)
	now     time.Duration // of the datagram in hand
	refused error         // by the Sink, of what was restored with it

	maxRate  uint64
	backlog  backlog
	control  wire.Control
	coverage wire.Coverage
	stats    ReceiverStats
}

// ReceiverStats are a Receiver's figures since the start.
type ReceiverStats struct {
	Packets, Bytes uint64 // authentic, distinct; UDP payload bytes
	Largest        uint64 // highest packet number: so many were sent at least
	Longest        int    // UDP payload bytes of the longest
	DataBytes      uint64 // payload bytes that the Sink took
	Replayed       uint64
	Forged         uint64
	Reports        uint64
	Refused        uint64 // by the Sink
	Restored       uint64 // packets that parity made up for
	Silence        time.Duration
	Peer           netip.AddrPort
	PeerProven     bool
	Moves          uint64
}

// NewReceiver returns the receiving end of a flow.
func NewReceiver(cfg Config, sink Sink) (*Receiver, error) {
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
	r := &Receiver{
		cfg: cfg, sink: sink, seal: seal, open: open, arrived: newArrivals(arrivalsMost),
		path: newPath(&cfg), next: 1, mtu: cfg.mtu(), rtt: cfg.RTT, beat: helloEvery, lowest: 1,
	}
	if r.rtt <= 0 {
		r.rtt = 100 * time.Millisecond
	}
	r.train.long(r.rtt)
	if cfg.Parity > 0 {
		r.keeper, r.restore = parity.NewKeeper(cfg.Parity), r.restored
	}
	return r, nil
}

// SetAdvertisedRate tells the sender what this end can take, in bit/s of IP
// packets; 0: no limit. The next report carries it.
func (r *Receiver) SetAdvertisedRate(rate uint64) { r.maxRate = rate }

// Mirror has the flow's reports take along what m has to send.
func (r *Receiver) Mirror(m *mirror.Stream) { r.mirror = m }

// interval is the time between reports while data comes. The sender decides by
// the first ones how fast to go on: they are not kept waiting.
func (r *Receiver) interval() time.Duration {
	if r.lastArrival-r.begun < reportEager*r.rtt {
		return reportLeast
	}
	return min(max(r.rtt/8, reportLeast), reportMost)
}

// Stats returns the figures at the moment now.
func (r *Receiver) Stats(now time.Duration) ReceiverStats {
	t := r.stats
	t.Packets, t.Bytes, t.Largest = r.packets, r.bytes, r.arrived.top
	t.Peer, t.PeerProven, t.Moves = r.path.addr, r.path.proven, r.path.moves
	if r.seen {
		t.Silence = now - r.lastArrival
	}
	return t
}

// HandleDatagram takes a datagram from the network and decrypts it in place.
// Besides the errors of Sender.HandleDatagram it returns the Sink's, wrapped.
func (r *Receiver) HandleDatagram(now time.Duration, from netip.AddrPort, b []byte) error {
	h, err := wire.ParseHeader(b)
	if err != nil {
		return err
	}
	if h.ConnID != r.cfg.ConnID {
		return ErrForeign
	}
	number := wire.Expand(h.Number, r.arrived.top+1)
	if !r.arrived.fresh(number) {
		r.stats.Replayed++
		return ErrReplay
	}
	body, ok := r.open.open(number, b)
	if !ok {
		r.stats.Forged++
		return ErrAuth
	}
	switch h.Kind {
	case wire.KindControl:
		err = r.control.Parse(body)
	case wire.KindParity:
	default:
		err = r.deliver(now, body)
	}
	if err != nil {
		return err
	}
	newest := number > r.arrived.top
	r.count(now, number, len(b), h.Tick)
	r.path.received(now, from, len(b), newest)
	if h.Kind == wire.KindControl {
		r.path.hear(from, &r.control)
		if r.control.HasMirror && r.mirror != nil {
			r.mirror.Take(now, &r.control.Mirror)
		}
		r.takeSync(now)
	}
	err = r.keep(now, h.Kind, number, body)
	r.schedule(now)
	return err
}

func (r *Receiver) deliver(now time.Duration, body []byte) error {
	if err := r.sink.Deliver(now, body); err != nil {
		r.stats.Refused++
		return fmt.Errorf("delivery: %w", err)
	}
	r.stats.DataBytes += uint64(len(body))
	return nil
}

// keep holds what parity may make use of, and uses parity.
func (r *Receiver) keep(now time.Duration, kind wire.Kind, number uint64, body []byte) error {
	if r.keeper == nil || kind != wire.KindKept && kind != wire.KindParity {
		return nil
	}
	r.now, r.refused = now, nil
	if kind == wire.KindParity {
		if err := r.keeper.Parity(body, r.restore); err != nil {
			return err
		}
	} else {
		r.keeper.Keep(number, body, r.restore)
	}
	return r.refused
}

// restored takes a packet that parity made up for: it has arrived, though it says
// nothing about the path.
func (r *Receiver) restored(number uint64, body []byte) {
	if number > r.arrived.top || !r.arrived.fresh(number) {
		return
	}
	if err := r.deliver(r.now, body); err != nil {
		r.refused = err
		return
	}
	r.stats.Restored++
	r.lowest = min(r.lowest, number)
	r.gaps++
	r.arrived.add(number)
}

// Waited says how much earlier than the moment that HandleDatagram is told the
// datagrams from now on reached this host: round trips are the network's alone.
func (r *Receiver) Waited(d time.Duration) { r.backlog.waited = d }

// count enters an authentic packet in the books.
func (r *Receiver) count(now time.Duration, number uint64, size int, tick uint16) {
	if number != r.arrived.top+1 {
		r.gaps++
	}
	if number > r.arrived.top {
		r.largestAt = r.backlog.came(now)
	}
	r.lowest = min(r.lowest, number)
	r.arrived.add(number)
	r.packets++
	r.bytes += uint64(size)
	r.stats.Longest = max(r.stats.Longest, size)
	r.train.arrived(r.backlog.came(now), r.bytes, r.packets)
	// The one-way delay relative to the first packet's, unwrapped step by step.
	if r.seen {
		r.owd += wire.DelayChange(now-r.lastArrival, tick, r.lastTick)
	} else {
		r.begun = now
	}
	r.seen, r.lastArrival, r.lastTick = true, now, tick
	if r.backlog.take(now) && (!r.hasLeast || r.owd < r.least) {
		r.least, r.hasLeast = r.owd, true
	}
}

func (r *Receiver) takeSync(now time.Duration) {
	if !r.control.HasSync {
		return
	}
	y := r.control.Sync
	r.arrived.raise(y.Floor)
	if y.High != 0 {
		r.query = y
	}
	if y.RTT > 0 {
		r.rtt = y.RTT
		r.train.long(r.rtt)
	}
	if y.Want {
		r.reportAt = min(r.reportAt, max(now, r.reported+reportSoon))
	}
}

// schedule makes sure that what arrived is reported in time.
func (r *Receiver) schedule(now time.Duration) {
	r.beat = helloEvery
	due := max(now, r.reported+r.interval())
	if r.gaps >= gapsPerNote {
		due = max(now, r.reported+reportSoon)
	}
	r.reportAt = min(r.reportAt, due)
}

// Tick lets time pass.
func (r *Receiver) Tick(now time.Duration) { r.path.tick(now) }

// NextDeadline is when AppendDatagrams should be called next if nothing else happens.
func (r *Receiver) NextDeadline() time.Duration {
	if !r.path.allowed(challengeRoom) {
		return Forever
	}
	due := min(r.reportAt, r.path.deadline())
	if r.mirror != nil {
		due = min(due, r.mirror.Due())
	}
	return due
}

// AppendDatagrams fills b, which must be empty, with a report if one is due
// and returns the number of datagrams.
func (r *Receiver) AppendDatagrams(now time.Duration, b *wire.Batch) int {
	r.Tick(now)
	if now < r.NextDeadline() || !r.path.allowed(challengeRoom) {
		return 0
	}
	b.Addr = r.path.addr
	size := min(SafeMTU, r.path.budget())
	room := b.Next(size)
	st := wire.Status{
		Clock: r.backlog.report(now, r.lastArrival), Largest: r.arrived.top, Delay: now - r.largestAt, Packets: r.packets, Bytes: r.bytes,
		OWD: r.least, HasOWD: r.hasLeast, Peak: uint64(r.train.take() / 1e3), MaxRate: r.maxRate,
	}
	body := r.path.append(now, room[wire.HeaderSize:wire.HeaderSize])
	body = st.Append(body)
	if r.mirror != nil {
		room := size - r.seal.extra - len(body)
		if r.gaps > 0 {
			room = min(room, mirror.Room) // coverage needs the rest
		}
		body = r.mirror.Append(now, r.rtt, body, room)
	}
	if r.arrived.top > 0 {
		body = r.appendCoverage(body, size-r.seal.extra)
	} else {
		body = pad(body, size-r.seal.extra)
	}
	n := r.seal.seal(wire.Header{
		Kind: wire.KindControl, ConnID: r.cfg.ConnID, Number: uint32(r.next), Tick: wire.TickOf(now),
	}, r.next, room, len(body))
	b.Commit(n)
	r.next++
	r.path.sent(n)
	r.noted(now)
	return 1
}

// pad extends a hello: what comes in is what an unproven address may be sent thrice.
func pad(body []byte, size int) []byte {
	n := len(body)
	body = body[:max(n, size)]
	clear(body[n:])
	return body
}

// appendCoverage adds the account of recent packets, and the answer to a query
// as far as it fits; most is the body's size at most.
func (r *Receiver) appendCoverage(body []byte, most int) []byte {
	const frame = 16 // type, top and count at their longest
	wanted := r.lowest
	for _, m := range r.marks {
		wanted = min(wanted, m)
	}
	room := min(most-len(body)-frame, noteBytes)
	if r.query.High != 0 {
		room /= 2
	}
	if room > 0 {
		r.arrived.cover(&r.coverage, r.arrived.top, wanted, 1, room, fewRuns)
		body = r.coverage.Append(body)
	}
	if room := most - len(body) - frame; r.query.High != 0 && room > frame {
		r.answer(room)
		body = r.coverage.Append(body)
		r.query = wire.Sync{}
	}
	return body
}

// answer covers the query from its low end as far as the room goes: that end is
// what holds the sender up.
func (r *Receiver) answer(room int) {
	low, high := r.query.Low, min(r.query.High, r.arrived.top)
	for {
		r.arrived.cover(&r.coverage, high, low, low, room, 0)
		var covered uint64
		for _, n := range r.coverage.Runs {
			covered += n
		}
		if high <= low || covered >= high-max(low, r.arrived.floor)+1 {
			return
		}
		high = low + (high-low)/2
	}
}

// noted updates the books after a report.
func (r *Receiver) noted(now time.Duration) {
	r.stats.Reports++
	r.reported = now
	r.hasLeast, r.gaps = false, 0
	copy(r.marks[1:], r.marks[:])
	r.marks[0] = r.lowest
	r.lowest = r.arrived.top + 1
	// Nothing new: keep the path open, ever more rarely.
	r.reportAt = now + r.beat
	r.beat = min(2*r.beat, keepaliveMax)
}
