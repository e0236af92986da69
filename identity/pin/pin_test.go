package pin

import (
	"strings"
	"testing"
)

func TestAddressAndPinRoundTrip(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("ab", 32)
	for _, given := range []string{want, strings.ToUpper(want), "sha256=" + want, strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), " " + want + "\n"} {
		if got, err := Parse(given); err != nil || got != want {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
	base, p, err := ParseURL(URL("https://host:8443", want))
	if err != nil || base != "https://host:8443" || p != want {
		t.Errorf("%s %s %v", base, p, err)
	}
	if base, p, err := ParseURL("https://host/"); err != nil || base != "https://host" || p != "" {
		t.Errorf("%s %s %v", base, p, err)
	}
}

func TestBadAddressesAndPinsAreRefused(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "host:8443", "http://host", "https://", "https://u:p@host", "https://host?x=1", "https://host#sha256=12", "https://host#" + strings.Repeat("z", 64), "https://ho st"} {
		if base, p, err := ParseURL(u); err == nil {
			t.Errorf("%q taken as %q %q", u, base, p)
		}
	}
	if _, err := TLSConfig("12", ManagerName); err == nil {
		t.Error("a short pin was taken")
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("https://host:8443#sha256=" + strings.Repeat("0", 64))
	f.Add("https://[::1]:1")
	f.Add("https://host//")
	f.Fuzz(func(t *testing.T, s string) {
		base, p, err := ParseURL(s)
		if err != nil {
			return
		}
		if again, q, err := ParseURL(base); err != nil || again != base || q != "" {
			t.Errorf("%q → %q → %q %q %v", s, base, again, q, err)
		}
		if p != "" && len(p) != 64 {
			t.Errorf("pin %q", p)
		}
	})
}
