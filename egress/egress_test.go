package egress_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/godwit/godwit/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func allow(list ...string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return list, nil }
}

func TestOnlyPublicAddressesArePermittedByDefault(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		addr      string
		permitted bool
	}{
		{"1.1.1.1", true}, {"8.8.8.8", true}, {"2606:4700:4700::1111", true}, {"64:ff9b::1.1.1.1", true},
		{"127.0.0.1", false}, {"127.8.8.8", false}, {"::1", false}, {"0.0.0.0", false}, {"::", false}, {"0.1.2.3", false},
		{"10.1.2.3", false}, {"172.16.0.1", false}, {"172.31.255.255", false}, {"192.168.1.1", false}, {"fd12::1", false},
		{"169.254.169.254", false}, {"fe80::1", false}, {"fe80::1%eth0", false}, {"fd00:ec2::254", false},
		{"100.64.0.1", false}, {"100.100.100.200", false}, {"192.0.0.192", false}, {"198.18.0.1", false},
		{"224.0.0.1", false}, {"ff02::1", false}, {"240.0.0.1", false}, {"255.255.255.255", false},
		{"::ffff:127.0.0.1", false}, {"::ffff:169.254.169.254", false}, {"::ffff:8.8.8.8", true},
		{"64:ff9b::169.254.169.254", false}, {"64:ff9b::10.0.0.1", false}, {"2002:7f00:1::", false}, {"2002:a9fe:a9fe::1", false},
		{"2001:0:1::1", false}, {"2001:db8::1", false}, {"::127.0.0.1", false}, {"fec0::1", false}, {"64:ff9b:1::1", false}, {"100::1", false},
	} {
		err := egress.Rules{}.Permit("example.org", netip.MustParseAddr(tc.addr))
		if (err == nil) != tc.permitted {
			t.Errorf("%s: permitted %v, want %v (%v)", tc.addr, err == nil, tc.permitted, err)
		}
	}
}

func TestAllowListOpensWhatItNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, allow, host, addr string
		permitted               bool
	}{
		{"a prefix opens its addresses", "10.20.0.0/16", "h", "10.20.3.4", true},
		{"and no other", "10.20.0.0/16", "h", "10.21.3.4", false},
		{"an address opens itself", "127.0.0.1", "h", "127.0.0.1", true},
		{"and no other", "127.0.0.1", "h", "127.0.0.2", false},
		{"a host opens what it resolves to", "Smtp.Corp.example.", "smtp.corp.example", "10.0.0.1", true},
		{"but not names beneath it", "corp.example", "smtp.corp.example", "10.0.0.1", false},
		{"a host does not open metadata", "corp.example", "corp.example", "169.254.169.254", false},
		{"nor does a prefix that is too wide", "0.0.0.0/0", "h", "169.254.169.254", false},
		{"a link-local prefix does", "169.254.169.254/32", "h", "169.254.169.254", true},
		{"a private prefix does not open metadata over IPv6", "fd00::/8", "h", "fd00:ec2::254", false},
		{"naming it does", "fd00:ec2::254", "h", "fd00:ec2::254", true},
		{"a prefix in mapped form is the same", "::ffff:10.0.0.0/104", "h", "10.1.1.1", true},
		{"a mapped address is judged as IPv4", "10.0.0.0/8", "h", "::ffff:10.1.1.1", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rules, err := egress.Parse([]string{tc.allow})
			if err != nil {
				t.Fatal(err)
			}
			if err := rules.Permit(tc.host, netip.MustParseAddr(tc.addr)); (err == nil) != tc.permitted {
				t.Errorf("permitted %v, want %v (%v)", err == nil, tc.permitted, err)
			}
		})
	}
}

func TestAllowListRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"", "10.0.0.0/33", "10.0.0.1/8", "1.2.3", "300.1.1.1", "-a.example", "a..b", "exa mple.org", "*.example.org", "fe80::1%eth0", "http://example.org"} {
		_, err := egress.Parse([]string{"8.8.8.8", entry})
		var bad *egress.EntryError
		if !errors.As(err, &bad) || bad.Index != 1 {
			t.Errorf("%q: got %v, want an error about entry 1", entry, err)
		}
	}
}

func TestRefusedConnectionSaysWhatToDo(t *testing.T) {
	t.Parallel()
	l := listen(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_, err := egress.New(nil).DialContext(t.Context(), "tcp", net.JoinHostPort("localhost", port))
	var refused *egress.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, word := range []string{"localhost", "loopback", egress.SettingKey} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not mention %s", err, word)
		}
	}
}

func TestAllowListIsReadAtEveryConnection(t *testing.T) {
	t.Parallel()
	l := listen(t)
	var list []string
	d := egress.New(func(context.Context) ([]string, error) { return list, nil })
	if _, err := d.DialContext(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Fatal("connected though nothing allows it")
	}
	list = []string{"127.0.0.0/8"}
	c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestDialerThatCannotReadItsRulesConnectsNowhere(t *testing.T) {
	t.Parallel()
	away := errors.New("store away")
	d := egress.New(func(context.Context) ([]string, error) { return []string{"127.0.0.0/8"}, away })
	if _, err := d.DialContext(t.Context(), "tcp", listen(t).Addr().String()); !errors.Is(err, away) {
		t.Fatalf("got %v", err)
	}
}

func TestRedirectToRefusedPlaceIsNotFollowed(t *testing.T) {
	t.Parallel()
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") }))
	defer inner.Close()
	// The inner server is reached by another name of the same address, which nothing allows.
	outer := httptest.NewServer(http.RedirectHandler(strings.Replace(inner.URL, "127.0.0.1", "127.0.0.2", 1), http.StatusFound))
	defer outer.Close()
	client := egress.New(allow("127.0.0.1")).Client(egress.Options{})
	defer client.CloseIdleConnections()
	_, err := client.Get(outer.URL)
	var refused *egress.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a refusal", err)
	}
}

func TestRedirectNeverLeavesTLS(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	d := egress.New(allow("127.0.0.1"))
	client := d.Client(egress.Options{Roots: roots})
	defer client.CloseIdleConnections()
	if _, err := client.Get(secure.URL); err == nil || !strings.Contains(err.Error(), "not followed") {
		t.Fatalf("got %v", err)
	}
	still := d.Client(egress.Options{Roots: roots, NoRedirects: true})
	defer still.CloseIdleConnections()
	answer, err := still.Get(secure.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusFound {
		t.Fatalf("status %d, want the redirect itself", answer.StatusCode)
	}
}

func TestUnknownAuthorityIsRefused(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	client := egress.New(allow("127.0.0.1")).Client(egress.Options{})
	defer client.CloseIdleConnections()
	var unknown x509.UnknownAuthorityError
	if _, err := client.Get(secure.URL); !errors.As(err, &unknown) {
		t.Fatalf("got %v", err)
	}
}

func FuzzRulesPermitNothingLocal(f *testing.F) {
	for _, s := range []string{"::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:0001::", "fe80::1%lo", "::1", "0x7f.1", "10.0.0.1", "8.8.8.8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return
		}
		u := a.Unmap()
		if (egress.Rules{}).Permit("h", a) == nil && (u.IsLoopback() || u.IsPrivate() || u.IsLinkLocalUnicast() || u.IsMulticast() || u.IsUnspecified()) {
			t.Errorf("%s is permitted", a)
		}
		if _, err := egress.Parse([]string{s}); err != nil && a.Zone() == "" {
			t.Errorf("address %q cannot be allowed: %v", s, err)
		}
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
