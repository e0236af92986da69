package job

import (
	"time"

	"github.com/godwit/godwit/transfer/control"
)

// minRoom is the least room in which a slice of data is worth its header.
const minRoom = 24

// longEntry is the size from which an entry goes over the control connection:
// it must fit the smallest datagram.
const longEntry = 1024

// Fill packs the next packet: what was lost, then entries, then data.
func (s *Sender) Fill(_ time.Duration, buf []byte) (int, uint64) {
	sl := s.slots.room()
	p := packer{s: s, buf: buf[:0:len(buf)], slot: sl}
	p.fillLost()
	p.fillEntries()
	p.fillData()
	if p.tight && p.room() > 0 {
		// Datagrams of one size leave in one system call.
		n := len(p.buf)
		p.buf = p.buf[:cap(p.buf)]
		clear(p.buf[n:])
	}
	if len(p.buf) == 0 {
		s.maybeFinish()
		return 0, 0
	}
	s.slots.use(sl)
	s.inflight++
	if s.scanDone {
		s.maybeFinish()
	}
	return len(p.buf), uint64(sl.token)
}

// Repeat packs the same records again, or nothing when one of them ended.
func (s *Sender) Repeat(_ time.Duration, token uint64, buf []byte) int {
	sl := s.slots.find(uint32(token))
	if sl == nil || sl.lost {
		return 0
	}
	out := buf[:0:len(buf)]
	for i := range int(sl.count) {
		c := sl.piece(i)
		if c.b.o.dead || c.kind == recData && c.b.data == nil || pieceSize(c, cap(out)-len(out)) > cap(out)-len(out) {
			return 0
		}
		out = appendPiece(out, c)
	}
	return len(out)
}

// Acked frees what the packet carried.
func (s *Sender) Acked(token uint64) {
	sl := s.slots.find(uint32(token))
	if sl == nil {
		return
	}
	for i := range int(sl.count) {
		s.ackPiece(sl.piece(i))
	}
	if sl.lost {
		sl.clear() // the resend queue frees the slot
		return
	}
	s.inflight--
	s.slots.put(sl)
	s.maybeFinish()
}

func (s *Sender) ackPiece(c *piece) {
	o := c.b.o
	if o.dead {
		return
	}
	switch c.kind {
	case recEntry:
		o.entryOK = true
		o.rootOK = o.rootOK || c.root
	case recRoot:
		o.rootOK = true
	case recData:
		if c.b.left -= int(c.n); c.b.left == 0 && c.b.data != nil {
			s.forget(c.b)
		}
	}
}

// Lost queues what the packet carried for sending again.
func (s *Sender) Lost(token uint64) {
	sl := s.slots.find(uint32(token))
	if sl == nil || sl.lost {
		return
	}
	sl.lost = true
	s.inflight--
	s.resend.push(uint32(token))
}

// packer fills one packet.
type packer struct {
	s     *Sender
	buf   []byte
	slot  *slot
	tight bool // something waits that does not fit
}

func (p *packer) room() int { return cap(p.buf) - len(p.buf) }

// full notes that what comes next does not fit; it is always false.
func (p *packer) full() bool {
	p.tight = len(p.buf) > 0
	return false
}

// add packs c, which must fit.
func (p *packer) add(c *piece) {
	p.buf = appendPiece(p.buf, c)
	p.slot.push(c)
}

// fillLost packs pieces of lost packets; slices that do not fit are split.
func (p *packer) fillLost() {
	s := p.s
	for !s.resend.empty() {
		sl := s.slots.find(s.resend.front())
		for sl.count > 0 {
			c := *sl.piece(int(sl.count) - 1)
			if !settled(&c) {
				if c.kind == recEntry {
					c.root = c.b.o.e.hasRoot
				}
				if pieceSize(&c, p.room()) > p.room() {
					if c.kind != recData || !p.split(sl.piece(int(sl.count)-1)) {
						p.full()
						return
					}
					continue
				}
				p.add(&c)
				s.count(int(c.n), true)
			}
			sl.pop()
		}
		s.resend.pop()
		s.slots.put(sl)
	}
}

// split packs the first part of c and leaves the rest in place.
func (p *packer) split(c *piece) bool {
	n := p.slice(c.b.o.e.ID, c.b.off+int64(c.off), int(c.n))
	if n < minRoom {
		return false
	}
	part := *c
	part.n = uint16(n)
	c.off += int32(n)
	c.n -= uint16(n)
	p.add(&part)
	p.s.count(n, true)
	return true
}

// settled reports whether a lost piece need not be sent again.
func settled(c *piece) bool {
	switch {
	case c.b.o.dead:
		return true
	case c.kind == recEntry:
		return c.b.o.entryOK && (!c.root || c.b.o.rootOK)
	case c.kind == recRoot:
		return c.b.o.rootOK
	case c.kind == recEnd:
		return false
	default:
		return c.b.data == nil
	}
}

// fillEntries packs entries without data, and roots.
func (p *packer) fillEntries() {
	s := p.s
	for !s.entries.empty() {
		o := s.entries.front()
		switch {
		case o.dead:
		case o.end:
			c := piece{kind: recEnd, b: &o.self}
			if pieceSize(&c, p.room()) > p.room() {
				p.full()
				return
			}
			p.add(&c)
		case !o.entryOut:
			if !p.entry(o) {
				return
			}
		case o.e.hasRoot && !o.rootOK:
			c := piece{kind: recRoot, b: &o.self}
			if pieceSize(&c, p.room()) > p.room() {
				p.full()
				return
			}
			p.add(&c)
		}
		s.entries.pop()
	}
}

// entry packs the entry of o; false when it needs another packet.
func (p *packer) entry(o *outgoing) bool {
	if entrySize(&o.e, true) > longEntry {
		e := o.e
		p.s.cfg.Control(control.TypeEntry, appendEntry(nil, &e))
		p.s.announced++
		o.entryOut, o.entryOK = true, true
		o.rootOK = o.rootOK || e.hasRoot
		return true
	}
	c := piece{kind: recEntry, root: o.e.hasRoot, b: &o.self}
	if pieceSize(&c, p.room()) > p.room() {
		return p.full()
	}
	p.add(&c)
	o.entryOut = true
	p.s.announced++
	return true
}

// fillData packs slices of blocks, each object's entry before its first.
func (p *packer) fillData() {
	s := p.s
	for !s.ready.empty() {
		b := s.ready.front()
		if b.data == nil {
			s.ready.pop()
			continue
		}
		ahead := s.cfg.Window - (s.issued - s.freed)
		if ahead <= 0 {
			return
		}
		if !b.o.entryOut && !p.entry(b.o) {
			return
		}
		off := b.off + int64(b.sent)
		left := min(len(b.data)-b.sent, maxSlice)
		n := p.slice(b.o.e.ID, off, left)
		if n < min(left, minRoom) {
			p.full()
			return
		}
		b.fetch(b.sent + n)
		p.add(&piece{kind: recData, b: b, off: int32(b.sent), n: uint16(n)})
		b.sent += n
		b.o.issued += int64(n)
		b.o.progress += int64(n)
		s.progress += int64(n)
		s.issued += int64(n)
		s.unsent -= int64(n)
		s.count(n, false)
		if b.sent == len(b.data) {
			s.ready.pop()
		}
	}
}

const (
	// fetchSize is what is brought into the cache at once before it is packed, and
	// memoryLine the unit in which memory is read.
	fetchSize  = 16 << 10
	memoryLine = 64
)

// fetch brings what follows up to the offset to into the cache, and more at once:
// blocks were read a while ago, and piecemeal each packet would wait for memory anew.
//
//go:noinline
func (b *outBlock) fetch(to int) (sum byte) {
	for ; b.fetched < to; b.fetched += fetchSize {
		next := b.data[b.fetched:min(b.fetched+fetchSize, len(b.data))]
		for i := 0; i < len(next); i += memoryLine {
			sum += next[i]
		}
	}
	return sum
}

// slice is how many of left bytes fit behind their header: as many as run to the
// end of the packet, or all of them and their length.
func (p *packer) slice(id uint64, off int64, left int) int {
	room := p.room()
	n := room - restHeaderSize(id, off)
	if n <= left {
		return n
	}
	for n = left; n > 0; n-- {
		if size, _ := dataSize(id, off, n, room); size <= room {
			break
		}
	}
	return n
}

func (s *Sender) count(n int, again bool) {
	s.sent += int64(n)
	if again {
		s.resent += int64(n)
	}
}

// pieceSize is what c needs in a packet that has so much room.
func pieceSize(c *piece, room int) int {
	switch c.kind {
	case recEntry:
		return entrySize(&c.b.o.e, c.root)
	case recEnd:
		return 1 + uvarintSize(c.b.o.e.ID) + uvarintSize(uint64(c.b.o.e.bytes))
	case recRoot:
		return 1 + uvarintSize(c.b.o.e.ID) + 32 + uvarintSize(uint64(c.b.o.e.bytes))
	default:
		size, _ := dataSize(c.b.o.e.ID, c.b.off+int64(c.off), int(c.n), room)
		return size
	}
}

// appendPiece adds c to what has room for it, and says that it runs to the end
// where it does. With the same room it is written the same way again.
func appendPiece(dst []byte, c *piece) []byte {
	switch c.kind {
	case recEntry:
		e := c.b.o.e
		e.hasRoot = c.root
		return appendEntry(dst, &e)
	case recEnd:
		return appendEnd(dst, c.b.o.e.ID, uint64(c.b.o.e.bytes))
	case recRoot:
		return appendRoot(dst, c.b.o.e.ID, c.b.o.e.root, c.b.o.e.bytes)
	default:
		off := c.b.off + int64(c.off)
		_, rest := dataSize(c.b.o.e.ID, off, int(c.n), cap(dst)-len(dst))
		dst = appendDataHeader(dst, c.b.o.e.ID, off, int(c.n), rest)
		return append(dst, c.b.data[c.off:][:c.n]...)
	}
}
