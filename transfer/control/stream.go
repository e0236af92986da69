package control

import "encoding/binary"

// Frames of a session whose data ride the control connection.
const (
	TypeData  Type = 24 // sender: one payload, as a datagram would carry it
	TypeTaken Type = 25 // receiver: which payloads were taken
)

// MaxPayload bounds the body of a TypeData frame: what waits in front of a
// control frame on a slow line.
const MaxPayload = 32 << 10

// Taken tells the sender what became of its payloads, which are counted from 1
// in the order of sending.
type Taken struct {
	Count   uint64   // so many were looked at so far
	MaxRate uint64   // bit/s that the receiver can take; 0: no limit
	Refused []uint64 // of those looked at since the last frame, ascending; they are to be sent again
}

// maxRefused bounds a frame: a receiver that refuses more is broken.
const maxRefused = 1 << 16

// AppendTaken adds the body of a TypeTaken frame.
func AppendTaken(dst []byte, t Taken) []byte {
	dst = binary.AppendUvarint(dst, t.Count)
	dst = binary.AppendUvarint(dst, t.MaxRate)
	dst = binary.AppendUvarint(dst, uint64(len(t.Refused)))
	for _, n := range t.Refused {
		dst = binary.AppendUvarint(dst, t.Count-n)
	}
	return dst
}

// ParseTaken reads the body of a TypeTaken frame.
func ParseTaken(b []byte) (Taken, error) {
	c := cursor{b: b}
	t := Taken{Count: c.uvarint(), MaxRate: c.uvarint()}
	n := c.uvarint()
	if n > maxRefused || n > uint64(len(c.b)) {
		c.fail()
	}
	var last uint64
	for range n {
		back := c.uvarint()
		if back >= t.Count || t.Count-back <= last {
			c.fail()
		}
		if c.bad {
			break
		}
		last = t.Count - back
		t.Refused = append(t.Refused, last)
	}
	return t, c.end("taken")
}
