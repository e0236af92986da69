package control

import (
	"encoding/binary"
	"fmt"
)

// Progress tells the sender what the receiver holds, for its window.
type Progress struct {
	Freed    uint64 // file bytes that arrived and left the buffers, objects that ended early taken out
	Buffered uint64 // bytes of receive buffers in use
	Durable  uint64 // file bytes durable at the destination in this session
}

// AppendProgress adds the body of a TypeProgress frame.
func AppendProgress(dst []byte, p Progress) []byte {
	dst = binary.AppendUvarint(dst, p.Freed)
	dst = binary.AppendUvarint(dst, p.Buffered)
	return binary.AppendUvarint(dst, p.Durable)
}

// ParseProgress reads the body of a TypeProgress frame.
func ParseProgress(b []byte) (Progress, error) {
	c := cursor{b: b}
	p := Progress{Freed: c.uvarint(), Buffered: c.uvarint(), Durable: c.uvarint()}
	return p, c.end("progress")
}

// Outcome is how an object ended at the receiver.
type Outcome uint8

// The outcomes.
const (
	Committed Outcome = 1 // durable under its name
	Skipped   Outcome = 2 // left alone by the overwrite policy
	Failed    Outcome = 3 // Code and Message say why
	Retry     Outcome = 4 // what arrived is not what was read: send it again as a new object
)

// Verdict is the end of one object.
type Verdict struct {
	ID      uint64
	Outcome Outcome
	Code    string // Failed and Retry only
	Message string
}

const maxText = 4096

// AppendVerdict adds one verdict to the body of a TypeVerdicts frame.
func AppendVerdict(dst []byte, v Verdict) []byte {
	dst = binary.AppendUvarint(dst, v.ID)
	dst = append(dst, byte(v.Outcome))
	if v.Outcome == Failed || v.Outcome == Retry {
		dst = appendText(dst, v.Code)
		dst = appendText(dst, v.Message)
	}
	return dst
}

// ParseVerdicts calls each for every verdict in the body of a TypeVerdicts
// frame.
func ParseVerdicts(b []byte, each func(Verdict)) error {
	c := cursor{b: b}
	for c.more() {
		v := Verdict{ID: c.uvarint(), Outcome: Outcome(c.byte())}
		switch v.Outcome {
		case Committed, Skipped:
		case Failed, Retry:
			v.Code, v.Message = c.text(), c.text()
		default:
			c.fail()
		}
		if c.bad {
			break
		}
		each(v)
	}
	return c.end("verdicts")
}

// Leaf is the hash of one block.
type Leaf = [32]byte

// Have answers an announced object: what the receiver has of it already.
// Blocks [First, First+len(Leaves)) are there with these hashes. The frame
// with Last set is the final one for this object; one without leaves means
// that all of it is wanted.
type Have struct {
	ID     uint64
	Last   bool
	First  uint64
	Leaves []Leaf
}

// MaxLeaves is how many leaves fit one Have frame.
const MaxLeaves = (MaxBody - 64) / len(Leaf{})

// AppendHave adds one answer to the body of a TypeHave frame. The caller
// keeps the body under MaxBody.
func AppendHave(dst []byte, h Have) []byte {
	dst = binary.AppendUvarint(dst, h.ID)
	last := byte(0)
	if h.Last {
		last = 1
	}
	dst = append(dst, last)
	dst = binary.AppendUvarint(dst, h.First)
	dst = binary.AppendUvarint(dst, uint64(len(h.Leaves)))
	for i := range h.Leaves {
		dst = append(dst, h.Leaves[i][:]...)
	}
	return dst
}

// ParseHaves calls each for every answer in the body of a TypeHave frame.
func ParseHaves(b []byte, each func(Have)) error {
	c := cursor{b: b}
	for c.more() {
		h := Have{ID: c.uvarint()}
		switch c.byte() {
		case 0:
		case 1:
			h.Last = true
		default:
			c.fail()
		}
		h.First = c.uvarint()
		n := c.uvarint()
		if n > uint64(len(c.b)/len(Leaf{})) || h.First > 1<<53 {
			c.fail()
		}
		if c.bad {
			break
		}
		if n > 0 {
			h.Leaves = make([]Leaf, n)
			for i := range h.Leaves {
				copy(h.Leaves[i][:], c.take(len(Leaf{})))
			}
		}
		each(h)
	}
	return c.end("have")
}

func appendText(dst []byte, s string) []byte {
	if len(s) > maxText {
		s = s[:maxText]
	}
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// cursor reads fields; the first failure sticks and later reads give zeros.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) more() bool { return !c.bad && len(c.b) > 0 }

func (c *cursor) fail() { c.bad, c.b = true, nil }

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte() byte {
	if len(c.b) == 0 {
		c.fail()
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.fail()
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) text() string {
	n := c.uvarint()
	if n > maxText {
		c.fail()
		return ""
	}
	return string(c.take(int(n)))
}

func (c *cursor) end(what string) error {
	if c.bad || len(c.b) > 0 {
		return fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	return nil
}
