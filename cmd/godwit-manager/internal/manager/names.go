package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/provisioner/dns"
)

// nameServer publishes where the clusters' nodes are. Every manager has its own, and all say the same.
type nameServer struct {
	server    *dns.Server
	directory *cluster.Directory
	zone      string
}

// completeDNS checks the flags of the DNS server.
func (c *Config) completeDNS() error {
	if c.DNSListen == "" {
		if c.DNSZone != "" || c.DNSNameServer != "" || c.DNSTTL != 0 {
			return errors.New("--dns-zone, --dns-name-server and --dns-ttl are of the DNS server: add --dns-listen, such as 0.0.0.0:53")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(c.DNSListen); err != nil {
		return fmt.Errorf("--dns-listen %q is not host:port", c.DNSListen)
	}
	if c.DNSZone == "" {
		c.DNSZone = DefaultDNSZone
	}
	for flag, name := range map[string]*string{"--dns-zone": &c.DNSZone, "--dns-name-server": &c.DNSNameServer} {
		*name = strings.ToLower(strings.TrimSuffix(*name, "."))
		if *name != "" && !dns.ValidName(*name) {
			return fmt.Errorf("%s %q is not a name such as godwit.example.org", flag, *name)
		}
	}
	if c.DNSTTL == 0 {
		c.DNSTTL = dns.DefaultTTL
	}
	if c.DNSTTL < time.Second || c.DNSTTL > 24*time.Hour {
		return fmt.Errorf("--dns-ttl %s is not between 1s and 24h", c.DNSTTL)
	}
	return nil
}

// openNames opens the DNS server's port and makes what tells it of the nodes.
func (m *manager) openNames(ctx context.Context) error {
	c := m.config
	if c.DNSListen == "" {
		return nil
	}
	server, err := dns.Listen(ctx, dns.ServerConfig{
		Zone: c.DNSZone, Listen: c.DNSListen, NameServer: c.DNSNameServer, SelfAddresses: c.ownAddresses(m.public), TTL: c.DNSTTL, Log: m.log,
	})
	if err != nil {
		return err
	}
	m.closing(func() error { server.Close(); return nil })
	directory, err := cluster.NewDirectory(cluster.DirectoryConfig{
		Reconciler: m.cluster, Store: cluster.Postgres(m.store.Tables), Zone: server, Name: c.DNSZone, TTL: c.DNSTTL, Log: m.log,
	})
	if err != nil {
		return err
	}
	m.names = &nameServer{server: server, directory: directory, zone: c.DNSZone}
	m.log.Info("DNS server", "address", server.Addr(), "zone", c.DNSZone)
	return nil
}

// ownAddresses are where the DNS server itself is, for its name in its own zone.
func (c *Config) ownAddresses(public string) []netip.Addr {
	hosts := []string{c.DNSListen}
	if u, err := url.Parse(public); err == nil {
		hosts = append(hosts, net.JoinHostPort(u.Hostname(), "0"))
	}
	for _, host := range hosts {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			continue
		}
		if a, err := netip.ParseAddr(name); err == nil && !a.IsUnspecified() {
			return []netip.Addr{a}
		}
	}
	return nil
}

// of are a cluster's names; a manager without a DNS server has none.
func (n *nameServer) of(name string) *api.ClusterNames {
	if n == nil {
		return nil
	}
	names := api.ClusterNames(dns.NamesOf(name, n.zone))
	return &names
}

func (n *nameServer) addr() string {
	if n == nil {
		return ""
	}
	return n.server.Addr()
}
