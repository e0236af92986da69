package notary

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	// Lifetime is how long a note is good for: longer than a greeting may take.
	Lifetime = 15 * time.Second

	// QuestionSize and AnswerSize are the bytes of the two datagrams.
	QuestionSize = 64
	AnswerSize   = prefixSize + NonceSize + NoteSize

	// NonceSize is the size of what tells a client that an answer is its own.
	NonceSize = 8
	// NoteSize is the size of a note: seconds, address, port, MAC.
	NoteSize = 4 + 16 + 2 + macSize

	macSize    = 16
	prefixSize = 8

	// A note costs a microsecond or two and a system call: this budget is a
	// hundredth of a core.
	perSecond, atOnce = 2000, 512
)

// The first byte has neither bit that a QUIC packet begins with, nor is it a kind
// of package wire.
var (
	question = [prefixSize]byte{0x20, 'w', 'h', 'e', 'r', 'e', '?', 1}
	answer   = [prefixSize]byte{0x21, 'h', 'e', 'r', 'e', '.', ' ', 1}
)

// Notary makes notes and knows its own. Answer is for one goroutine at a time;
// Address is safe for concurrent use.
type Notary struct {
	key [32]byte
	now func() time.Time

	left float64
	last time.Time
}

// New returns a notary with a key of its own.
func New(now func() time.Time) *Notary {
	n := &Notary{now: now, left: atOnce, last: now()}
	_, _ = rand.Read(n.key[:]) // never fails
	return n
}

// Answer appends the answer to a datagram that came from an address. ok: it was a
// question and is to be answered.
func (n *Notary) Answer(dst []byte, from netip.AddrPort, d []byte) (out []byte, ok bool) {
	if len(d) != QuestionSize || [prefixSize]byte(d) != question || !n.affords() {
		return dst, false
	}
	dst = append(dst, answer[:]...)
	dst = append(dst, d[prefixSize:prefixSize+NonceSize]...)
	return n.note(dst, from), true
}

func (n *Notary) affords() bool {
	now := n.now()
	if d := now.Sub(n.last); d > 0 {
		n.left, n.last = min(n.left+perSecond*d.Seconds(), atOnce), now
	}
	if n.left < 1 {
		return false
	}
	n.left--
	return true
}

func (n *Notary) note(dst []byte, at netip.AddrPort) []byte {
	begin := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n.now().Unix()))
	ip := at.Addr().As16()
	dst = append(dst, ip[:]...)
	dst = binary.BigEndian.AppendUint16(dst, at.Port())
	return append(dst, n.mac(dst[begin:])...)
}

func (n *Notary) mac(b []byte) []byte {
	m := hmac.New(sha256.New, n.key[:])
	m.Write(b)
	return m.Sum(nil)[:macSize]
}

// Address is where whoever shows the note has received it, not long ago; not ok:
// the note says nothing.
func (n *Notary) Address(note []byte) (at netip.AddrPort, ok bool) {
	if len(note) != NoteSize {
		return at, false
	}
	told := note[:NoteSize-macSize]
	if !hmac.Equal(n.mac(told), note[len(told):]) {
		return at, false
	}
	age := int64(int32(uint32(n.now().Unix()) - binary.BigEndian.Uint32(told)))
	if age < 0 || age > int64(Lifetime/time.Second) {
		return at, false
	}
	ip := netip.AddrFrom16([16]byte(told[4:])).Unmap()
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(told[20:])), true
}

// Nonce is what a client's questions and their answers have in common.
type Nonce [NonceSize]byte

// NewNonce draws one.
func NewNonce() (c Nonce) {
	_, _ = rand.Read(c[:]) // never fails
	return c
}

// Question fills b, of QuestionSize bytes, with the question.
func (c Nonce) Question(b []byte) {
	clear(b[:QuestionSize])
	copy(b, question[:])
	copy(b[prefixSize:], c[:])
}

// Note returns the note in an answer to this client's question; not ok: the
// datagram is none. The note is part of d.
func (c Nonce) Note(d []byte) (note []byte, ok bool) {
	if len(d) != AnswerSize || !bytes.Equal(d[:prefixSize], answer[:]) || !bytes.Equal(d[prefixSize:prefixSize+NonceSize], c[:]) {
		return nil, false
	}
	return d[prefixSize+NonceSize:], true
}
