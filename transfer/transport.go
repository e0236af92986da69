package transfer

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
