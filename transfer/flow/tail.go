package flow

import (
	"time"

	"github.com/godwit/godwit/transfer/parity"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	// parityLeast is how many packets are worth parity; fewer are sent twice.
	parityLeast = 16
	// parityRTT is the round trip from which waiting for one is worth more.
	parityRTT = 5 * time.Millisecond
	// parityMemory is what the receiver has to hold at least: two runs and their parity.
	parityMemory = 6 << 20
	// runMost is how many packets share a run: sixteen groups, so that a burst of
	// losses hits each a few times only.
	runMost = 16 * parity.Members
	// lossLeast is what is feared where little was lost so far.
	lossLeast = 0.002
)

// tail is the end of what a Sender sends. The receiver keeps what is sent then,
// and parity follows every row of packets: what is lost of the last window need
// not be asked for.
type tail struct {
	on    bool
	fresh int     // packets sent that the receiver keeps and that have no parity
	done  uint64  // up to here parity was made, or none is
	loss  float64 // of the path, most so far: what is restored no longer shows

	enc   parity.Encoder
	run   parity.Run
	count int        // parity packets of each group
	group int        // next
	shard int        // next, of group
	rows  [][][]byte // bodies by group: made when the first of a group is sent
	body  []byte     // the next one, should it have been taken from rows
}

// left reports whether parity waits to be sent.
func (t *tail) left() bool { return t.shard < t.count || t.body != nil }

// ending says, before a data packet is made, whether the receiver is to keep it.
func (s *Sender) ending() bool {
	t := &s.tail
	if s.cfg.Parity < parityMemory || s.loss.srtt < parityRTT {
		return false
	}
	left := s.source.Left()
	near := 1.25 * max(float64(s.inFlight), s.cc.Rate()*s.loss.srtt.Seconds())
	if t.on {
		near *= 2 // what is lost comes on top
	}
	on := left >= 0 && float64(left) <= near
	if on && !t.on {
		t.done, t.fresh, t.loss = s.ledger.next-1, 0, lossLeast
	}
	t.on = on
	return on
}

// bodyMost is how long the body of a packet may be that the receiver keeps.
func (s *Sender) bodyMost() int { return parity.BodyMost(s.mtu - s.seal.extra) }

// protect begins to make parity for what has none, should it be enough or all there is.
func (s *Sender) protect() {
	t := &s.tail
	least := runMost
	if s.dry && s.source.Left() == 0 {
		least = parityLeast
	}
	if !t.on || t.left() || t.fresh < least {
		return
	}
	high := s.ledger.next - 1
	t.run = parity.NewRun(t.done+1, high)
	t.loss = max(t.loss, s.cc.Loss())
	t.count = parity.Count(t.run.Size, t.loss)
	t.done, t.fresh, t.group, t.shard = high, 0, 0, 0
	t.rows = make([][][]byte, t.run.Stride)
}

// nextParity returns the body of the next parity packet; nil: there is none. First
// comes one of each group, then another of each: losses come in bursts.
func (s *Sender) nextParity(now time.Duration) []byte {
	t := &s.tail
	for t.shard < t.count {
		g := t.group
		if t.shard == 0 {
			t.rows[g] = s.makeParity(now, g)
		}
		var row []byte
		if rows := t.rows[g]; rows != nil {
			row, rows[t.shard] = rows[t.shard], nil
		}
		if t.group++; t.group == t.run.Stride {
			t.group = 0
			t.shard++
		}
		if row != nil {
			return row
		}
	}
	t.count, t.rows = 0, nil
	return nil
}

// makeParity makes the parity packets of a group; nil: it has nothing open.
func (s *Sender) makeParity(now time.Duration, g int) [][]byte {
	t := &s.tail
	t.enc.Begin(t.run, g, t.count, s.mtu-s.seal.extra)
	for i := range t.run.Size {
		n := t.run.Number(g, i)
		o := s.ledger.at(n)
		if n > t.done || o == nil || o.fate != pending || !o.kept || o.told {
			continue
		}
		size := int(o.size) - s.overhead - s.seal.extra
		room := t.enc.Room(i)
		if size <= 0 || size > len(room) {
			continue // its size was another path's
		}
		if n := s.source.Repeat(now, o.token, room[:size]); n > 0 {
			clear(room[n:]) // padding
			t.enc.Put(i, size)
		}
	}
	if !t.enc.Encode() {
		return nil
	}
	rows := make([][]byte, t.count)
	for j := range rows {
		rows[j] = t.enc.Append(nil, j)
	}
	return rows
}

// appendParity sends one parity packet; false: there is none, or no room for it.
func (s *Sender) appendParity(now time.Duration, b *wire.Batch) bool {
	t := &s.tail
	if t.body == nil {
		if t.body = s.nextParity(now); t.body == nil {
			return false
		}
	}
	room := b.Next(len(t.body) + s.seal.extra)
	if room == nil {
		return false
	}
	n := copy(room[wire.HeaderSize:], t.body)
	t.body = nil
	s.push(now, wire.KindParity, room, n, &sentPacket{at: now, fate: pending})
	b.Commit(n + s.seal.extra)
	s.stats.ParityPackets++
	return true
}
