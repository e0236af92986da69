// Package egress is the one way out: every connection that Godwit makes to an address that somebody typed in (webhooks,
// mail servers, sign-in providers) is dialled here.
//
// It promises that a connection is made only to a public address, or to one that the administrator has allowed. The
// address is looked at after the name was resolved, at the moment of connecting, so that a name which answers
// differently the second time (DNS rebinding) gains nothing, and a redirect is checked like any other connection.
// Proxies from the environment are not used: behind one nobody could tell where a connection ends.
//
// Loopback, private, shared (100.64.0.0/10), link-local, multicast, reserved and documentation ranges are refused, and
// IPv6 forms that carry an IPv4 address are judged by the address they carry. The allow list holds prefixes
// ("10.20.0.0/16"), addresses and host names. A host name opens whatever it resolves to, except link-local addresses:
// the metadata services of clouds live there, and only a prefix within the link-local range opens those.
package egress
