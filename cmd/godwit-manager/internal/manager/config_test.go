package manager

import (
	"slices"
	"strings"
	"testing"
)

func TestNodesAreToldAddressesThatTheyCanReach(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		node, public, listening string
		https, fleet            string
	}{
		"one machine":              {"", "https://127.0.0.1:8443", "tls://127.0.0.1:4222", "https://127.0.0.1:8443", "tls://127.0.0.1:4222"},
		"fleet on all addresses":   {"", "https://m.example.org", "tls://0.0.0.0:4222", "https://m.example.org", "tls://m.example.org:4222"},
		"the same with IPv6":       {"", "https://m.example.org:8443", "tls://[::]:4222", "https://m.example.org:8443", "tls://m.example.org:4222"},
		"a network of the nodes'":  {"https://manager:8443", "https://localhost:8443", "tls://[::]:4222", "https://manager:8443", "tls://manager:4222"},
		"a fleet with its address": {"https://manager:8443", "https://localhost:8443", "tls://10.0.0.7:4222", "https://manager:8443", "tls://10.0.0.7:4222"},
		"a public IPv6 address":    {"", "https://[2001:db8::1]:8443", "tls://[::]:4222", "https://[2001:db8::1]:8443", "tls://[2001:db8::1]:4222"},
	} {
		config := Config{NodeURL: c.node}
		if got := config.nodeURL(c.public); got != c.https {
			t.Errorf("%s: HTTPS at %s, want %s", name, got, c.https)
		}
		if got := config.fleetURLs([]string{c.listening}, c.public); !slices.Equal(got, []string{c.fleet}) {
			t.Errorf("%s: fleet at %v, want %s", name, got, c.fleet)
		}
	}
}

func TestAddressesOfHTTPSAreChecked(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"http://x", "x:8443", "https://", "https://u@x", "https://x/path", "https://x?q", "https://x#f"} {
		for flag, c := range map[string]Config{"--public-url": {Data: "d", PublicURL: bad}, "--node-url": {Data: "d", NodeURL: bad}} {
			if err := c.complete(); err == nil || !strings.Contains(err.Error(), flag) {
				t.Errorf("%s %s: %v", flag, bad, err)
			}
		}
	}
	c := Config{Data: "d", NodeURL: "https://manager:8443/"}
	if err := c.complete(); err != nil || c.NodeURL != "https://manager:8443" {
		t.Errorf("%q, %v", c.NodeURL, err)
	}
}
