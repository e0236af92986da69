package job

import (
	"encoding/binary"
	"errors"
	"fmt"

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
	recData  = 2
	recRoot  = 3
	recEnd   = 4
	// recPad, zero, ends a payload: what follows is there to make it longer.
	recPad = 0
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

// appendDataHeader adds all of a data record but its bytes.
func appendDataHeader(dst []byte, id uint64, offset int64, n int) []byte {
	dst = append(dst, recData)
	dst = binary.AppendUvarint(dst, id)
	dst = binary.AppendUvarint(dst, uint64(offset))
	return binary.AppendUvarint(dst, uint64(n))
}

func dataHeaderSize(id uint64, offset int64, n int) int {
	return 1 + uvarintSize(id) + uvarintSize(uint64(offset)) + uvarintSize(uint64(n))
}

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
	case recData:
		offset, err := p.uvarint()
		if err != nil {
			return false, err
		}
		if offset > 1<<62 {
			return false, fmt.Errorf("%w: offset", ErrRecord)
		}
		r.offset = int64(offset)
		r.data, err = p.bytes(len(p.b))
		return true, err
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
