package job

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/godwit/godwit/transfer/detail"
	"github.com/godwit/godwit/transfer/hashtree"
)

// Kind says what an object is.
type Kind uint8

// The kinds of objects.
const (
	File    Kind = 1
	Dir     Kind = 2
	Symlink Kind = 3
)

// Entry describes one object.
type Entry struct {
	ID     uint64 // the sender's number for it, from 1
	Kind   Kind
	Path   string // relative, slash-separated; the receiver checks it
	Size   int64  // bytes, files only
	Mtime  int64  // ns since 1970
	Mode   uint32 // permission bits
	Target string // symlinks only

	// Identity names this state of the source file, for resume; files of more
	// than one block only.
	Identity [32]byte

	// Detail is the applications' own, see package detail; nil for most.
	Detail []byte

	// Source is the sending application's own; it does not travel.
	Source any

	ask     bool // the receiver is to answer before data come
	hasRoot bool
	root    hashtree.Hash
	bytes   int64 // with root: data bytes that this session sends of it
}

// Root is the BLAKE3 hash of a file, once it is known.
func (e Entry) Root() (h hashtree.Hash, ok bool) { return e.root, e.hasRoot }

// WithRoot is e with its hash, for a receiver's application.
func (e Entry) WithRoot(h hashtree.Hash) Entry {
	e.root, e.hasRoot = h, true
	return e
}

// Limits on what a peer may say.
const (
	maxPath   = 4096
	maxObject = 1 << 48
)

// Record types: the first byte of a record.
const (
	recEntry = 1
	recRoot  = 3
	recEnd   = 4
	// recPad, zero, ends a payload: what follows is there to make it longer.
	recPad = 0
	// recData is a bit, for a slice of data has no byte too many: the other bits
	// say how the rest of the header is written.
	recData = 1 << 7
)

// The other bits of a slice's first byte. The object's id is in the lowest three, or,
// where these are zero, follows as a varint; then come so many bytes of the offset as
// the bits above say, and the slice's length as a varint.
const (
	// dataRest: the slice has all that is left of the payload, and its length is not said.
	dataRest        = 1 << 6
	dataOffsetShift = 3
	dataOffsetMost  = 7
	dataID          = 7
)

// Flags of an entry, above its kind.
const (
	flagAsk      = 1 << 4
	flagRoot     = 1 << 5
	flagIdentity = 1 << 6
	flagDetail   = 1 << 7
)

// ErrRecord is in the chain of every parse error: the peer broke the
// protocol.
var ErrRecord = errors.New("malformed record")

// multi reports whether files of this size have several blocks.
func multi(size int64) bool { return size > int64(hashtree.BlockSizeFor(size)) }

func appendEntry(dst []byte, e *Entry) []byte {
	flags := byte(e.Kind)
	if e.ask {
		flags |= flagAsk
	}
	if e.hasRoot {
		flags |= flagRoot
	}
	identity := e.Kind == File && multi(e.Size)
	if identity {
		flags |= flagIdentity
	}
	if len(e.Detail) > 0 {
		flags |= flagDetail
	}
	dst = append(dst, recEntry)
	dst = binary.AppendUvarint(dst, e.ID)
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(e.Mode))
	dst = binary.AppendVarint(dst, e.Mtime)
	if e.Kind == File {
		dst = binary.AppendUvarint(dst, uint64(e.Size))
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Path)))
	dst = append(dst, e.Path...)
	if e.Kind == Symlink {
		dst = binary.AppendUvarint(dst, uint64(len(e.Target)))
		dst = append(dst, e.Target...)
	}
	if e.hasRoot {
		dst = append(dst, e.root[:]...)
		dst = binary.AppendUvarint(dst, uint64(e.bytes))
	}
	if identity {
		dst = append(dst, e.Identity[:]...)
	}
	if len(e.Detail) > 0 {
		dst = binary.AppendUvarint(dst, uint64(len(e.Detail)))
		dst = append(dst, e.Detail...)
	}
	return dst
}

// entrySize is the length of an encoded entry.
func entrySize(e *Entry, root bool) int {
	n := 2 + uvarintSize(e.ID) + uvarintSize(uint64(e.Mode)) + uvarintSize(uint64(e.Mtime<<1)^uint64(e.Mtime>>63))
	n += uvarintSize(uint64(len(e.Path))) + len(e.Path)
	switch e.Kind {
	case Symlink:
		n += uvarintSize(uint64(len(e.Target))) + len(e.Target)
	case File:
		n += uvarintSize(uint64(e.Size))
		if multi(e.Size) {
			n += len(e.Identity)
		}
	}
	if len(e.Detail) > 0 {
		n += uvarintSize(uint64(len(e.Detail))) + len(e.Detail)
	}
	if root {
		n += len(e.root) + uvarintSize(uint64(e.bytes))
	}
	return n
}

// appendDataHeader adds all of a data record but its bytes; rest says that they
// run to the end of the payload.
func appendDataHeader(dst []byte, id uint64, offset int64, n int, rest bool) []byte {
	size := offsetSize(offset)
	first := byte(recData | size<<dataOffsetShift)
	if rest {
		first |= dataRest
	}
	if id <= dataID {
		dst = append(dst, first|byte(id))
	} else {
		dst = binary.AppendUvarint(append(dst, first), id)
	}
	for at := size - 1; at >= 0; at-- {
		dst = append(dst, byte(offset>>(8*at)))
	}
	if rest {
		return dst
	}
	return binary.AppendUvarint(dst, uint64(n))
}

// restHeaderSize is the length of the header of a slice that runs to the end of the payload.
func restHeaderSize(id uint64, offset int64) int {
	n := 1 + offsetSize(offset)
	if id > dataID {
		n += uvarintSize(id)
	}
	return n
}

// dataSize is what a slice takes of a payload that has so much room, and whether
// it runs to its end.
func dataSize(id uint64, offset int64, n, room int) (size int, rest bool) {
	size = restHeaderSize(id, offset) + n
	if size == room {
		return size, true
	}
	return size + uvarintSize(uint64(n)), false
}

func offsetSize(offset int64) int { return (bits.Len64(uint64(offset)) + 7) / 8 }

func uvarintSize(v uint64) int {
	n := 1
	for v >= 0x80 {
		v >>= 7
		n++
	}
	return n
}

func appendRoot(dst []byte, id uint64, root hashtree.Hash, bytes int64) []byte {
	dst = append(dst, recRoot)
	dst = binary.AppendUvarint(dst, id)
	dst = append(dst, root[:]...)
	return binary.AppendUvarint(dst, uint64(bytes))
}

// appendEnd says how many objects there were, and how many retries are answered.
func appendEnd(dst []byte, objects, retries uint64) []byte {
	dst = append(dst, recEnd)
	dst = binary.AppendUvarint(dst, objects)
	return binary.AppendUvarint(dst, retries)
}

// record is one parsed record; slices point into the packet.
type record struct {
	kind   byte
	id     uint64 // of recEnd: objects
	entry  Entry
	offset int64
	data   []byte
	root   hashtree.Hash
	bytes  int64
	count  uint64 // of recEnd: retries
}

// parser reads the records of one payload.
type parser struct {
	b   []byte
	rec record
}

// next parses one record into p.rec; false at the end.
func (p *parser) next() (bool, error) {
	if len(p.b) == 0 {
		return false, nil
	}
	r := &p.rec
	r.kind = p.b[0]
	if r.kind == recPad {
		p.b = nil
		return false, nil
	}
	p.b = p.b[1:]
	if r.kind >= recData {
		return true, p.data(r)
	}
	var err error
	if r.id, err = p.uvarint(); err != nil {
		return false, err
	}
	if r.id == 0 || r.id > maxObject {
		return false, fmt.Errorf("%w: object %d", ErrRecord, r.id)
	}
	switch r.kind {
	case recEntry:
		return true, p.entry(r)
	case recRoot:
		if err := p.hash(&r.root); err != nil {
			return false, err
		}
		bytes, err := p.uvarint()
		r.bytes = int64(min(bytes, 1<<62))
		return true, err
	case recEnd:
		r.count, err = p.uvarint()
		return true, err
	}
	return false, fmt.Errorf("%w: type %d", ErrRecord, r.kind)
}

// data parses what follows the first byte of a slice.
func (p *parser) data(r *record) (err error) {
	first := r.kind
	r.kind = recData
	if r.id = uint64(first & dataID); r.id == 0 {
		if r.id, err = p.uvarint(); err != nil {
			return err
		}
		if r.id == 0 || r.id > maxObject {
			return fmt.Errorf("%w: object %d", ErrRecord, r.id)
		}
	}
	size := int(first >> dataOffsetShift & dataOffsetMost)
	if size > len(p.b) {
		return ErrRecord
	}
	r.offset = 0
	for _, b := range p.b[:size] {
		r.offset = r.offset<<8 | int64(b)
	}
	p.b = p.b[size:]
	if first&dataRest != 0 {
		r.data, p.b = p.b, nil
		return nil
	}
	r.data, err = p.bytes(len(p.b))
	return err
}

func (p *parser) entry(r *record) error {
	r.entry = Entry{ID: r.id}
	e := &r.entry
	if len(p.b) == 0 {
		return ErrRecord
	}
	flags := p.b[0]
	p.b = p.b[1:]
	e.Kind, e.ask, e.hasRoot = Kind(flags&15), flags&flagAsk != 0, flags&flagRoot != 0
	if e.Kind < File || e.Kind > Symlink {
		return fmt.Errorf("%w: kind %d", ErrRecord, e.Kind)
	}
	mode, err := p.uvarint()
	if err != nil {
		return err
	}
	if mode > 0o777 {
		return fmt.Errorf("%w: mode %o", ErrRecord, mode)
	}
	e.Mode = uint32(mode)
	mtime, n := binary.Varint(p.b)
	if n <= 0 {
		return ErrRecord
	}
	e.Mtime, p.b = mtime, p.b[n:]
	if e.Kind == File {
		size, err := p.uvarint()
		if err != nil {
			return err
		}
		if size > 1<<62 {
			return fmt.Errorf("%w: size", ErrRecord)
		}
		e.Size = int64(size)
		if _, err := hashtree.NewGeometry(e.Size, hashtree.BlockSizeFor(e.Size)); err != nil {
			return fmt.Errorf("%w: size: %w", ErrRecord, err)
		}
	}
	name, err := p.bytes(maxPath)
	if err != nil {
		return err
	}
	e.Path = string(name)
	if e.Kind == Symlink {
		target, err := p.bytes(maxPath)
		if err != nil {
			return err
		}
		e.Target = string(target)
	}
	if e.hasRoot {
		if err := p.hash(&e.root); err != nil {
			return err
		}
		bytes, err := p.uvarint()
		if err != nil {
			return err
		}
		e.bytes = int64(min(bytes, 1<<62))
	}
	identity := flags&flagIdentity != 0
	if identity != (e.Kind == File && multi(e.Size)) {
		return fmt.Errorf("%w: identity", ErrRecord)
	}
	if identity {
		if err := p.hash((*hashtree.Hash)(&e.Identity)); err != nil {
			return err
		}
	}
	if flags&flagDetail != 0 {
		d, err := p.bytes(detail.MaxSize)
		if err != nil {
			return err
		}
		e.Detail = append([]byte(nil), d...)
	}
	return nil
}

func (p *parser) uvarint() (uint64, error) {
	v, n := binary.Uvarint(p.b)
	if n <= 0 {
		return 0, ErrRecord
	}
	p.b = p.b[n:]
	return v, nil
}

// bytes reads a length of at most limit and so many bytes.
func (p *parser) bytes(limit int) ([]byte, error) {
	n, err := p.uvarint()
	if err != nil {
		return nil, err
	}
	if n > uint64(limit) || n > uint64(len(p.b)) {
		return nil, fmt.Errorf("%w: length %d", ErrRecord, n)
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b, nil
}

func (p *parser) hash(h *hashtree.Hash) error {
	if len(p.b) < len(h) {
		return ErrRecord
	}
	copy(h[:], p.b)
	p.b = p.b[len(h):]
	return nil
}
