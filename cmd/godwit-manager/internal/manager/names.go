package manager

import (
	"cmp"
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

// names publish where the clusters' nodes are. Every manager has its own server, and all say the same; zones at clouds
// are written by the leader.
type names struct {
	server      *dns.Server // nil without one
	directories []*cluster.Directory
	// known are the names that a cluster has in each zone.
	known []func(cluster string) dns.Names
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

// openNames opens the DNS server's port and makes what tells it, and the zones at clouds, of the nodes.
func (m *manager) openNames(ctx context.Context) error {
	c := m.config
	if c.DNSListen != "" {
		server, err := dns.Listen(ctx, dns.ServerConfig{
			Zone: c.DNSZone, Listen: c.DNSListen, NameServer: c.DNSNameServer, SelfAddresses: c.ownAddresses(m.public), TTL: c.DNSTTL, Log: m.log,
		})
		if err != nil {
			return err
		}
		m.closing(func() error { server.Close(); return nil })
		m.names.server = server
		if err := m.publish(cluster.DirectoryConfig{Zone: server, Name: c.DNSZone, TTL: c.DNSTTL}); err != nil {
			return err
		}
		m.log.Info("DNS server", "address", server.Addr(), "zone", c.DNSZone)
	}
	for _, d := range c.DNSDestinations {
		zone, err := dns.Host(dns.HostedConfig{Service: d.Service, Owner: m.installation, Log: m.log})
		if err != nil {
			return err
		}
		if err := m.publish(cluster.DirectoryConfig{
			Zone: zone, Name: d.Label, Names: d.Names, TTL: d.TTL,
			Leading: func() bool { _, leading := m.elector.Leading(); return leading },
		}); err != nil {
			return err
		}
	}
	return nil
}

func (m *manager) publish(c cluster.DirectoryConfig) error {
	c.Reconciler, c.Store, c.Log = m.cluster, cluster.Postgres(m.store.Tables), m.log
	d, err := cluster.NewDirectory(c)
	if err != nil {
		return err
	}
	m.names.directories, m.names.known = append(m.names.directories, d), append(m.names.known, d.Names)
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

// of are a cluster's names, each of the first zone that has it; nil where there are none. Where public addresses are
// published nowhere, the names of the private ones stand for them.
func (n *names) of(name string) *api.ClusterNames {
	var all api.ClusterNames
	for _, known := range n.known {
		found := known(name)
		all.Available, all.All = cmp.Or(all.Available, found.Available), cmp.Or(all.All, found.All)
		all.AvailablePrivate, all.AllPrivate = cmp.Or(all.AvailablePrivate, found.AvailablePrivate), cmp.Or(all.AllPrivate, found.AllPrivate)
	}
	if all == (api.ClusterNames{}) {
		return nil
	}
	all.Available, all.All = cmp.Or(all.Available, all.AvailablePrivate), cmp.Or(all.All, all.AllPrivate)
	return &all
}

// zones are a cluster's names in each zone that has any.
func (n *names) zones(name string) []api.ClusterNames {
	var all []api.ClusterNames
	for _, known := range n.known {
		if names := api.ClusterNames(known(name)); names != (api.ClusterNames{}) {
			all = append(all, names)
		}
	}
	return all
}

func (n *names) addr() string {
	if n.server == nil {
		return ""
	}
	return n.server.Addr()
}
