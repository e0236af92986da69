package parity

import (
	"encoding/binary"
	"slices"
)

const (
	// runsMost is how many runs are remembered: at 500 ms a gigabit makes some thirty a window.
	runsMost = 128
	// groupCost is what a group costs the Keeper besides its shards.
	groupCost = 512
)

// Keeper holds what arrived of packets that parity may cover, and parity. All of
// it comes from the peer: what is held is bounded, and beyond the bound the
// oldest knowledge goes.
type Keeper struct {
	most, held int64
	kept       map[uint64][]byte
	runs       []Run // oldest first
	groups     map[cell]*group
	codec      codec
	scratch    []byte
}

// cell is a group's place.
type cell struct {
	run   Run
	index int
}

// group is what is known of a group.
type group struct {
	cover
	shards [][]byte // parity; nil: not here
	have   int      // of these
	need   int      // members that are not kept
	done   bool
}

// NewKeeper holds most bytes at most.
func NewKeeper(most int64) *Keeper {
	k := &Keeper{most: most}
	k.forget()
	return k
}

func (k *Keeper) forget() {
	k.held, k.runs = 0, k.runs[:0]
	k.kept, k.groups = map[uint64][]byte{}, map[cell]*group{}
}

// room makes sure that n more bytes may be held; false: they never may.
func (k *Keeper) room(n int64) bool {
	if n > k.most {
		return false
	}
	if k.held+n > k.most {
		k.forget()
	}
	k.held += n
	return true
}

// Keep takes the body of a packet that arrived, which it copies. each is called
// for every packet that is known by it, besides this one; its body is valid during the call.
func (k *Keeper) Keep(n uint64, body []byte, each func(n uint64, body []byte)) {
	if _, twice := k.kept[n]; twice || !k.room(int64(len(body))) {
		return
	}
	k.kept[n] = slices.Clone(body)
	for _, run := range k.runs {
		index, i, ok := run.find(n)
		if !ok {
			continue
		}
		if g := k.groups[cell{run, index}]; g != nil && !g.done && g.has(i) {
			g.need--
			k.try(g, each)
			return
		}
	}
}

// Parity takes the body of a parity packet; each as for Keep.
func (k *Keeper) Parity(b []byte, each func(n uint64, body []byte)) error {
	c, j, shard, err := parse(b)
	if err != nil {
		return err
	}
	if !k.room(int64(len(shard)) + groupCost) {
		return nil
	}
	g, err := k.group(c)
	if err != nil || g.done || g.shards[j] != nil {
		k.held -= int64(len(shard)) + groupCost
		return err
	}
	k.held -= groupCost // counted with the group
	g.shards[j] = slices.Clone(shard)
	g.have++
	k.try(g, each)
	return nil
}

// parse reads the body of a parity packet.
func parse(b []byte) (c cover, j int, shard []byte, err error) {
	low, n := binary.Uvarint(b)
	if n <= 0 {
		return c, 0, nil, ErrMalformed
	}
	b = b[n:]
	place, n := binary.Uvarint(b)
	if n <= 0 || len(b) < n+3 {
		return c, 0, nil, ErrMalformed
	}
	stride, index := place>>12, int(place&(1<<12-1))
	b = b[n:]
	size, parity, j := int(b[0]), int(b[1]), int(b[2])
	b = b[3:]
	width := (size + 7) / 8
	if low == 0 || low > 1<<62 || stride == 0 || stride > strideMost || index >= int(stride) ||
		size == 0 || size > Members || parity == 0 || parity > GroupMost || j >= parity || len(b) < width+grain {
		return c, 0, nil, ErrMalformed
	}
	c = cover{run: Run{Low: low, Stride: int(stride), Size: size}, index: index, size: len(b) - width, parity: parity}
	copy(c.member[:], b[:width])
	if c.size%grain != 0 || size%8 != 0 && b[width-1]>>(size%8) != 0 {
		return c, 0, nil, ErrMalformed
	}
	return c, j, b[width:], nil
}

// group returns what is known of a group, from now on.
func (k *Keeper) group(c cover) (*group, error) {
	at := cell{c.run, c.index}
	if g := k.groups[at]; g != nil {
		if g.cover != c {
			return nil, ErrMalformed
		}
		return g, nil
	}
	if !slices.Contains(k.runs, c.run) {
		if len(k.runs) == runsMost {
			k.evict()
		}
		k.runs = append(k.runs, c.run)
	}
	g := &group{cover: c, shards: make([][]byte, c.parity)}
	for i := range c.run.Size {
		if c.has(i) && k.kept[c.run.Number(c.index, i)] == nil {
			g.need++
		}
	}
	k.groups[at] = g
	k.held += groupCost
	return g, nil
}

// evict forgets the oldest run.
func (k *Keeper) evict() {
	run := k.runs[0]
	k.runs = append(k.runs[:0], k.runs[1:]...)
	for i := range run.Stride {
		if g := k.groups[cell{run, i}]; g != nil {
			k.release(g)
			k.held -= groupCost
			delete(k.groups, cell{run, i})
		}
	}
}

// release lets go of a group's shards and of the packets that it covers.
func (k *Keeper) release(g *group) {
	for _, s := range g.shards {
		k.held -= int64(len(s))
	}
	g.shards = nil
	for i := range g.run.Size {
		if n := g.run.Number(g.index, i); g.has(i) {
			k.held -= int64(len(k.kept[n]))
			delete(k.kept, n)
		}
	}
}

// try makes up for what is missing once there is enough parity for it.
func (k *Keeper) try(g *group, each func(uint64, []byte)) {
	if g.have < g.need {
		return
	}
	if g.need > 0 {
		k.restore(g, each)
	}
	g.done = true
	k.release(g)
}

// restore hands over the members that are not kept. Should the sender's parity be
// of other packets than those which arrived, checksums tell.
func (k *Keeper) restore(g *group, each func(uint64, []byte)) {
	n := g.run.Size
	if need := n * g.size; cap(k.scratch) < need {
		k.scratch = make([]byte, need)
	}
	shards := append(make([][]byte, n, n+g.parity), g.shards...)
	for i := range n {
		shard := k.scratch[i*g.size : (i+1)*g.size]
		switch kept := k.kept[g.run.Number(g.index, i)]; {
		case !g.has(i):
			clear(shard)
		case kept == nil || len(kept) > g.size-lead:
			continue
		default:
			put(shard, kept)
		}
		shards[i] = shard
	}
	var missing []int
	for i, s := range shards[:n] {
		if s == nil {
			missing = append(missing, i)
		}
	}
	if k.codec.of(n, g.parity) != nil || k.codec.ReconstructData(shards) != nil {
		return
	}
	for _, i := range missing {
		if b := body(shards[i]); b != nil {
			each(g.run.Number(g.index, i), b)
		}
	}
}

// Held is how many bytes it holds now.
func (k *Keeper) Held() int64 { return k.held }
