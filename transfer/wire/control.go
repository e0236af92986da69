package wire

import (
	"encoding/binary"
	"time"
)

// Frame types. A control body is a sequence of frames; framePadding fills the rest.
const (
	framePadding   = 0x00
	frameStatus    = 0x01
	frameCoverage  = 0x02
	frameSync      = 0x03
	frameChallenge = 0x04
	frameResponse  = 0x05
	frameMirror    = 0x06
)

// maxCoverage is how many coverage frames one datagram may hold: the current
// one and the answer to a query.
const maxCoverage = 2

// Token is the content of a path challenge and of its response.
type Token [8]byte

// Control is a parsed control body. It is reused from datagram to datagram:
// Parse overwrites it and keeps the capacity of its slices.
type Control struct {
	HasStatus    bool
	Status       Status
	Coverage     []Coverage
	HasSync      bool
	Sync         Sync
	HasChallenge bool
	Challenge    Token
	HasResponse  bool
	Response     Token
	HasMirror    bool
	Mirror       Mirror
}

// Parse reads a control body. On error the content of c is undefined.
func (c *Control) Parse(b []byte) error {
	*c = Control{Coverage: c.Coverage[:0]}
	in := cursor{b: b}
	for len(in.b) > 0 {
		switch in.byte() {
		case framePadding:
			return nil // the rest is padding by definition
		case frameStatus:
			c.HasStatus = true
			c.Status.parse(&in)
		case frameCoverage:
			if len(c.Coverage) == maxCoverage {
				return ErrTooMany
			}
			if len(c.Coverage) == cap(c.Coverage) {
				c.Coverage = append(c.Coverage, Coverage{})
			} else {
				c.Coverage = c.Coverage[:len(c.Coverage)+1]
			}
			if err := c.Coverage[len(c.Coverage)-1].parse(&in); err != nil {
				return err
			}
		case frameSync:
			c.HasSync = true
			c.Sync.parse(&in)
		case frameChallenge:
			c.HasChallenge = true
			c.Challenge = in.token()
		case frameResponse:
			c.HasResponse = true
			c.Response = in.token()
		case frameMirror:
			c.HasMirror = true
			c.Mirror.parse(&in)
		default:
			return ErrFrame
		}
		if in.bad {
			return ErrFrame
		}
	}
	return nil
}

// Status is the receiver's account of the flow so far.
type Status struct {
	Clock   time.Duration // receiver's clock when all this was true, 1 µs steps, arbitrary origin
	Largest uint64        // highest packet number received; 0: none yet
	Delay   time.Duration // from the arrival of Largest until this was written
	Packets uint64        // distinct datagrams received, since the start
	Bytes   uint64        // their UDP payload bytes
	OWD     time.Duration // least one-way delay since the last status, relative to an arbitrary constant
	HasOWD  bool          // something arrived since the last status
	Peak    uint64        // kB/s: the fastest arrival over a short span since the last status but two; 0: not measured
	MaxRate uint64        // bit/s that the receiver can take; 0: no limit
}

// Append writes the frame to b.
func (s *Status) Append(b []byte) []byte {
	flags := byte(0)
	if s.HasOWD {
		flags |= 1
	}
	if s.Peak > 0 {
		flags |= 2
	}
	b = append(b, frameStatus, flags)
	b = binary.AppendUvarint(b, uint64(s.Clock/time.Microsecond))
	b = binary.AppendUvarint(b, s.Largest)
	b = binary.AppendUvarint(b, uint64(s.Delay/time.Microsecond))
	b = binary.AppendUvarint(b, s.Packets)
	b = binary.AppendUvarint(b, s.Bytes)
	if s.HasOWD {
		b = binary.AppendVarint(b, int64(s.OWD/TickUnit))
	}
	if s.Peak > 0 {
		b = binary.AppendUvarint(b, s.Peak)
	}
	return binary.AppendUvarint(b, s.MaxRate)
}

// maxMicros and maxTicks keep a peer's durations far from overflow (292 years in ns).
const (
	maxMicros = 1 << 50
	maxTicks  = 1 << 46
)

func (s *Status) parse(in *cursor) {
	flags := in.byte()
	s.Clock = micros(in)
	s.Largest = in.uvarint()
	s.Delay = micros(in)
	s.Packets = in.uvarint()
	s.Bytes = in.uvarint()
	s.HasOWD = flags&1 != 0
	s.OWD = 0
	if s.HasOWD {
		v := in.varint()
		if v > maxTicks || v < -maxTicks {
			in.bad = true
			return
		}
		s.OWD = time.Duration(v) * TickUnit
	}
	s.Peak = 0
	if flags&2 != 0 {
		s.Peak = in.uvarint()
	}
	s.MaxRate = in.uvarint()
	if s.Largest > maxNumber || flags > 3 {
		in.bad = true
	}
}

func micros(in *cursor) time.Duration {
	v := in.uvarint()
	if v > maxMicros {
		in.bad = true
		return 0
	}
	return time.Duration(v) * time.Microsecond
}

// Sync is the sender's word to the receiver.
type Sync struct {
	Floor uint64        // the sender needs no account of packets below this number
	Want  bool          // answer at once
	RTT   time.Duration // as the sender sees it, 1 µs steps
	// Low and High, when High is not 0, ask for coverage of Low…High inclusive.
	Low, High uint64
}

// Append writes the frame to b.
func (s *Sync) Append(b []byte) []byte {
	flags := byte(0)
	if s.Want {
		flags |= 1
	}
	if s.High != 0 {
		flags |= 2
	}
	b = append(b, frameSync, flags)
	b = binary.AppendUvarint(b, s.Floor)
	b = binary.AppendUvarint(b, uint64(s.RTT/time.Microsecond))
	if s.High != 0 {
		b = binary.AppendUvarint(b, s.Low)
		b = binary.AppendUvarint(b, s.High-s.Low)
	}
	return b
}

func (s *Sync) parse(in *cursor) {
	*s = Sync{}
	flags := in.byte()
	s.Floor = in.uvarint()
	s.RTT = micros(in)
	s.Want = flags&1 != 0
	if flags&2 != 0 {
		s.Low = in.uvarint()
		n := in.uvarint()
		if s.Low > maxNumber || n > maxNumber || s.Low+n == 0 {
			in.bad = true
			return
		}
		s.High = s.Low + n
	}
	if s.Floor > maxNumber || flags > 3 {
		in.bad = true
	}
}

// Mirror is a piece of the control connection's stream, and how much of the peer's is
// known.
type Mirror struct {
	Known  uint64 // bytes of the peer's stream
	Offset uint64 // of Bytes in the sender's stream
	Bytes  []byte // parsed: in the datagram
}

// Append writes the frame to b.
func (m *Mirror) Append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, frameMirror), m.Known)
	b = binary.AppendUvarint(b, m.Offset)
	b = binary.AppendUvarint(b, uint64(len(m.Bytes)))
	return append(b, m.Bytes...)
}

func (m *Mirror) parse(in *cursor) {
	*m = Mirror{Known: in.uvarint(), Offset: in.uvarint()}
	if n := in.uvarint(); n > 0 {
		m.Bytes = in.bytes(n)
	}
	if m.Known > maxNumber || m.Offset > maxNumber {
		in.bad = true
	}
}

// AppendChallenge writes a path challenge.
func AppendChallenge(b []byte, t Token) []byte {
	return append(append(b, frameChallenge), t[:]...)
}

// AppendResponse writes the echo of a challenge.
func AppendResponse(b []byte, t Token) []byte {
	return append(append(b, frameResponse), t[:]...)
}
