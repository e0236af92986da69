package flow

import (
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/wire"
)

// Sizes of UDP payloads.
const (
	// MTU4 fills a 1,500-byte IPv4 packet, MTU6 an IPv6 one.
	MTU4 = 1472
	MTU6 = 1452
	// SafeMTU passes everywhere (RFC 8899 §5.1.2: 1,280 less IPv6 and UDP
	// headers); a flow falls back to it when larger datagrams vanish.
	SafeMTU = 1232
)

// Forever is the deadline of a flow that waits for nothing.
const Forever = time.Duration(1<<63 - 1)

// Config describes one end of a flow. Both ends need the same ConnID, Suite
// and secrets; SendSecret of one is RecvSecret of the other.
type Config struct {
	ConnID wire.ConnID
	Suite  Suite
	// 32 bytes each, from the exporter of the control connection. Keys are derived from them.
	SendSecret, RecvSecret []byte

	// Peer is where to send. A node leaves it zero and learns it from the
	// first authentic datagram.
	Peer netip.AddrPort
	// Trusted says that this side chose Peer itself (a client): it needs no
	// challenge and never moves.
	Trusted bool
	// Proven says that Peer has proved before that it receives what is sent there. It
	// may move.
	Proven bool

	// MTU is the largest UDP payload to send; 0 begins with MTU4, or MTU6 for an
	// IPv6 Peer, and looks for what the path carries.
	MTU int
	// RTT is a first estimate, such as the control connection's; 0: 100 ms.
	RTT time.Duration

	// Rates in bit/s of IP packets. 0: no limit, or for InitialRate 32 packets per RTT.
	Policy                           congestion.Policy
	TargetRate, MinRate, InitialRate float64

	// Resume is what is known of the path from earlier flows, and KnownMTU the UDP
	// payload that passed; zero values are nothing. A KnownMTU that is smaller than
	// what MTU says is begun with; a larger one is looked for as ever.
	Resume   congestion.Resume
	KnownMTU int

	// Group are the flows, this one included, that share what one alone would take of
	// a path; nil: it is alone.
	Group *congestion.Group
	// Follows says that another of them tries the path, and this one hears by
	// Sender.Follow what it carries.
	Follows bool

	// Parity is how many bytes the receiver holds, both of the end of what is sent
	// and of parity for it: see package parity. 0: none, it knows no parity.
	Parity int64

	// Epoch is the time of day, since 1970, at which the moments that the flow is
	// told were zero: see congestion.Config.
	Epoch time.Duration

	// Rand supplies challenges; nil is crypto/rand.
	Rand io.Reader
}

// Source supplies payloads. Its methods are called from inside the Sender's.
type Source interface {
	// Fill writes the payload of the next packet to buf and returns its length
	// and a token to know it by. len(buf) changes when the path's MTU does.
	// n == 0 says that there is nothing to send for now: the flow asks again
	// after a loss or after Wake.
	Fill(now time.Duration, buf []byte) (n int, token uint64)
	// Repeat writes the same content as Fill did for this token, for a
	// redundant copy when the flow has nothing else to send. It returns 0 when
	// it cannot, or when the content fits no longer. The fate of the token is
	// reported once, whichever copy arrives.
	Repeat(now time.Duration, token uint64, buf []byte) (n int)
	// Acked says that the payload was taken by the Sink.
	Acked(token uint64)
	// Lost says that it probably was not. Acked may still follow.
	Lost(token uint64)
	// Left is how many bytes of payload are still to be filled, but for small
	// change, before the source has nothing for good; negative: nobody knows.
	Left() int64
}

// Sink takes payloads.
type Sink interface {
	// Deliver is called once for each packet, in order of arrival, which may
	// not be the order of sending. payload is valid during the call. An error
	// leaves the packet unacknowledged, as if it had not arrived, and is
	// returned by HandleDatagram.
	Deliver(now time.Duration, payload []byte) error
}

// Errors of HandleDatagram: the datagram was dropped without any other effect.
var (
	ErrForeign = errors.New("datagram of another flow")
	ErrReplay  = errors.New("datagram seen before or too old")
	ErrAuth    = errors.New("datagram not authentic")
)

func (c *Config) mtu() int {
	usual := MTU4
	switch {
	case c.MTU > 0:
		return min(max(c.MTU, SafeMTU), wire.MaxDatagram)
	case c.Peer.Addr().Is6() && !c.Peer.Addr().Is4In6():
		usual = MTU6
	}
	if c.KnownMTU > 0 {
		return min(max(c.KnownMTU, SafeMTU), usual)
	}
	return usual
}

// packetOverhead is what IP and UDP add to a datagram to the given address.
func packetOverhead(a netip.Addr) int {
	if a.Is6() && !a.Is4In6() {
		return 48
	}
	return 28
}
