// Package control is the language of a session's control connection: frames
// of a type, a length and a body, over a reliable byte stream such as TLS.
//
// What is rare and grows (greetings, lists, endings) has a JSON body, in which
// unknown fields are ignored, so that versions one apart understand each
// other. What is frequent (progress, verdicts, have-lists) has a binary body
// of varints. No body exceeds [MaxBody]; a frame that does, or that does not
// parse, ends the session.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version of the protocol, in Hello and Accept.
const Version = 1

// MaxBody bounds the body of a frame in bytes.
const MaxBody = 1 << 20

// Type is the first byte of a frame.
type Type uint8

// The frame types. Values never change meaning.
const (
	TypeHello    Type = 1  // client: who and what
	TypeAccept   Type = 2  // node: go ahead
	TypeClose    Type = 3  // either: refusal, failure or goodbye; the last frame
	TypeEntries  Type = 4  // node: one page of a listing
	TypeEntry    Type = 5  // sender: an object whose record fits no datagram
	TypeHave     Type = 6  // receiver: what it has of an object
	TypeVerdicts Type = 7  // receiver: how objects ended
	TypeProgress Type = 8  // receiver: how much arrived and how much waits
	TypeTotals   Type = 9  // sender: what the scan found so far
	TypeTrouble  Type = 10 // sender: a source that cannot be sent
	TypeFinish   Type = 11 // sender: all was sent once
	TypeFinished Type = 12 // receiver: all is durable
	TypeMove     Type = 13 // node: go on elsewhere
	TypeRate     Type = 14 // client: wants another rate or policy
	TypePing     Type = 15 // either: alive
	TypeWithdraw Type = 16 // sender: forget this object
	TypeNames    Type = 17 // client: names that its hello announced
	TypeRemoved  Type = 18 // node: what a prune removed
)

// ErrMalformed is in the chain of every parse error.
var ErrMalformed = errors.New("malformed control frame")

const headerSize = 4

// Append adds a frame to dst. It panics on a body above MaxBody: senders
// split.
func Append(dst []byte, t Type, body []byte) []byte {
	if len(body) > MaxBody {
		panic(fmt.Sprintf("control: frame %d of %d bytes", t, len(body)))
	}
	n := len(body)
	dst = append(dst, byte(t), byte(n>>16), byte(n>>8), byte(n))
	return append(dst, body...)
}

// Size is how long a frame with such a body is.
func Size(body int) int { return headerSize + body }

// Cut returns the first frame of b, in place; false: it is not all there.
func Cut(b []byte) (t Type, body []byte, ok bool, err error) {
	if len(b) < headerSize {
		return 0, nil, false, nil
	}
	n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	if n > MaxBody {
		return 0, nil, false, fmt.Errorf("%w: %d bytes, at most %d", ErrMalformed, n, MaxBody)
	}
	if len(b) < headerSize+n {
		return 0, nil, false, nil
	}
	return Type(b[0]), b[headerSize : headerSize+n : headerSize+n], true, nil
}

// SetLength changes the length in the header of a frame whose body was added
// after Append.
func SetLength(header []byte, n int) {
	header[1], header[2], header[3] = byte(n>>16), byte(n>>8), byte(n)
}

// AppendJSON adds a frame with v as its body. A body above MaxBody is an
// error.
func AppendJSON(dst []byte, t Type, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	if len(body) > MaxBody {
		return dst, fmt.Errorf("control message of %d bytes is too long, at most %d", len(body), MaxBody)
	}
	return Append(dst, t, body), nil
}

// Reader reads frames.
type Reader struct {
	r      io.Reader
	header [headerSize]byte
	body   []byte
}

// NewReader reads frames from r, which is best buffered.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next returns the next frame. body is valid until the next call. A stream
// that ends between frames is io.EOF, within one io.ErrUnexpectedEOF.
func (r *Reader) Next() (t Type, body []byte, err error) {
	if _, err := io.ReadFull(r.r, r.header[:]); err != nil {
		return 0, nil, err
	}
	n := int(r.header[1])<<16 | int(r.header[2])<<8 | int(r.header[3])
	if n > MaxBody {
		return 0, nil, fmt.Errorf("%w: %d bytes, at most %d", ErrMalformed, n, MaxBody)
	}
	if cap(r.body) < n {
		r.body = make([]byte, n, max(n, 4096))
	}
	r.body = r.body[:n]
	if _, err := io.ReadFull(r.r, r.body); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return Type(r.header[0]), r.body, nil
}

// ParseJSON reads a JSON body into v.
func ParseJSON(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}
