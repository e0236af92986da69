package egress

import "net/netip"

// reserved are the ranges that a public service never has, from IANA's special-purpose address registries (RFC 6890 and
// its updates). Loopback, private, link-local and multicast are net/netip's to tell.
var reserved = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "of this network only"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared address space"}, // and some clouds' metadata
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a relay of 6to4"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("2001::/23"), "reserved for protocols"}, // Teredo among them
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
}

var (
	global6   = netip.MustParsePrefix("2000::/3")     // all of IPv6 that is public so far
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last four bytes are an IPv4 address
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056: bytes 2 to 5 are one
)

// special says what kind of address a is when it is no public one; "" for a public one. local: it is link-local.
func special(a netip.Addr) (why string, local bool) {
	switch {
	case !a.IsValid():
		return "no address", false
	case a.IsUnspecified():
		return "no address of anybody", false
	case a.IsLoopback():
		return "a loopback address", false
	case a.IsLinkLocalUnicast():
		return "a link-local address, where clouds keep their metadata", true
	case a.IsMulticast():
		return "a multicast address", false
	case a.IsPrivate():
		return "a private address", a == metadata6
	}
	if inner, ok := carried(a); ok {
		return special(inner)
	}
	if a.Is6() && !global6.Contains(a) {
		return "not a public address", false
	}
	for _, r := range reserved {
		if r.prefix.Contains(a) {
			return r.why, false
		}
	}
	return "", false
}

// metadata6 is EC2's metadata service over IPv6: a private address, but as dangerous as a link-local one.
var metadata6 = netip.MustParseAddr("fd00:ec2::254")

// linkLocal tells a prefix that an administrator can only have meant for such addresses.
func linkLocal(p netip.Prefix) bool {
	return p.Addr().IsLinkLocalUnicast() && (p.Addr().Is4() && p.Bits() >= 16 || p.Addr().Is6() && p.Bits() >= 10) ||
		p.Addr() == metadata6 && p.Bits() == 128
}

// carried returns the IPv4 address inside an IPv6 one that a gateway would translate.
func carried(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}
