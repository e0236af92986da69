package gcm

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// wide says that the processor and its system have all that the assembly uses.
var wide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ &&
	cpu.X86.HasAVX512VAES && cpu.X86.HasAVX512VPCLMULQDQ && cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ

const (
	// sums is how many blocks hash takes at most, the one before and the one after
	// the data included.
	sums = 128
	// runMost is the data of them.
	runMost = (sums - 2) * blockSize
	// run is what is hashed at once of longer data: after it and another block
	// there always is a whole one left.
	run = runMost - 14*blockSize
	// longest is what is encrypted here at most, far from the end of the counter.
	longest = 1 << 20
)

// vector is AES-GCM with the 512-bit instructions.
type vector struct {
	keys     [15 * blockSize]byte // of the rounds
	rounds   int
	tag      int                       // bytes
	powers   [sums*blockSize + 64]byte // of the hash key, the highest first, as hash wants them; then room to read
	standard cipher.AEAD               // for what is unusual
}

func newVector(key []byte, tagSize int, block cipher.Block, standard cipher.AEAD) cipher.AEAD {
	v := &vector{standard: standard, tag: tagSize, rounds: len(key)/4 + 6}
	v.expand(key)
	var h [blockSize]byte
	block.Encrypt(h[:], h[:])
	// In GHASH's order of bits a product comes out one place too far down: the
	// factor is moved up beforehand, modulo x¹²⁸ + x⁷ + x² + x + 1.
	hi, lo := binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])
	carry := -(hi >> 63)
	hi, lo = hi<<1|lo>>63, lo<<1
	hi ^= carry & 0xc200000000000000
	lo ^= carry & 1
	last := v.power(1)
	binary.LittleEndian.PutUint64(last[:], lo)
	binary.LittleEndian.PutUint64(last[8:], hi)
	for i := 2; i <= sums; i++ {
		multiply(v.power(i), v.power(i-1), last)
	}
	return v
}

// power is the place of the i-th power of the hash key.
func (v *vector) power(i int) *[blockSize]byte {
	return (*[blockSize]byte)(v.powers[(sums-i)*blockSize:])
}

// expand makes the keys of the rounds, FIPS 197 §5.2, in little-endian words.
func (v *vector) expand(key []byte) {
	copy(v.keys[:], key)
	n := len(key) / 4
	rcon := uint32(1)
	for i := n; i < 4*(v.rounds+1); i++ {
		w := binary.LittleEndian.Uint32(v.keys[4*i-4:])
		switch {
		case i%n == 0:
			w = substitute(bits.RotateLeft32(w, -8)) ^ rcon
			rcon = rcon<<1 ^ rcon>>7*0x11b
		case n > 6 && i%n == 4:
			w = substitute(w)
		}
		binary.LittleEndian.PutUint32(v.keys[4*i:], w^binary.LittleEndian.Uint32(v.keys[4*(i-n):]))
	}
}

// NonceSize is 12.
func (v *vector) NonceSize() int { return nonceSize }

// Overhead is the length of a tag.
func (v *vector) Overhead() int { return v.tag }

// usual reports whether a message is one for the assembly; the standard library
// takes others, or panics as cipher.AEAD says.
func usual(nonce, text, additional, out []byte) bool {
	return len(nonce) == nonceSize && len(additional) <= blockSize && len(text) <= longest && !crossing(text, out)
}

// crossing reports whether a and b overlap without beginning at the same byte.
func crossing(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 || &a[0] == &b[0] {
		return false
	}
	p, q := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return p <= q+uintptr(len(b)-1) && q <= p+uintptr(len(a)-1)
}

// Seal is that of cipher.AEAD.
func (v *vector) Seal(dst, nonce, text, additional []byte) []byte {
	ret, out := extend(dst, len(text)+v.tag)
	if !usual(nonce, text, additional, out) {
		return v.standard.Seal(dst, nonce, text, additional)
	}
	var counter, mask [blockSize]byte
	copy(counter[:], nonce)
	counter[nonceSize] = 1
	crypt(unsafe.SliceData(out), unsafe.SliceData(text), len(text), &v.keys, v.rounds, &counter, &mask)
	sealed, tag := out[:len(text)], out[len(text):]
	sum := v.sum(sealed, additional)
	subtle.XORBytes(tag, sum[:v.tag], mask[:])
	return ret
}

var errOpen = errors.New("message authentication failed")

// Open is that of cipher.AEAD.
func (v *vector) Open(dst, nonce, sealed, additional []byte) ([]byte, error) {
	if len(sealed) < v.tag {
		return nil, errOpen
	}
	text, tag := sealed[:len(sealed)-v.tag], sealed[len(sealed)-v.tag:]
	ret, out := extend(dst, len(text))
	if !usual(nonce, text, additional, out) || crossing(tag, out) {
		return v.standard.Open(dst, nonce, sealed, additional)
	}
	var counter, mask [blockSize]byte
	copy(counter[:], nonce)
	counter[nonceSize] = 1
	sum := v.sum(text, additional)
	crypt(nil, nil, 0, &v.keys, v.rounds, &counter, &mask)
	subtle.XORBytes(sum[:], sum[:], mask[:])
	if subtle.ConstantTimeCompare(sum[:v.tag], tag) != 1 {
		return nil, errOpen
	}
	crypt(unsafe.SliceData(out), unsafe.SliceData(text), len(text), &v.keys, v.rounds, &counter, &mask)
	return ret, nil
}

// sum is GHASH of the additional data, at most a block, the sealed text and their
// lengths.
func (v *vector) sum(sealed, additional []byte) (sum [blockSize]byte) {
	var last [blockSize]byte
	copy(sum[:], additional)
	n := len(sealed)
	for len(sealed) > runMost {
		copy(last[:], sealed[run:])
		hash(&sum, &v.powers, unsafe.SliceData(sealed), run, &last)
		sealed = sealed[run+blockSize:]
		subtle.XORBytes(sum[:], sum[:], sealed[:blockSize])
		sealed = sealed[blockSize:]
	}
	binary.BigEndian.PutUint64(last[:], uint64(len(additional))*8)
	binary.BigEndian.PutUint64(last[8:], uint64(n)*8)
	hash(&sum, &v.powers, unsafe.SliceData(sealed), len(sealed), &last)
	return sum
}

// extend returns b with n bytes more, and these.
func extend(b []byte, n int) (all, added []byte) {
	if cap(b)-len(b) >= n {
		all = b[:len(b)+n]
	} else {
		all = make([]byte, len(b)+n)
		copy(all, b)
	}
	return all, all[len(b):]
}

// crypt encrypts or decrypts n bytes with the blocks that follow counter, whose last
// four bytes count in little-endian, and sets mask to the block of counter itself.
//
//go:noescape
func crypt(dst, src *byte, n int, keys *[15 * blockSize]byte, rounds int, counter, mask *[blockSize]byte)

// hash multiplies and adds, for n bytes in m blocks, runMost at most, the last one
// filled up with zeros: sum = sum·H^(m+2) + block·H^(m+1) + … + block·H² + last·H.
//
//go:noescape
func hash(sum *[blockSize]byte, powers *[sums*blockSize + 64]byte, data *byte, n int, last *[blockSize]byte)

// multiply sets z to the next power of the hash key after x, y being the first.
//
//go:noescape
func multiply(z, x, y *[blockSize]byte)

// substitute is the S-box on each byte.
func substitute(w uint32) uint32
