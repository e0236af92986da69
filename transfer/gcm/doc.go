// Package gcm is AES-GCM for datagrams, faster than the standard library's where the
// processor has 512-bit AES and carry-less multiplication (VAES, VPCLMULQDQ: servers
// since 2019, desktops of today); elsewhere, and for whatever is no short message,
// it is the standard library's.
//
// What it computes is the same to the bit: GCM of NIST SP 800-38D with nonces of 12
// bytes. There are no tables that the key or the data index and no
// branches on either, so time tells nothing of them. Both directions of each length
// are tested against the standard library, which a fuzz target goes on with; and each
// process compares a few messages before it trusts its processor. GODEBUG=cpu.avx512f=off
// switches all of it off.
//
// Two things make it fast. Four blocks are encrypted by one instruction, sixteen in
// flight. And the powers of the hash key up to the 128th are kept, so that the
// authentication of a datagram is one sum of products without a chain in it, and
// with one reduction at its end.
package gcm
