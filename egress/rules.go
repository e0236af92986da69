package egress

import (
	"fmt"
	"net/netip"
	"strings"
)

// SettingKey is where the allow list is stored among the settings, as a list of strings.
const SettingKey = "egress_allow"

// maxRules bounds an allow list: more is a mistake, and every connection reads it.
const maxRules = 256

// Rules are what an allow list permits beyond public addresses. The zero value permits nothing more. They are immutable.
type Rules struct {
	prefixes []netip.Prefix
	hosts    map[string]bool
}

// EntryError names the entry of an allow list that is not understood.
type EntryError struct {
	Index   int
	Entry   string
	Problem string
}

func (e *EntryError) Error() string { return fmt.Sprintf("%q %s", e.Entry, e.Problem) }

// Parse reads an allow list; it fails with *EntryError.
func Parse(allow []string) (Rules, error) {
	r := Rules{hosts: map[string]bool{}}
	if len(allow) > maxRules {
		return Rules{}, &EntryError{Index: maxRules, Entry: allow[maxRules], Problem: fmt.Sprintf("is one too many: at most %d are kept", maxRules)}
	}
	for i, entry := range allow {
		if err := r.add(strings.TrimSpace(entry)); err != "" {
			return Rules{}, &EntryError{Index: i, Entry: entry, Problem: err}
		}
	}
	return r, nil
}

func (r *Rules) add(entry string) (problem string) {
	if strings.Contains(entry, "/") {
		prefix, err := netip.ParsePrefix(entry)
		if err != nil {
			return "is no prefix like 10.20.0.0/16"
		}
		if prefix != prefix.Masked() {
			return "has bits set beyond its length; write " + prefix.Masked().String()
		}
		r.prefixes = append(r.prefixes, unmapPrefix(prefix))
		return ""
	}
	if addr, err := netip.ParseAddr(entry); err == nil {
		if addr.Zone() != "" {
			return "names a zone; leave out what follows %"
		}
		addr = addr.Unmap()
		r.prefixes = append(r.prefixes, netip.PrefixFrom(addr, addr.BitLen()))
		return ""
	}
	host := normal(entry)
	if !validHost(host) {
		return "is no address, prefix or host name"
	}
	r.hosts[host] = true
	return ""
}

// unmapPrefix turns ::ffff:a.b.c.d/n into its IPv4 form: addresses are compared in that form.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// normal is a host name as it is compared: lower case, without the dot that ends an absolute name.
func normal(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// validHost takes RFC 1123 names, with underscores as they are met in private zones. A last label of digits only would
// be an address that was written badly.
func validHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// Permit judges one connection: to the address addr, which the name host resolved to. It fails with *RefusedError.
func (r Rules) Permit(host string, addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	why, local := special(addr)
	if why == "" {
		return nil
	}
	for _, p := range r.prefixes {
		if p.Contains(addr) && (!local || linkLocal(p)) {
			return nil
		}
	}
	if !local && r.hosts[normal(host)] {
		return nil
	}
	return &RefusedError{Host: host, Addr: addr, Why: why}
}

// RefusedError says that a connection was not made, and why.
type RefusedError struct {
	Host string // as it was asked for
	Addr netip.Addr
	Why  string // what kind of address it is
}

func (e *RefusedError) Error() string {
	what := e.Addr.String()
	if e.Host != "" && e.Host != what {
		what = e.Host + " is " + what + ", which"
	}
	return fmt.Sprintf("%s is %s: Godwit connects there only when an administrator adds it to the setting %s", what, e.Why, SettingKey)
}
