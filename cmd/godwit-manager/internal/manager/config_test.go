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
		fleet                   string
	}{
		"one machine":              {"", "https://127.0.0.1:8443", "tls://127.0.0.1:4222", "tls://127.0.0.1:4222"},
		"fleet on all addresses":   {"", "https://m.example.org", "tls://0.0.0.0:4222", "tls://m.example.org:4222"},
		"the same with IPv6":       {"", "https://m.example.org:8443", "tls://[::]:4222", "tls://m.example.org:4222"},
		"a network of the nodes'":  {"https://manager:8443", "https://localhost:8443", "tls://[::]:4222", "tls://manager:4222"},
		"a fleet with its address": {"https://manager:8443", "https://localhost:8443", "tls://10.0.0.7:4222", "tls://10.0.0.7:4222"},
		"several addresses":        {"https://10.0.0.5:8443 https://lb:443", "https://m:8443", "tls://0.0.0.0:4222", "tls://10.0.0.5:4222 tls://lb:4222"},
		"a public IPv6 address":    {"", "https://[2001:db8::1]:8443", "tls://[::]:4222", "tls://[2001:db8::1]:4222"},
	} {
		var config Config
		https := []string{c.public}
		if c.node != "" {
			config.NodeURLs = strings.Split(c.node, " ")
			https = config.NodeURLs
		}
		if got := config.nodeURLs(c.public); !slices.Equal(got, https) {
			t.Errorf("%s: HTTPS at %s, want %s", name, got, https)
		}
		if got := config.fleetURLs([]string{c.listening}, c.public); strings.Join(got, " ") != c.fleet {
			t.Errorf("%s: fleet at %v, want %s", name, got, c.fleet)
		}
	}
}

func TestAddressesOfHTTPSAreChecked(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"http://x", "x:8443", "https://", "https://u@x", "https://x/path", "https://x?q", "https://x#f"} {
		for flag, c := range map[string]Config{"--public-url": {Data: "d", PublicURL: bad}, "--node-url": {Data: "d", NodeURLs: []string{bad}}} {
			if err := c.complete(); err == nil || !strings.Contains(err.Error(), flag) {
				t.Errorf("%s %s: %v", flag, bad, err)
			}
		}
	}
	c := Config{Data: "d", NodeURLs: []string{"https://manager:8443/"}}
	if err := c.complete(); err != nil || c.NodeURLs[0] != "https://manager:8443" {
		t.Errorf("%q, %v", c.NodeURLs, err)
	}
}

func TestFlagsOfOrderedCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	good := ACME{Clusters: []string{"c=C.example.org.,all.c.example.org,c.example.org"}, Agreed: true}
	with := func(change func(*Config)) Config {
		c := Config{Data: "d", ACME: good}
		change(&c)
		return c
	}
	for says, c := range map[string]Config{
		"add --acme-cluster":                {ACME: ACME{Agreed: true}},
		"add --acme-http-cluster":           {ACME: ACME{HTTPPort: 80}},
		"--acme-http-cluster: cluster c h":  with(func(c *Config) { c.ACME.HTTPClusters = []string{"c=d.example.org"} }),
		"--acme-http-port 70000 is no port": with(func(c *Config) { c.ACME.HTTPClusters, c.ACME.HTTPPort = []string{"d=d.example.org"}, 70000 }),
		"--acme-agree":                      with(func(c *Config) { c.ACME.Agreed = false }),
		"must look like":                    with(func(c *Config) { c.ACME.Directory = "http://ca.example.org/dir" }),
		"--acme-email":                      with(func(c *Config) { c.ACME.Email = "Some Body <a@example.org>" }),
		"is not CLUSTER=NAME[,NAME]":        with(func(c *Config) { c.ACME.Clusters = []string{"c="} }),
		`"*.example.org" is no name`:        with(func(c *Config) { c.ACME.Clusters = []string{"c=*.example.org"} }),
		"cluster c has two":                 with(func(c *Config) { c.ACME.Clusters = append(c.ACME.Clusters[:1:1], "c=d.example.org") }),
		"by --node-certificate already; a":  with(func(c *Config) { c.NodeCertificates = []string{"c=chain.pem,key.pem"} }),
	} {
		c.Data = "d"
		if err := c.complete(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", c.ACME, err, says)
		}
	}
	c := Config{Data: "d", ACME: good}
	if err := c.complete(); err != nil || c.ACME.Directory != DefaultACMEDirectory {
		t.Errorf("%+v, %v", c.ACME, err)
	}
	wanted, err := c.ACME.wanted()
	if err != nil || len(wanted) != 1 || !slices.Equal(wanted[0].Names, []string{"all.c.example.org", "c.example.org"}) {
		t.Errorf("%+v, %v", wanted, err)
	}
}

func TestFlagsOfTheDNSServerAreChecked(t *testing.T) {
	t.Parallel()
	for says, c := range map[string]Config{
		"add --dns-listen":         {DNSZone: "godwit.example.org"},
		"is not host:port":         {DNSListen: "53"},
		"--dns-zone":               {DNSListen: ":53", DNSZone: "not a name"},
		"--dns-name-server":        {DNSListen: ":53", DNSNameServer: "-x.example.org"},
		"is not between 1s and 24": {DNSListen: ":53", DNSTTL: 1},
	} {
		c.Data = "d"
		if err := c.complete(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", c, err, says)
		}
	}
	c := Config{Data: "d", DNSListen: "127.0.0.1:0", DNSNameServer: "NS1.example.org."}
	if err := c.complete(); err != nil || c.DNSZone != DefaultDNSZone || c.DNSNameServer != "ns1.example.org" || c.DNSTTL == 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
