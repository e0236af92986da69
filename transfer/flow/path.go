package flow

import (
	"io"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

const (
	amplification  = 3 // bytes out per byte in before an address is proven (RFC 9000 §8.1)
	challengeEvery = 100 * time.Millisecond
	pathPatience   = 2 * time.Second // after which an unproven new address is given up for the proven one
)

// path is where the peer is and whether that is proven.
type path struct {
	addr    netip.AddrPort
	trusted bool // chosen by this side: never moves
	proven  bool
	last    netip.AddrPort // last proven address, to return to
	since   time.Duration  // when addr was adopted

	in, out   int // bytes from and to addr while it is unproven
	challenge wire.Token
	next      time.Duration // when to challenge again
	moves     uint64

	response wire.Token // to echo
	respond  int        // how many more times: datagrams get lost

	rand io.Reader
}

func newPath(cfg *Config) path {
	p := path{addr: cfg.Peer, trusted: cfg.Trusted, proven: cfg.Trusted || cfg.Proven, rand: cfg.Rand}
	if cfg.Proven {
		p.last = cfg.Peer
	}
	return p
}

// received accounts for an authentic datagram; newest says that it carries the
// highest packet number so far, which alone may move the path.
func (p *path) received(now time.Duration, from netip.AddrPort, size int, newest bool) {
	if p.trusted {
		return
	}
	if from != p.addr && (newest || !p.addr.IsValid()) {
		p.adopt(now, from)
	}
	if from == p.addr && !p.proven {
		p.in += size
	}
}

func (p *path) adopt(now time.Duration, to netip.AddrPort) {
	if p.proven {
		p.last = p.addr
	}
	if p.addr.IsValid() {
		p.moves++
	}
	p.addr, p.since = to, now
	p.in, p.out, p.next = 0, 0, now
	p.proven = to == p.last
	if !p.proven {
		// crypto/rand does not fail; a test's reader that does leaves the old token.
		_, _ = io.ReadFull(p.rand, p.challenge[:])
	}
}

// prove takes the echo of a challenge.
func (p *path) prove(from netip.AddrPort, t wire.Token) {
	if !p.proven && from == p.addr && t == p.challenge {
		p.proven, p.last = true, p.addr
	}
}

// tick gives up an address that does not answer.
func (p *path) tick(now time.Duration) {
	if !p.proven && p.last.IsValid() && now-p.since > pathPatience {
		p.addr, p.proven = p.last, true
	}
}

// allowed reports whether a datagram of size bytes may go out.
func (p *path) allowed(size int) bool {
	return p.addr.IsValid() && (p.proven || p.out+size <= amplification*p.in)
}

func (p *path) sent(size int) {
	if !p.proven {
		p.out += size
	}
}

// deadline is when a challenge is due.
func (p *path) deadline() time.Duration {
	if p.respond > 0 {
		return 0
	}
	if p.proven || !p.addr.IsValid() || p.out+challengeRoom > amplification*p.in {
		return Forever
	}
	return p.next
}

// challengeRoom is about what a datagram with a challenge takes.
const challengeRoom = 128

// append writes what the path needs to say.
func (p *path) append(now time.Duration, b []byte) []byte {
	if p.respond > 0 {
		p.respond--
		b = wire.AppendResponse(b, p.response)
	}
	if !p.proven && p.addr.IsValid() && now >= p.next {
		p.next = now + challengeEvery
		b = wire.AppendChallenge(b, p.challenge)
	}
	return b
}

// hear takes the path frames of a control datagram.
func (p *path) hear(from netip.AddrPort, c *wire.Control) {
	if c.HasChallenge {
		p.response, p.respond = c.Challenge, 2
	}
	if c.HasResponse {
		p.prove(from, c.Response)
	}
}

// budget is the size of the largest datagram that may go out.
func (p *path) budget() int {
	if p.proven {
		return wire.MaxDatagram
	}
	return amplification*p.in - p.out
}
