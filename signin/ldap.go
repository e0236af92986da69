package signin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/godwit/godwit/egress"
)

// LDAP is a directory. {name} in UserFilter and {dn} and {name} in GroupFilter stand for the person's.
type LDAP struct {
	URL            string // ldaps://host[:636], or ldap://host[:389] which must speak StartTLS
	BindDN         string // of the user that searches; empty: anonymous
	BindPassword   string
	UserBase       string
	UserFilter     string // "(uid={name})"
	NameAttribute  string // "uid"
	IDAttribute    string // "entryUUID"; Active Directory: "objectGUID"
	GroupBase      string // empty: groups are the values of memberOf
	GroupFilter    string // "(member={dn})"
	GroupAttribute string // "cn"
	Roots          *x509.CertPool
	Network        Network
}

// filled puts the usual values where there are none.
func (l LDAP) filled() LDAP {
	for field, usual := range map[*string]string{
		&l.UserFilter: "(uid={name})", &l.NameAttribute: "uid", &l.IDAttribute: "entryUUID", &l.GroupFilter: "(member={dn})", &l.GroupAttribute: "cn",
	} {
		if *field == "" {
			*field = usual
		}
	}
	return l
}

// Check says what is wrong with the configuration, field by field; "" for a good one.
func (l LDAP) Check() (field, problem string) {
	l = l.filled()
	if _, _, err := l.address(); err != nil {
		return "url", err.Error()
	}
	for field, filter := range map[string]string{"user_filter": l.UserFilter, "group_filter": l.GroupFilter} {
		if _, err := ldap.CompileFilter(fill(filter, "x", "x")); err != nil {
			return field, "is not an LDAP filter: " + err.Error()
		}
	}
	if !strings.Contains(l.UserFilter, "{name}") {
		return "user_filter", "does not hold {name}: it would find the same entry for everybody"
	}
	for field, dn := range map[string]string{"bind_dn": l.BindDN, "user_base": l.UserBase, "group_base": l.GroupBase} {
		if _, err := ldap.ParseDN(dn); err != nil {
			return field, "is not a distinguished name: " + err.Error()
		}
	}
	return "", ""
}

// fill puts what a person typed, or an entry's name, into a filter, escaped (RFC 4515).
func fill(filter, name, dn string) string {
	return strings.NewReplacer("{name}", ldap.EscapeFilter(name), "{dn}", ldap.EscapeFilter(dn)).Replace(filter)
}

func (l LDAP) address() (hostport string, encrypted bool, err error) {
	u, err := url.Parse(l.URL)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return "", false, errors.New("is not of the form ldaps://host or ldap://host, with or without a port")
	}
	port := u.Port()
	switch {
	case u.Scheme != "ldaps" && u.Scheme != "ldap":
		return "", false, errors.New("is neither ldaps:// nor ldap:// (which then starts TLS)")
	case port == "" && u.Scheme == "ldaps":
		port = ldap.DefaultLdapsPort
	case port == "":
		port = ldap.DefaultLdapPort
	}
	return net.JoinHostPort(u.Hostname(), port), u.Scheme == "ldaps", nil
}

// connect returns a connection that is encrypted and bound as the user that searches.
func (l LDAP) connect(ctx context.Context) (*ldap.Conn, error) {
	address, encrypted, err := l.address()
	if err != nil {
		return nil, unavailable("address", err)
	}
	raw, err := l.Network.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, unavailable("connection", err)
	}
	host, _, _ := net.SplitHostPort(address) // address made it
	config := egress.TLS(host, l.Roots)
	if encrypted {
		secured := tls.Client(raw, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, unavailable("TLS", err)
		}
		raw = secured
	}
	c := ldap.NewConn(raw, encrypted)
	c.SetTimeout(exchange)
	c.Start()
	if !encrypted {
		if err := c.StartTLS(config); err != nil {
			_ = c.Close() // the error before it says more
			return nil, unavailable("StartTLS", err)
		}
	}
	if err := l.search(c); err != nil {
		_ = c.Close() // the error before it says more
		return nil, err
	}
	return c, nil
}

// search binds as the user that searches.
func (l LDAP) search(c *ldap.Conn) error {
	var err error
	if l.BindDN == "" {
		err = c.UnauthenticatedBind("")
	} else {
		err = c.Bind(l.BindDN, l.BindPassword)
	}
	if err != nil {
		return unavailable("bind as "+l.BindDN, err)
	}
	return nil
}

// SignIn asks the directory whether the password is that of the person of the name.
func (l LDAP) SignIn(ctx context.Context, name, password string) (Person, error) {
	wrong := &RefusedError{"name or password is wrong"}
	if name == "" || password == "" || !utf8.ValidString(name) {
		return Person{}, wrong
	}
	l = l.filled()
	c, err := l.connect(ctx)
	if err != nil {
		return Person{}, err
	}
	defer func() { _ = c.Close() }() // nothing can be done about a connection that does not end well
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	found, err := c.Search(ldap.NewSearchRequest(l.UserBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, int(exchange.Seconds()), false,
		fill(l.UserFilter, name, ""), []string{l.NameAttribute, l.IDAttribute, "memberOf"}, nil))
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		return Person{}, unavailable("search below "+l.UserBase, err)
	}
	if found == nil || len(found.Entries) != 1 {
		return Person{}, wrong // nobody, or more than one: none of them is the person
	}
	entry := found.Entries[0]
	if err := c.Bind(entry.DN, password); ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		return Person{}, wrong
	} else if err != nil {
		return Person{}, unavailable("bind as the person", err)
	}
	out := Person{Subject: identifier(entry.GetRawAttributeValue(l.IDAttribute)), Name: entry.GetAttributeValue(l.NameAttribute)}
	if out.Subject == "" || out.Name == "" {
		return out, unavailable("entry "+entry.DN, fmt.Errorf("it has no %s or no %s", l.IDAttribute, l.NameAttribute))
	}
	out.Groups, err = l.groups(c, entry)
	return out, err
}

// groups are the person's, as the user that searches sees them.
func (l LDAP) groups(c *ldap.Conn, person *ldap.Entry) ([]string, error) {
	if l.GroupBase == "" {
		return person.GetAttributeValues("memberOf"), nil
	}
	if err := l.search(c); err != nil {
		return nil, err
	}
	found, err := c.SearchWithPaging(ldap.NewSearchRequest(l.GroupBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, int(exchange.Seconds()), false,
		fill(l.GroupFilter, person.GetAttributeValue(l.NameAttribute), person.DN), []string{l.GroupAttribute}, nil), 500)
	if err != nil {
		return nil, unavailable("search of groups below "+l.GroupBase, err)
	}
	var out []string
	for _, g := range found.Entries {
		out = append(out, g.GetAttributeValues(l.GroupAttribute)...)
	}
	return out, nil
}

// Test connects, binds and looks at the base of people.
func (l LDAP) Test(ctx context.Context) error {
	l = l.filled()
	c, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing can be done about a connection that does not end well
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	_, err = c.Search(ldap.NewSearchRequest(l.UserBase, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, int(exchange.Seconds()), false,
		"(objectClass=*)", []string{"1.1"}, nil))
	if err != nil {
		return unavailable("search below "+l.UserBase, err)
	}
	return nil
}

// identifier is an entry's id as text: binary ones, such as Active Directory's, in hexadecimal.
func identifier(raw []byte) string {
	if utf8.Valid(raw) && !strings.ContainsFunc(string(raw), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return string(raw)
	}
	return hex.EncodeToString(raw)
}
