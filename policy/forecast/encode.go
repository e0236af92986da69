package forecast

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Stored form: a version, the state of learning, then each slot of the week as
// the week in which it was last seen (0: never), its last demand and its mean.
// All numbers are little-endian and of fixed size: 20 kB whatever was learnt.
const (
	encoding    = 1
	tallyFields = 12
	headerSize  = 1 + 4*8 + 4*8 + experts*16 + tallyFields*8
	slotSize    = 2 + 4 + 4
	encodedSize = headerSize + perWeek*slotSize
	// maxBucket bounds stored times: the year 2200 or so.
	maxBucket = int64(65535) * int64(perWeek)
)

// errStored means that bytes are no stored profile.
var errStored = errors.New("no stored forecast profile")

// fields of the tally in the order in which they are stored.
func (t *tally) fields() [tallyFields]*float64 {
	return [tallyFields]*float64{
		&t.buckets, &t.seen, &t.weight, &t.absolute, &t.demand, &t.relative, &t.positive, &t.bias,
		&t.squares, &t.naive, &t.credit, &t.spent,
	}
}

// MarshalBinary returns the stored form.
func (p *Profile) MarshalBinary() ([]byte, error) {
	le := binary.LittleEndian
	b := make([]byte, 0, encodedSize)
	b = append(b, encoding)
	flags := int64(0)
	if p.filling {
		flags = 1
	}
	if p.guessed {
		flags += 2
	}
	for _, x := range []int64{flags, p.open, p.prevAt, p.from} {
		b = le.AppendUint64(b, uint64(x))
	}
	for _, x := range []float64{p.peak, p.previous, p.guess, p.off} {
		b = le.AppendUint64(b, math.Float64bits(x))
	}
	for _, e := range p.experts {
		b = le.AppendUint64(b, math.Float64bits(e.squares))
		b = le.AppendUint64(b, math.Float64bits(e.weight))
	}
	for _, x := range p.score.fields() {
		b = le.AppendUint64(b, math.Float64bits(*x))
	}
	for s := range perWeek {
		b = le.AppendUint16(b, uint16(p.known[s]/int64(perWeek)))
		b = le.AppendUint32(b, math.Float32bits(p.last[s]))
		b = le.AppendUint32(b, math.Float32bits(p.mean[s]))
	}
	return b, nil
}

// UnmarshalBinary reads the stored form. Whatever else it is given is an error
// and leaves the profile as it was.
func (p *Profile) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != encoding {
		return fmt.Errorf("%w of version %d", errStored, encoding)
	}
	if len(b) != encodedSize {
		return fmt.Errorf("%w: %d bytes, want %d", errStored, len(b), encodedSize)
	}
	r := reader{b: b[1:]}
	var q Profile
	flags := r.time()
	q.filling, q.guessed = flags&1 != 0, flags&2 != 0
	q.open, q.prevAt, q.from = r.time(), r.time(), r.time()
	q.peak, q.previous, q.guess, q.off = r.number(0), r.number(0), r.number(0), r.number(-math.MaxFloat64)
	for k := range q.experts {
		q.experts[k] = expert{r.number(0), r.number(0)}
	}
	for _, x := range q.score.fields() {
		low := 0.0
		if x == &q.score.bias {
			low = -math.MaxFloat64
		}
		*x = r.number(low)
	}
	for s := range perWeek {
		if week := int64(r.uint16()); week > 0 {
			q.known[s] = week*int64(perWeek) + int64(s)
		}
		q.last[s], q.mean[s] = r.demand(), r.demand()
	}
	if r.bad || flags > 3 {
		return fmt.Errorf("%w: it holds a number that cannot be", errStored)
	}
	*p = q
	return nil
}

// reader takes fixed-size numbers and notes those that cannot be.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint16() uint16 {
	x := binary.LittleEndian.Uint16(r.b)
	r.b = r.b[2:]
	return x
}

func (r *reader) uint64() uint64 {
	x := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return x
}

func (r *reader) time() int64 {
	x := int64(r.uint64())
	r.bad = r.bad || x < 0 || x >= maxBucket
	return x
}

func (r *reader) number(low float64) float64 {
	x := math.Float64frombits(r.uint64())
	r.bad = r.bad || math.IsNaN(x) || math.IsInf(x, 0) || x < low
	return x
}

func (r *reader) demand() float32 {
	x := math.Float32frombits(binary.LittleEndian.Uint32(r.b))
	r.b = r.b[4:]
	r.bad = r.bad || math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) || x < 0
	return x
}
