package wire

import (
	"encoding/binary"
	"errors"
	"time"
)

// Sizes in bytes.
const (
	HeaderSize = 12
	TagSize    = 16
	// Overhead is what a datagram carries besides its body.
	Overhead = HeaderSize + TagSize
	// MaxDatagram bounds what is ever parsed: a jumbo frame's UDP payload.
	MaxDatagram = 9216
)

// TickUnit is the resolution of the header's time stamp.
const TickUnit = 4 * time.Microsecond

const tickMask = 1<<24 - 1

// Kind says what the sealed body holds.
type Kind uint8

// The kinds. The high nibble is fixed, so that stray traffic is dropped on its first byte.
const (
	KindData    Kind = 0x40
	KindControl Kind = 0x41
	KindKept    Kind = 0x42 // data that the receiver keeps, for parity may cover it
	KindParity  Kind = 0x43 // see package parity
)

// Errors of parsing. They carry no detail on purpose: they are met in floods.
var (
	ErrShort   = errors.New("datagram too short")
	ErrKind    = errors.New("datagram of unknown kind")
	ErrFrame   = errors.New("malformed control frame")
	ErrBounds  = errors.New("control frame value out of bounds")
	ErrTooMany = errors.New("too many control frames")
)

// ConnID names one flow at one listener.
type ConnID uint32

// Header is the clear part of a datagram.
type Header struct {
	Kind   Kind
	ConnID ConnID
	Number uint32 // low 32 bits of the packet number
	Tick   uint32 // low 24 bits of the sender's clock in TickUnits
}

// TickOf returns the time stamp for the moment now.
func TickOf(now time.Duration) uint32 { return uint32(now/TickUnit) & tickMask }

// TickDelta returns a−b on the 24-bit circle, in the range ±33 s.
func TickDelta(a, b uint32) time.Duration {
	d := int32((a-b)<<8) >> 8
	return time.Duration(d) * TickUnit
}

// Put writes h into the first HeaderSize bytes of b.
func (h Header) Put(b []byte) {
	_ = b[HeaderSize-1]
	b[0] = byte(h.Kind)
	binary.BigEndian.PutUint32(b[1:], uint32(h.ConnID))
	binary.BigEndian.PutUint32(b[5:], h.Number)
	b[9], b[10], b[11] = byte(h.Tick>>16), byte(h.Tick>>8), byte(h.Tick)
}

// ParseHeader reads the header of a whole datagram.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < Overhead {
		return Header{}, ErrShort
	}
	k := Kind(b[0])
	if k < KindData || k > KindParity {
		return Header{}, ErrKind
	}
	return Header{
		Kind:   k,
		ConnID: ConnID(binary.BigEndian.Uint32(b[1:])),
		Number: binary.BigEndian.Uint32(b[5:]),
		Tick:   uint32(b[9])<<16 | uint32(b[10])<<8 | uint32(b[11]),
	}, nil
}

// Expand returns the full packet number whose low 32 bits are low and which
// lies nearest to expected.
func Expand(low uint32, expected uint64) uint64 {
	d := int64(int32(low - uint32(expected)))
	if d < 0 && uint64(-d) > expected {
		return uint64(low)
	}
	return expected + uint64(d)
}
