package wire

import "encoding/binary"

// maxNumber bounds packet numbers: 2⁶² datagrams outlast any flow.
const maxNumber = 1 << 62

// MaxRuns bounds the runs of one coverage frame.
const MaxRuns = 2048

// Coverage says for every packet number from Top downwards whether it had
// arrived. Runs alternate received, missing, received, … downwards from Top;
// only the first may be 0. A number below the last run is not covered: the
// receiver says nothing about it here, and the sender must conclude nothing.
type Coverage struct {
	Top  uint64
	Runs []uint64
}

// Append writes the frame to b.
func (c *Coverage) Append(b []byte) []byte {
	b = append(b, frameCoverage)
	b = binary.AppendUvarint(b, c.Top)
	b = binary.AppendUvarint(b, uint64(len(c.Runs)))
	for _, r := range c.Runs {
		b = binary.AppendUvarint(b, r)
	}
	return b
}

func (c *Coverage) parse(in *cursor) error {
	c.Top = in.uvarint()
	n := in.uvarint()
	if in.bad || n > uint64(len(in.b)) { // each run takes a byte at least
		return ErrFrame
	}
	if n > MaxRuns || c.Top > maxNumber {
		return ErrBounds
	}
	c.Runs = c.Runs[:0]
	left := c.Top + 1
	for i := range n {
		r := in.uvarint()
		if in.bad {
			return ErrFrame
		}
		if r > left || r == 0 && i > 0 {
			return ErrBounds
		}
		left -= r
		c.Runs = append(c.Runs, r)
	}
	return nil
}

// Span is an inclusive run of packet numbers.
type Span struct {
	Low, High uint64
	Received  bool
}

// Spans calls f for each non-empty run, from the highest down.
func (c *Coverage) Spans(f func(Span)) {
	top := c.Top
	for i, r := range c.Runs {
		if r == 0 {
			continue
		}
		f(Span{Low: top - r + 1, High: top, Received: i%2 == 0})
		top -= r // may wrap only after a run that ended at 0, which is the last
	}
}
