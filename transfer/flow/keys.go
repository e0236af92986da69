package flow

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/godwit/godwit/transfer/gcm"
	"github.com/godwit/godwit/transfer/wire"
)

// Suite is the cipher of a flow's datagrams.
type Suite uint8

// The suites. All have 96-bit nonces. AES-GCM has tags of 96 bits, the least that NIST SP
// 800-38D allows for any use: a forged datagram of a hundred blocks passes for an
// authentic one with a chance of 2⁻⁸⁹, and a key is in use for 2²³ of them. Poly1305
// has 128.
const (
	AES128GCM Suite = iota
	AES256GCM
	ChaCha20Poly1305
)

var suiteNames = [...]string{"aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"}

// String returns the name that configurations use.
func (s Suite) String() string {
	if int(s) < len(suiteNames) {
		return suiteNames[s]
	}
	return fmt.Sprintf("suite(%d)", uint8(s))
}

// ParseSuite is the inverse of String.
func ParseSuite(name string) (Suite, error) {
	for i, n := range suiteNames {
		if n == name {
			return Suite(i), nil
		}
	}
	return AES128GCM, fmt.Errorf("unknown cipher %q: use aes-128-gcm, aes-256-gcm or chacha20-poly1305", name)
}

// epochBits: keys change every 2²³ packets, RFC 9001 §6.6's confidentiality
// limit for AES-GCM. The epoch is the packet number's upper part, so that a
// change needs no signal.
const epochBits = 23

// SecretSize is the length of a direction's secret.
const SecretSize = 32

// keys are one direction's: those of the newest epoch in use, of the one before,
// where late packets belong, and of the next. Only an authentic packet moves them
// on: whoever could do so with a forged number would lock the peer out.
type keys struct {
	suite  Suite
	extra  int         // bytes of a datagram that are not its body
	secret []byte      // of the epoch after those in the ring
	newest uint64      // epoch in use
	ring   [3]epochKey // by epoch mod 3
	nonce  [12]byte
}

type epochKey struct {
	epoch uint64
	aead  cipher.AEAD
	iv    [12]byte
}

func newKeys(suite Suite, secret []byte) (*keys, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("data secret has %d bytes, want %d", len(secret), SecretSize)
	}
	k := &keys{suite: suite, secret: append([]byte(nil), secret...)}
	if err := k.derive(0); err != nil {
		return nil, err
	}
	return k, k.derive(1)
}

func (k *keys) derive(epoch uint64) error {
	size := 32
	if k.suite == AES128GCM {
		size = 16
	}
	material, err := hkdf.Expand(sha256.New, k.secret, "godwit/1 data key", size+12)
	if err != nil {
		return fmt.Errorf("data key: %w", err)
	}
	e := epochKey{epoch: epoch}
	copy(e.iv[:], material[size:])
	switch k.suite {
	case AES128GCM, AES256GCM:
		if e.aead, err = gcm.New(material[:size], wire.TagSize); err != nil {
			return fmt.Errorf("data key: %w", err)
		}
	case ChaCha20Poly1305:
		if e.aead, err = chacha20poly1305.New(material[:size]); err != nil {
			return fmt.Errorf("data key: %w", err)
		}
	default:
		return fmt.Errorf("data key: unknown %v", k.suite)
	}
	k.ring[epoch%3] = e
	k.extra = wire.HeaderSize + e.aead.Overhead()
	next, err := hkdf.Expand(sha256.New, k.secret, "godwit/1 next secret", SecretSize)
	if err != nil {
		return fmt.Errorf("next secret: %w", err)
	}
	k.secret = next // the old one is gone: a stolen key opens no earlier epoch
	return nil
}

// at returns the key of a packet, or nil when its epoch is out of reach: more
// than one before or after the newest in use.
func (k *keys) at(number uint64) *epochKey {
	epoch := number >> epochBits
	if e := &k.ring[epoch%3]; e.aead != nil && e.epoch == epoch {
		return e
	}
	return nil
}

// used says that the packet is this end's own or authentic.
func (k *keys) used(number uint64) {
	if number>>epochBits != k.newest+1 {
		return
	}
	k.newest++
	// Derived keys always work; an error would have shown at construction.
	_ = k.derive(k.newest + 1)
}

func (k *keys) prepare(e *epochKey, number uint64) []byte {
	k.nonce = e.iv
	n := binary.BigEndian.Uint64(k.nonce[4:]) ^ number
	binary.BigEndian.PutUint64(k.nonce[4:], n)
	return k.nonce[:]
}

// seal encrypts b[HeaderSize:HeaderSize+n] in place and appends the tag;
// b needs room for it. It returns the datagram's size.
func (k *keys) seal(h wire.Header, number uint64, b []byte, n int) int {
	h.Put(b)
	e := k.at(number)
	body := b[wire.HeaderSize : wire.HeaderSize+n]
	e.aead.Seal(body[:0], k.prepare(e, number), body, b[:wire.HeaderSize])
	k.used(number)
	return n + k.extra
}

// open decrypts a datagram in place and returns its body.
func (k *keys) open(number uint64, b []byte) ([]byte, bool) {
	e := k.at(number)
	if e == nil || len(b) < k.extra {
		return nil, false
	}
	sealed := b[wire.HeaderSize:]
	body, err := e.aead.Open(sealed[:0], k.prepare(e, number), sealed, b[:wire.HeaderSize])
	if err != nil {
		return nil, false
	}
	k.used(number)
	return body, true
}
