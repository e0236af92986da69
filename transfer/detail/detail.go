// Package detail is what an entry of a transfer says beyond name, size, time and
// mode: owners, attributes, holes, its place in a stream. Few entries have any,
// so it travels as one field that most leave out.
//
// Encoded it is a row of items, each a tag, a length and a body; unknown tags are
// passed over, so that versions one apart understand each other.
package detail

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxSize bounds an encoded detail: it must fit a control frame many times over.
const MaxSize = 256 << 10

// Bounds of single items, those of Linux.
const (
	maxName   = 255
	maxValue  = 64 << 10
	maxXattrs = 256
)

// ErrDetail is in the chain of every parse error.
var ErrDetail = errors.New("malformed detail")

// Detail is all that can be said. The zero value says nothing.
type Detail struct {
	Owner   *Owner
	Atime   int64 // ns since 1970; 0: not said
	Xattrs  []Xattr
	Holes   []Run
	Segment *Segment
}

// Owner is whose a file is, by number and, where known, by name.
type Owner struct {
	UID, GID    uint32
	User, Group string
}

// Xattr is one extended attribute; access control lists are among them.
type Xattr struct {
	Name  string
	Value []byte
}

// Run is a row of blocks that are holes: zeros that are not sent.
type Run struct{ First, Count int64 }

// Segment says that an entry is a piece of a stream.
type Segment struct {
	Offset int64
	// Last: nothing follows, the stream has Total bytes and this BLAKE3 root.
	Last  bool
	Total int64
	Root  [32]byte
}

// Tags; values never change meaning.
const (
	tagOwner   = 1
	tagAtime   = 2
	tagXattr   = 3
	tagHoles   = 4
	tagSegment = 5
)

// Empty reports whether d says nothing.
func (d *Detail) Empty() bool {
	return d.Owner == nil && d.Atime == 0 && len(d.Xattrs) == 0 && len(d.Holes) == 0 && d.Segment == nil
}

// Append encodes d. Runs that would make it too long are left out, which makes
// them data.
func Append(dst []byte, d *Detail) []byte {
	var b []byte
	item := func(tag byte) {
		dst = append(dst, tag)
		dst = binary.AppendUvarint(dst, uint64(len(b)))
		dst = append(dst, b...)
		b = b[:0]
	}
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if o := d.Owner; o != nil {
		b = binary.AppendUvarint(b, uint64(o.UID))
		b = binary.AppendUvarint(b, uint64(o.GID))
		text(o.User)
		text(o.Group)
		item(tagOwner)
	}
	if d.Atime != 0 {
		b = binary.AppendVarint(b, d.Atime)
		item(tagAtime)
	}
	for _, x := range d.Xattrs {
		text(x.Name)
		b = append(b, x.Value...)
		item(tagXattr)
	}
	if s := d.Segment; s != nil {
		b = binary.AppendUvarint(b, uint64(s.Offset))
		if s.Last {
			b = binary.AppendUvarint(b, uint64(s.Total))
			b = append(b, s.Root[:]...)
		}
		item(tagSegment)
	}
	if len(d.Holes) > 0 {
		end := int64(0)
		for _, r := range d.Holes {
			if len(dst)+len(b) > MaxSize/2 {
				break
			}
			b = binary.AppendUvarint(b, uint64(r.First-end))
			b = binary.AppendUvarint(b, uint64(r.Count))
			end = r.First + r.Count
		}
		item(tagHoles)
	}
	return dst
}

// Parse reads what a peer sent. Runs come out ascending and disjoint.
func Parse(b []byte) (Detail, error) {
	var d Detail
	if len(b) > MaxSize {
		return d, fmt.Errorf("%w: %d bytes", ErrDetail, len(b))
	}
	r := reader{b: b}
	for len(r.b) > 0 && !r.bad {
		tag := r.b[0]
		r.b = r.b[1:]
		body := reader{b: r.take(r.uvarint())}
		if r.bad {
			break
		}
		switch tag {
		case tagOwner:
			d.Owner = &Owner{UID: body.id(), GID: body.id(), User: body.text(), Group: body.text()}
		case tagAtime:
			v, n := binary.Varint(body.b)
			body.bad = n != len(body.b)
			d.Atime, body.b = v, nil
		case tagXattr:
			x := Xattr{Name: body.text()}
			x.Value, body.b = body.b, nil
			if x.Name == "" || len(x.Value) > maxValue || len(d.Xattrs) >= maxXattrs {
				body.bad = true
			}
			d.Xattrs = append(d.Xattrs, x)
		case tagHoles:
			d.Holes = body.runs()
		case tagSegment:
			d.Segment = body.segment()
		default:
			body.b = nil
		}
		r.bad = r.bad || body.bad || len(body.b) > 0
	}
	if r.bad {
		return Detail{}, ErrDetail
	}
	return d, nil
}

// reader takes fields; the first failure sticks.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) id() uint32 {
	v := r.uvarint()
	if v >= 1<<32-1 { // the last is "leave as it is"
		r.bad = true
	}
	return uint32(v)
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > maxName {
		r.bad = true
		return ""
	}
	return string(r.take(n))
}

func (r *reader) runs() (out []Run) {
	end := int64(0)
	for len(r.b) > 0 && !r.bad {
		skip, count := r.uvarint(), r.uvarint()
		if skip > 1<<40 || count == 0 || count > 1<<40 {
			r.bad = true
			return nil
		}
		out = append(out, Run{First: end + int64(skip), Count: int64(count)})
		if end += int64(skip + count); end > 1<<48 {
			r.bad = true
		}
	}
	return out
}

func (r *reader) segment() *Segment {
	s := &Segment{}
	off := r.uvarint()
	if len(r.b) > 0 {
		s.Last = true
		total := r.uvarint()
		copy(s.Root[:], r.take(32))
		if total > 1<<50 {
			r.bad = true
		}
		s.Total = int64(total)
	}
	if off > 1<<50 {
		r.bad = true
	}
	s.Offset = int64(off)
	return s
}
