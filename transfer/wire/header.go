package wire

import (
	"encoding/binary"
	"errors"
	"time"
)

// Sizes in bytes.
const (
	HeaderSize = 9
	// TagSize is that of the shortest tag in use, AES-GCM's.
	TagSize = 12
	// Overhead is what a datagram carries besides its body, at least.
	Overhead = HeaderSize + TagSize
	// MaxDatagram bounds what is ever parsed: a jumbo frame's UDP payload.
	MaxDatagram = 9216
)

const (
	// TickUnit is the resolution of the header's time stamp, and of what is made
	// of it: queues are steered at a millisecond and more.
	TickUnit = 16 * time.Microsecond
	tickTurn = TickUnit << 16 // when time stamps begin again

	// ConnIDMost is the largest ConnID.
	ConnIDMost = 1<<24 - 1
	// NumberSpan is how far apart two packet numbers have to be, at least, so
	// that they may be taken for each other: see Expand.
	NumberSpan = 1 << 23
	numberMask = 1<<24 - 1
)

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

// ConnID names one flow at one listener. It is ConnIDMost at most.
type ConnID uint32

// Header is the clear part of a datagram.
type Header struct {
	Kind   Kind
	ConnID ConnID
	Number uint32 // low 24 bits of the packet number
	Tick   uint16 // low 16 bits of the sender's clock in TickUnits
}

// TickOf returns the time stamp for the moment now.
func TickOf(now time.Duration) uint16 { return uint16(now / TickUnit) }

// DelayChange returns how much longer than another a datagram was on its way that
// arrived so much later, from the time stamps of both. Stamps come round in about
// a second: a change is told between a quarter of that less and three quarters more,
// for a host that was held up makes delays longer.
func DelayChange(later time.Duration, stamp, other uint16) time.Duration {
	const less = tickTurn / 4
	d := (later - time.Duration(stamp-other)*TickUnit + less) % tickTurn
	if d < 0 {
		d += tickTurn
	}
	return d - less
}

// Put writes h into the first HeaderSize bytes of b.
func (h Header) Put(b []byte) {
	_ = b[HeaderSize-1]
	binary.BigEndian.PutUint32(b, uint32(h.Kind)<<24|uint32(h.ConnID)&ConnIDMost)
	b[4], b[5], b[6] = byte(h.Number>>16), byte(h.Number>>8), byte(h.Number)
	binary.BigEndian.PutUint16(b[7:], h.Tick)
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
		ConnID: ConnID(binary.BigEndian.Uint32(b) & ConnIDMost),
		Number: binary.BigEndian.Uint32(b[3:]) & numberMask,
		Tick:   binary.BigEndian.Uint16(b[7:]),
	}, nil
}

// Expand returns the full packet number whose low 24 bits are low and which
// lies nearest to expected. It is the right one while it is less than NumberSpan
// away from that.
func Expand(low uint32, expected uint64) uint64 {
	d := int64(int32((low-uint32(expected))<<8) >> 8)
	if d < 0 && uint64(-d) > expected {
		return uint64(low & numberMask)
	}
	return expected + uint64(d)
}
