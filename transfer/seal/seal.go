// Package seal encrypts files at rest in the age format (age-encryption.org/v1),
// so that whoever stores them cannot read them, and `age --decrypt` can without
// this program.
//
// A transfer engine reads blocks of a file in any order, again after a loss and
// again in a later session, and wants to know the size before. The age library
// writes streams only. So the library makes the header, with a fresh file key for
// every file, and this package the payload, which is chunks of ChaCha20-Poly1305
// that can be computed one by one.
//
// A passphrase costs a second of one core and 256 MiB of memory for every file:
// that is what makes guessing it expensive. For many files, public keys are the
// better choice.
package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
)

// Suffix is what the name of an encrypted file ends with.
const Suffix = ".age"

const (
	chunk     = 64 << 10 // of plaintext
	overhead  = chacha20poly1305.Overhead
	nonceSize = 16
)

// Sealer encrypts to a passphrase or to public keys. It is safe for concurrent
// use.
type Sealer struct {
	recipients []age.Recipient
	header     int // bytes, the same for all files

	mu sync.Mutex // one derivation of a key at a time: each takes 256 MiB
}

// To seals to public keys, any of which can decrypt.
func To(recipients ...age.Recipient) (*Sealer, error) {
	if len(recipients) == 0 {
		return nil, errors.New("nobody to encrypt to")
	}
	s := &Sealer{recipients: recipients}
	k, err := s.Key()
	if err != nil {
		return nil, err
	}
	s.header = len(k.header)
	return s, nil
}

// ToPassphrase seals to a passphrase.
func ToPassphrase(passphrase string) (*Sealer, error) {
	quick, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	quick.SetWorkFactor(10) // as many digits as the real one, 18
	sample, err := To(quick)
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	return &Sealer{recipients: []age.Recipient{r}, header: sample.header}, nil
}

// Size is how long a file of n bytes becomes.
func (s *Sealer) Size(n int64) int64 {
	return int64(s.header) + sealedPayload(n)
}

func sealedPayload(n int64) int64 {
	return n + max(1, (n+chunk-1)/chunk)*overhead
}

// Bounds of headers that anybody writes: one recipient, or a few.
const (
	minHeader = 100
	maxHeader = 4096
)

// MayBe reports whether a sealed file of sealed bytes can be one of plain bytes:
// that says only a header of usual length.
func MayBe(sealed, plain int64) bool {
	h := sealed - sealedPayload(plain)
	return h >= minHeader && h <= maxHeader
}

// Key is what one file is encrypted with, and the header that says it to who may
// decrypt.
type Key struct {
	header []byte // with the payload's nonce
	key    []byte
}

// capture sees the file key on its way to a recipient.
type capture struct {
	age.Recipient
	fileKey []byte
}

func (c *capture) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	c.fileKey = bytes.Clone(fileKey)
	return c.Recipient.Wrap(fileKey)
}

// WrapWithLabels passes on what a recipient says of the company that it bears.
func (c *capture) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	c.fileKey = bytes.Clone(fileKey)
	if r, ok := c.Recipient.(age.RecipientWithLabels); ok {
		return r.WrapWithLabels(fileKey)
	}
	stanzas, err := c.Recipient.Wrap(fileKey)
	return stanzas, nil, err
}

// Key makes the key of one file.
func (s *Sealer) Key() (*Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &capture{Recipient: s.recipients[0]}
	to := append([]age.Recipient{c}, s.recipients[1:]...)
	var header bytes.Buffer
	w, err := age.Encrypt(&header, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	k := &Key{header: bytes.Clone(header.Bytes())}
	_ = w.Close() // an empty payload that nobody reads
	if len(k.header) < nonceSize || s.header != 0 && len(k.header) != s.header {
		return nil, fmt.Errorf("encrypt: a header of %d bytes, not %d", len(k.header), s.header)
	}
	nonce := k.header[len(k.header)-nonceSize:]
	k.key, err = hkdf.Key(sha256.New, c.fileKey, nonce, "payload", chacha20poly1305.KeySize)
	return k, err
}

// Sealed reads a plain file as what it becomes. It is safe for concurrent use if
// the plain file is.
type Sealed struct {
	plain io.ReaderAt
	size  int64 // of plain
	key   *Key
}

// Seal reads plain, of size bytes, encrypted with k.
func (k *Key) Seal(plain io.ReaderAt, size int64) *Sealed {
	return &Sealed{plain: plain, size: size, key: k}
}

// Size is the length of what is read.
func (s *Sealed) Size() int64 { return int64(len(s.key.header)) + sealedPayload(s.size) }

var buffers = sync.Pool{New: func() any { b := make([]byte, 2*(chunk+overhead)); return &b }}

// ReadAt reads as io.ReaderAt does.
func (s *Sealed) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("sealed file: negative offset")
	}
	n := 0
	if h := int64(len(s.key.header)); off < h {
		n = copy(b, s.key.header[off:])
		off = h
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	aead, err := chacha20poly1305.New(s.key.key)
	if err != nil {
		return n, err
	}
	for n < len(b) {
		at := off - int64(len(s.key.header)) // in the payload
		if at >= sealedPayload(s.size) {
			return n, io.EOF
		}
		i, within := at/(chunk+overhead), at%(chunk+overhead)
		sealed, err := s.chunk(aead.Seal, i, *buf)
		if err != nil {
			return n, err
		}
		m := copy(b[n:], sealed[within:])
		n += m
		off += int64(m)
	}
	return n, nil
}

// chunk encrypts chunk i in buf, which holds two.
func (s *Sealed) chunk(seal func(dst, nonce, plain, extra []byte) []byte, i int64, buf []byte) ([]byte, error) {
	from := i * chunk
	plain := buf[:min(chunk, s.size-from)]
	if m, err := s.plain.ReadAt(plain, from); m < len(plain) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	var nonce [chacha20poly1305.NonceSize]byte
	binary.BigEndian.PutUint64(nonce[3:], uint64(i)) // 11 bytes, of which the first stay zero
	if from+int64(len(plain)) == s.size {
		nonce[11] = 1
	}
	return seal(buf[chunk+overhead:][:0], nonce[:], plain, nil), nil
}
