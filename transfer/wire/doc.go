// Package wire is the layout of Godwit's datagrams: the clear header, the
// control frames inside the sealed part, and the Batch that carries datagrams
// to a socket or a simulator.
//
// A datagram is a 9-byte header, a sealed body and its tag, of 12 bytes for
// AES-GCM and 16 for ChaCha20-Poly1305:
//
//	 0      1               4            7         9
//	+------+---------------+------------+---------+----------------+-----+
//	| kind | connection id | packet no. | sent at | sealed body    | tag |
//	+------+---------------+------------+---------+----------------+-----+
//
// Each byte here costs every transfer 0.07 % of its rate, so there are no more
// than it takes. All numbers are big endian. The packet number is the low 24 bits
// of a 64-bit counter per direction that is never reused; no more than 2²² packets
// are under way, so that 2²³ on either side tell which is meant. "Sent at" is the
// sender's clock in units of 16 µs modulo 2¹⁶ (1.05 s), from which the receiver
// derives changes of the one-way delay from one datagram to the next. The header
// is authenticated as associated data.
//
// The body of a data datagram belongs to the layer above. The body of a
// control datagram is a sequence of frames, see Control; that of a parity
// datagram is described by package parity.
//
// Parsing never panics, never allocates per datagram, and never trusts a count
// that it has not checked against the bytes at hand.
package wire
