// Package parity makes up for lost packets without asking for them again: groups
// of packets get parity packets, and as many packets of a group as there are
// parity packets may be lost, whichever they are (Reed-Solomon codes over GF(2⁸),
// by FFT: Lin, Al-Naffouri, Han, Chung, "Novel Polynomial Basis With Fast Fourier
// Transform and Its Application to Reed-Solomon Erasure Codes", 2016).
//
// It is for the end of a transfer. What is lost before is repaired while other
// data travel, at no cost. What is lost of the last window costs a round trip,
// and what is lost of the repair another; parity for it costs a few packets.
//
// The sender makes groups of a Run with an Encoder when all was sent; the
// receiver's Keeper holds the bodies of what may come to be in one. Neither is
// safe for concurrent use.
package parity

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
)

const (
	// Members is how many packets a group has at most: with as many parity packets
	// as GroupMost the code fits its field.
	Members = 128
	// GroupMost is how many parity packets a group has at most.
	GroupMost = 64
	// grain is what the code's shards are a multiple of.
	grain = 64
	// lead is what a shard holds before a packet's body: its length and checksum.
	lead = 2 + 4
	// headMost is the longest header of a parity packet.
	headMost = binary.MaxVarintLen64 + binary.MaxVarintLen32 + 3 + Members/8
	// strideMost bounds a Run: half a million packets.
	strideMost = 1 << 12
)

// ErrMalformed says that the body of a parity packet makes no sense.
var ErrMalformed = errors.New("malformed parity")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// BodyMost is how long the body of a packet may be so that parity for it fits
// into a body of room bytes; 0: none does.
func BodyMost(room int) int { return max(shardOf(room)-lead, 0) }

func shardOf(room int) int { return (room - headMost) / grain * grain }

// Count is how many parity packets make up, but for one case in some thousands,
// for what is lost of a group with so many members, when each packet, also of
// parity, is lost with the given probability: the mean and 3.5 deviations.
func Count(members int, loss float64) int {
	n := 2.
	for range 4 { // parity gets lost as well
		lost := (float64(members) + n) * loss
		n = math.Ceil(lost + 3.5*math.Sqrt(lost*(1-loss)) + 1)
	}
	return int(min(max(n, 2), GroupMost))
}

// Run says which packets a row of groups covers: group g of Stride has the
// packets Low+g, Low+g+Stride, …, so that a burst of losses hits many groups once.
type Run struct {
	Low    uint64 // number of the first packet
	Stride int    // groups
	Size   int    // packets of each group that the run has room for, 1 to Members
}

// NewRun covers the packets low to high, of which there is at least one.
func NewRun(low, high uint64) Run {
	n := int(min(high-low+1, strideMost*Members))
	stride := (n + Members - 1) / Members
	return Run{Low: high + 1 - uint64(n), Stride: stride, Size: (n + stride - 1) / stride}
}

// Number is that of packet i of group g.
func (r Run) Number(g, i int) uint64 { return r.Low + uint64(g) + uint64(i)*uint64(r.Stride) }

// find tells where packet n is in the run.
func (r Run) find(n uint64) (g, i int, ok bool) {
	if n < r.Low || n-r.Low >= uint64(r.Stride*r.Size) {
		return 0, 0, false
	}
	d := int(n - r.Low)
	return d % r.Stride, d / r.Stride, true
}

// cover is which packets of a run one group protects, and how.
type cover struct {
	run    Run
	index  int
	size   int               // bytes of a shard
	parity int               // parity shards
	member [Members / 8]byte // bit i: packet i is covered
}

func (c *cover) has(i int) bool { return c.member[i/8]&(1<<(i%8)) != 0 }

// put lays a body into its shard.
func put(shard, body []byte) {
	binary.BigEndian.PutUint16(shard, uint16(len(body)))
	binary.BigEndian.PutUint32(shard[2:], crc32.Checksum(body, castagnoli))
	clear(shard[lead+copy(shard[lead:], body):])
}

// body is what a shard holds, or nil when it is no packet's.
func body(shard []byte) []byte {
	n := int(binary.BigEndian.Uint16(shard))
	if n == 0 || n > len(shard)-lead {
		return nil
	}
	b := shard[lead : lead+n]
	if crc32.Checksum(b, castagnoli) != binary.BigEndian.Uint32(shard[2:]) {
		return nil
	}
	return b
}

// Encoder makes the parity of one group after another.
type Encoder struct {
	cover
	codec  codec
	shards [][]byte // the members', then parity
	memory []byte   // behind them
}

// Begin starts group g of a run, whose parity packets have bodies of at most room bytes.
func (e *Encoder) Begin(run Run, g, parity, room int) {
	e.run, e.index, e.size, e.parity = run, g, shardOf(room), parity
	e.member = [Members / 8]byte{}
	need := (run.Size + parity) * e.size
	if cap(e.memory) < need {
		e.memory = make([]byte, need)
	}
	e.memory = e.memory[:need]
	e.shards = e.shards[:0]
	for at := 0; at < need; at += e.size {
		e.shards = append(e.shards, e.memory[at:at+e.size:at+e.size])
	}
}

// Room is where the body of packet i is to be written, before Put.
func (e *Encoder) Room(i int) []byte { return e.shards[i][lead:] }

// Put says that packet i has the first n bytes of its Room as body.
func (e *Encoder) Put(i, n int) {
	e.member[i/8] |= 1 << (i % 8)
	put(e.shards[i], e.shards[i][lead:lead+n])
}

// Encode makes the parity of what was Put; false: there is none to make.
func (e *Encoder) Encode() bool {
	if e.member == [Members / 8]byte{} {
		return false
	}
	for i := range e.run.Size {
		if !e.has(i) {
			clear(e.shards[i])
		}
	}
	return e.codec.of(e.run.Size, e.parity) == nil && e.codec.Encode(e.shards) == nil
}

// Append appends the body of parity packet j to dst.
func (e *Encoder) Append(dst []byte, j int) []byte {
	dst = binary.AppendUvarint(dst, e.run.Low)
	dst = binary.AppendUvarint(dst, uint64(e.run.Stride)<<12|uint64(e.index))
	dst = append(dst, byte(e.run.Size), byte(e.parity), byte(j))
	dst = append(dst, e.member[:(e.run.Size+7)/8]...)
	return append(dst, e.shards[e.run.Size+j]...)
}
