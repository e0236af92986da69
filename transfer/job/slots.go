package job

// piece is one record of a packet in flight. Pieces are small, for as many are kept
// as packets are under way, and each comes from memory again when its packet is
// acknowledged.
type piece struct {
	b    *outBlock // of the object, when it is no data
	off  int32     // of the slice in the block
	n    uint16    // of its bytes
	kind byte      // recEntry, recData, recRoot or recEnd
	root bool      // an entry that carried the root
}

// maxSlice is the longest slice of data.
const maxSlice = 1<<16 - 1

// slot is one packet in flight, or one that was lost and waits to be packed
// again. Most packets have one piece: a slot with it is half a line of memory.
type slot struct {
	token uint32
	count uint16 // of pieces
	lost  bool
	live  bool
	first piece
	rest  *[]piece // those after the first
}

// piece returns the i-th.
func (l *slot) piece(i int) *piece {
	if i == 0 {
		return &l.first
	}
	return &(*l.rest)[i-1]
}

// push adds a piece. It copies field by field: c was written in parts, and a copy
// as a whole waits until all that was written before is in the cache, data of the
// packet included.
func (l *slot) push(c *piece) {
	q := &l.first
	if l.count > 0 {
		if l.rest == nil {
			l.rest = new([]piece)
		}
		*l.rest = append(*l.rest, piece{})
		q = &(*l.rest)[l.count-1]
	}
	q.b, q.off, q.n, q.kind, q.root = c.b, c.off, c.n, c.kind, c.root
	l.count++
}

// pop drops the last piece.
func (l *slot) pop() {
	l.count--
	if l.count > 0 {
		*l.rest = (*l.rest)[:l.count-1]
	}
}

// clear drops all pieces.
func (l *slot) clear() {
	if l.count > 1 {
		clear(*l.rest)
		*l.rest = (*l.rest)[:0]
	}
	l.first, l.count = piece{}, 0
}

const slotsLeast = 1 << 6

// slots holds the packets in flight in a ring by token. Tokens rise, so that what
// was sent in a row and is acknowledged in a row lies in a row: at 1 Gb/s over
// 100 ms there are ten thousand, of which each would else be fetched from memory
// by itself, twice.
type slots struct {
	ring []slot // a power of two of them, at most half of them live
	last uint32 // newest token; the first is 1. They may come round: news is not that old
	live int
}

// room returns a slot for the next packet, empty, with its token. It becomes live
// by use.
func (r *slots) room() *slot {
	if 2*r.live >= len(r.ring) {
		r.grow()
	}
	for {
		r.last++
		if sl := r.at(r.last); !sl.live {
			sl.token = r.last
			return sl
		}
	}
}

func (r *slots) at(token uint32) *slot { return &r.ring[token&uint32(len(r.ring)-1)] }

// find returns the live slot of a token, or nil.
func (r *slots) find(token uint32) *slot {
	if len(r.ring) == 0 {
		return nil
	}
	if sl := r.at(token); sl.live && sl.token == token {
		return sl
	}
	return nil
}

func (r *slots) use(sl *slot) {
	sl.live = true
	r.live++
}

// put gives a live slot back.
func (r *slots) put(sl *slot) {
	sl.clear()
	sl.live, sl.lost = false, false
	r.live--
}

func (r *slots) grow() {
	old := r.ring
	r.ring = make([]slot, max(2*len(old), slotsLeast))
	for i := range old {
		if old[i].live {
			*r.at(old[i].token) = old[i]
		}
	}
}
