// Package wire is the layout of Godwit's datagrams: the clear header, the
// control frames inside the sealed part, and the Batch that carries datagrams
// to a socket or a simulator.
//
// A datagram is a 12-byte header, a sealed body and a 16-byte tag:
//
//	 0      1              5              9        12
//	+------+--------------+--------------+---------+----------------+-----+
//	| kind | connection id| packet no.   | sent at | sealed body    | tag |
//	+------+--------------+--------------+---------+----------------+-----+
//
// All numbers are big endian. The packet number is the low 32 bits of a 64-bit
// counter per direction that is never reused. "Sent at" is the sender's clock
// in units of 4 µs modulo 2²⁴ (67 s), from which the receiver derives changes
// of the one-way delay. The header is authenticated as associated data.
//
// The body of a data datagram belongs to the layer above. The body of a
// control datagram is a sequence of frames, see Control; that of a parity
// datagram is described by package parity.
//
// Parsing never panics, never allocates per datagram, and never trusts a count
// that it has not checked against the bytes at hand.
package wire
