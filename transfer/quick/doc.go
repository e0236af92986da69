// Package quick carries the first words of a session in one round trip after
// the first datagram: a QUIC connection with a single stream, on which a client
// asks and a node answers, and whose TLS exporter both ends draw keys from.
//
// It is a short cut and no transport: nothing depends on it. TCP and TLS set out
// at the same time, and whoever finds QUIC refused, lost or late goes on without.
// So a node may be as strict as it likes:
//
//   - It shares the UDP port of a [packetio.Listener]. What names no open port
//     there and looks like QUIC comes here, under a budget (see gate); all else is
//     dropped as before. The path of a session's own datagrams is the same.
//   - So many connections are open at a time, each with bounded memory and for
//     seconds only. When many are, a client first proves its address (Retry);
//     when too many are, handshakes are dropped unread.
//   - Before a client has proved its address, it is sent at most three times what
//     came from there (RFC 9000, 8.1). There are no stateless resets and no
//     version negotiation, which would answer anybody.
//   - Nothing is taken from 0-RTT data, and there is no resumption.
package quick
