package manager

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
)

// Config of a manager. Data is required; everything else has a default.
type Config struct {
	// Data is the directory with all state of this manager; made when absent.
	Data string
	// DatabaseURL names an external Postgres; empty: a private one under Data.
	DatabaseURL string
	// Listen is the address of HTTPS: API, console and joining nodes.
	Listen string
	// FleetListen is the address that nodes keep their connection to. With port 0 the port of the run before is taken
	// again, so that nodes find a restarted manager.
	FleetListen string
	// PublicURL is where people, clients and nodes reach HTTPS; empty: made from Listen.
	PublicURL string
	// NodeURLs are where nodes reach HTTPS when that is not PublicURL: in a network of their own, by a load balancer, at
	// several managers. Nodes try one after the other. Their hosts are also where nodes find the fleet when FleetListen
	// names no host.
	NodeURLs []string
	// NodePrograms is the directory with the programs that machines in clouds fetch: godwit-node, godwit-node-linux-arm64.
	// Empty: where this program is.
	NodePrograms string
	// Slots is the directory in which machines wait for the provider "attached"; empty: there is no such provider.
	Slots string
	// NodeCommand starts a node of the provider "local": program and leading arguments. Empty: godwit-node beside this
	// program or in PATH, with "run".
	NodeCommand []string
	// LocalPrograms is a directory of node programs that templates of the provider "local" may name; empty: none.
	LocalPrograms string
	// Providers are further ones, by the name that templates use.
	Providers map[string]provisioner.Provider
	// DNSListen is the address of the DNS server, UDP and TCP; empty: there is none.
	DNSListen string
	// DNSZone is what it is the authority for; DefaultDNSZone if empty.
	DNSZone string
	// DNSNameServer is the name by which the parent zone delegates; "ns." and the zone if empty.
	DNSNameServer string
	// DNSTTL is how long clients keep an answer; dns.DefaultTTL if zero.
	DNSTTL time.Duration
	// DNSDestinations are zones at clouds in which the leader publishes names too.
	DNSDestinations []dns.Destination
	// NodeCertificates are CLUSTER=CHAIN.pem,KEY.pem: what nodes of a cluster show to clients that look for one of the
	// certificate's names.
	NodeCertificates []string
	// ACME says which certificates are ordered instead.
	ACME ACME
	// LocalLease is how long local nodes outlive the last sign of their manager.
	LocalLease time.Duration
	// LeaderLease is how long leadership lasts without renewal: after a leader's death another waits so long.
	LeaderLease time.Duration
	// Console serves the console; nil: a page that says that there is none.
	Console http.Handler

	Version string
	Out     io.Writer // gets the set-up link; os.Stdout when nil
	Log     *slog.Logger
	Level   *slog.LevelVar // of Log; follows the log levels that are set. May be nil
}

// Defaults of the flags.
const (
	DefaultListen      = "127.0.0.1:8443"
	DefaultFleetListen = "127.0.0.1:0"
	DefaultDNSZone     = "godwit.internal"
	DefaultLocalLease  = 60 * time.Second
	DefaultLeaderLease = 6 * time.Second
)

func (c *Config) complete() error {
	if c.Data == "" {
		return errors.New("no data directory is given: add --data DIR")
	}
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	c.Data = dir
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.FleetListen == "" {
		c.FleetListen = DefaultFleetListen
	}
	for flag, address := range map[string]string{"--listen": c.Listen, "--fleet-listen": c.FleetListen} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("%s %q is not host:port", flag, address)
		}
	}
	if err := baseURL("--public-url", &c.PublicURL); err != nil {
		return err
	}
	for i := range c.NodeURLs {
		if err := baseURL("--node-url", &c.NodeURLs[i]); err != nil {
			return err
		}
	}
	if c.NodePrograms == "" {
		if self, err := os.Executable(); err == nil {
			c.NodePrograms = filepath.Dir(self)
		}
	}
	if err := c.completeDNS(); err != nil {
		return err
	}
	if err := c.completeACME(); err != nil {
		return err
	}
	if c.LocalLease <= 0 {
		c.LocalLease = DefaultLocalLease
	}
	if c.LeaderLease <= 0 {
		c.LeaderLease = DefaultLeaderLease
	}
	if c.Out == nil {
		c.Out = os.Stdout
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if len(c.NodeCommand) == 0 {
		c.NodeCommand = []string{findNode(), "run"}
	}
	return nil
}

// baseURL checks an address of HTTPS, if one is given, and brings it to its shortest form.
func baseURL(flag string, address *string) error {
	if *address == "" {
		return nil
	}
	u, err := url.Parse(*address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("%s %q must look like https://host:port", flag, *address)
	}
	*address = "https://" + u.Host
	return nil
}

// findNode looks for godwit-node where this program is, then in PATH. It may be absent: only the provider "local" needs
// it, and says so when it launches.
func findNode() string {
	const name = "godwit-node"
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return name
}

// publicURL is the configured one, or one made from where HTTPS listens.
func (c *Config) publicURL(listener net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	host, port, err := net.SplitHostPort(listener.String())
	if err != nil {
		return "https://" + listener.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			host = "localhost"
		}
	}
	return "https://" + net.JoinHostPort(host, port)
}

// nodeURLs are where nodes reach HTTPS.
func (c *Config) nodeURLs(public string) []string {
	if len(c.NodeURLs) > 0 {
		return c.NodeURLs
	}
	return []string{public}
}

// fleetURLs are where nodes connect. A listener on every address has none that another machine could use: its port is
// then looked for where HTTPS is.
func (c *Config) fleetURLs(listening []string, public string) []string {
	var out []string
	for _, raw := range listening {
		u, err := url.Parse(raw)
		if err != nil {
			out = append(out, raw)
			continue
		}
		if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsUnspecified() {
			out = append(out, raw)
			continue
		}
		port := u.Port()
		for _, door := range c.nodeURLs(public) {
			if at, err := url.Parse(door); err == nil {
				u.Host = net.JoinHostPort(at.Hostname(), port)
				out = append(out, u.String())
			}
		}
	}
	return unique(out)
}

// names are what the HTTPS certificate is for, besides its own name.
func (c *Config) names(public string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "" {
		if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
			names = append(names, host)
		}
	}
	if u, err := url.Parse(public); err == nil && u.Hostname() != "" {
		names = append(names, u.Hostname())
	}
	return unique(names)
}

func unique(in []string) []string {
	seen := map[string]bool{}
	out := in[:0]
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
