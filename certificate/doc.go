// Package certificate is about the certificates that nodes show to clients which
// look for them by name. Pair checks what people bring; an Issuer orders them from
// an authority that speaks ACME (RFC 8555), and renews them in time.
//
// One issuer works at a time: the leader's. It proves that it holds a name by a
// text in the zone that the manager publishes the name in (DNS-01, RFC 8555,
// section 8.4), or, for those that have no such zone, where the name leads to
// (HTTP-01, section 8.3). Texts stand in the state store while they are needed,
// since every manager's DNS server and nodes must answer with them. So do, sealed,
// the account's key and each certificate with its key: a manager that starts, or
// takes over, has them at once and orders nothing that is there. An order ends with
// the leadership of who began it.
//
// A certificate is renewed when a third of its life is left. What fails is tried
// again after growing pauses, which outlast restarts: authorities count failures.
// Meanwhile nodes keep what they have.
package certificate
