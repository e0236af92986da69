package transfer

import (
	"time"

	"github.com/godwit/godwit/transfer/pathbook"
)

// Transport is what the data of a session ride.
type Transport string

// The transports. As a wish, the empty one means UDP, and the control
// connection for as long as datagrams do not get through.
const (
	TransportAuto Transport = ""
	TransportUDP  Transport = "udp" // datagrams, never anything else
	TransportTCP  Transport = "tcp" // the control connection, always
	TransportSSH  Transport = "ssh" // no wish: the control connection is carried over ssh
)

// Valid reports whether t is a known wish.
func (t Transport) Valid() bool { return oneOf(t, TransportAuto, TransportUDP, TransportTCP) }

// Path is what a live session knows of the way between its ends.
type Path struct {
	Node      string        // by name, id or address
	Transport Transport     // what data ride now
	Connect   time.Duration // round trip of the control connection, at its set-up
	RTT       time.Duration // of data, smoothed; of a pull, Connect
	Loss      float64       // share of datagrams, 0 to 1
	Datagram  int           // UDP payload bytes of the datagrams; 0: there are none
	Flows     int           // that carry the data; 0: the control connection does
	Wire      int64         // bytes so far, as UDP and IP or the control connection carry them

	Before *pathbook.Path // what was remembered of it when the session began; nil: nothing
}

// Path returns the figures of the live session; false between sessions.
func (t *Transfer) Path() (Path, bool) {
	t.mu.Lock()
	s := t.session
	t.mu.Unlock()
	if s == nil {
		return Path{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.figures(s.now())
	var before *pathbook.Path
	if s.known.met {
		before = &s.known.path
	}
	return Path{
		Before: before,
		Node:   s.peer, Transport: s.via.now, Connect: s.rtt, RTT: f.rtt, Loss: f.loss, Datagram: f.mtu, Flows: s.carriers(), Wire: f.sent,
	}, true
}
