package manager

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/statestore"
)

// ACME says which certificates of nodes are ordered, and where.
type ACME struct {
	// Clusters are CLUSTER=NAME[,NAME]; none: nothing is ordered.
	Clusters []string
	// HTTPClusters are the same, proved by HTTP at the nodes to which the names lead.
	HTTPClusters []string
	// HTTPPort is where nodes answer for that; 80 if zero.
	HTTPPort int
	// Directory of the authority; DefaultACMEDirectory if empty.
	Directory string
	// Email to which the authority may write.
	Email string
	// CAFile has the roots by which the authority's own HTTPS is trusted; empty: the system's.
	CAFile string
	// Agreed says that the operator agrees to the authority's terms of service.
	Agreed bool
}

// DefaultACMEDirectory is Let's Encrypt's.
const DefaultACMEDirectory = "https://acme-v02.api.letsencrypt.org/directory"

const (
	// settleServer is how long the DNS servers and the nodes of other managers may take: they look every second or two.
	settleServer = 3 * time.Second
	// settleHosted is how long a cloud's service takes until all its servers answer alike: Route 53 promises 60 s
	// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html); others are not slower as a rule.
	settleHosted = 90 * time.Second
)

// completeACME checks the flags of ACME.
func (c *Config) completeACME() error {
	a := &c.ACME
	if len(a.Clusters) == 0 && len(a.HTTPClusters) == 0 {
		if a.Directory != "" || a.Email != "" || a.CAFile != "" || a.Agreed {
			return errors.New("--acme-directory, --acme-email, --acme-ca and --acme-agree are of certificates that are ordered: add --acme-cluster CLUSTER=NAME or --acme-http-cluster CLUSTER=NAME")
		}
	}
	if len(a.HTTPClusters) == 0 && a.HTTPPort != 0 {
		return errors.New("--acme-http-port is of names that are proved by HTTP: add --acme-http-cluster CLUSTER=NAME")
	}
	if a.HTTPPort < 0 || a.HTTPPort > 65535 {
		return fmt.Errorf("--acme-http-port %d is no port", a.HTTPPort)
	}
	if len(a.Clusters) == 0 && len(a.HTTPClusters) == 0 {
		return nil
	}
	a.HTTPPort = cmp.Or(a.HTTPPort, defaultProofPort)
	if a.Directory == "" {
		a.Directory = DefaultACMEDirectory
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--acme-directory %q must look like %s", a.Directory, DefaultACMEDirectory)
	}
	if !a.Agreed {
		return fmt.Errorf("read the terms of service that %s names, and say that you agree: --acme-agree", a.Directory)
	}
	if a.Email != "" {
		if parsed, err := mail.ParseAddress(a.Email); err != nil || parsed.Address != a.Email {
			return fmt.Errorf("--acme-email %q is no address such as operator@example.org", a.Email)
		}
	}
	wanted, err := a.wanted()
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if slices.ContainsFunc(c.NodeCertificates, func(text string) bool { return strings.HasPrefix(text, w.Cluster+"=") }) {
			return fmt.Errorf("%s: cluster %s has a certificate by --node-certificate already; a cluster has one", flagOf(w), w.Cluster)
		}
	}
	return nil
}

// defaultProofPort is where authorities look (RFC 8555, section 8.3).
const defaultProofPort = 80

// flagOf is the one that asked for a certificate.
func flagOf(w certificate.Wanted) string {
	if w.HTTP {
		return "--acme-http-cluster"
	}
	return "--acme-cluster"
}

// wanted are the certificates that the flags ask for.
func (a ACME) wanted() ([]certificate.Wanted, error) {
	var all []certificate.Wanted
	for i, text := range slices.Concat(a.Clusters, a.HTTPClusters) {
		w := certificate.Wanted{HTTP: i >= len(a.Clusters)}
		name, list, ok := strings.Cut(text, "=")
		if !ok || name == "" || list == "" {
			return nil, fmt.Errorf("%s %q is not CLUSTER=NAME[,NAME]", flagOf(w), text)
		}
		w.Cluster = name
		for n := range strings.SplitSeq(list, ",") {
			n = strings.ToLower(strings.TrimSuffix(n, "."))
			if !dns.ValidName(n) {
				return nil, fmt.Errorf("%s %s: %q is no name such as %s.godwit.example.org", flagOf(w), text, n, name)
			}
			w.Names = append(w.Names, n)
		}
		slices.Sort(w.Names)
		w.Names = slices.Compact(w.Names)
		if slices.ContainsFunc(all, func(o certificate.Wanted) bool { return o.Cluster == name }) {
			return nil, fmt.Errorf("%s: cluster %s has two; one certificate may have all names", flagOf(w), name)
		}
		all = append(all, w)
	}
	return all, nil
}

// openACME makes the issuer. A name that is proved in its zone must be one that this manager publishes.
func (m *manager) openACME(context.Context) error {
	a := m.config.ACME
	wanted, err := a.wanted()
	if err != nil || len(wanted) == 0 {
		return err
	}
	authority := certificate.Authority{Directory: a.Directory, Email: a.Email}
	if a.CAFile != "" {
		text, err := os.ReadFile(a.CAFile)
		if err != nil {
			return fmt.Errorf("--acme-ca: %w", err)
		}
		authority.Roots = x509.NewCertPool()
		if !authority.Roots.AppendCertsFromPEM(text) {
			return fmt.Errorf("--acme-ca %s has no certificate in PEM", a.CAFile)
		}
	}
	for _, w := range wanted {
		for _, name := range w.Names {
			if w.HTTP {
				continue // it leads to the nodes by whatever means
			}
			if len(m.names.having(w.Cluster, name)) == 0 {
				return fmt.Errorf("--acme-cluster %s: %s is not a name of this cluster in a zone that this manager publishes: see --dns-zone and --dns-publish", w.Cluster, name)
			}
		}
	}
	settle := settleServer
	if len(m.config.DNSDestinations) > 0 {
		settle = settleHosted
	}
	challenges := certificate.NewChallenges(m.store.Settings, m.clock.Now)
	for _, d := range m.names.directories {
		d.Texts = challenges.Texts
	}
	m.shown.ordered, m.challenges = wanted, challenges
	m.issuer, err = certificate.New(certificate.Config{
		Authority: authority, Wanted: wanted, Settings: m.store.Settings, Challenges: challenges, Settle: settle, SettleHTTP: settleServer, Now: m.clock.Now, Log: m.log,
		Leading:  func() bool { _, leading := m.elector.Leading(); return leading },
		Clusters: m.clusterIDs,
		Published: func(of, name, text string) error {
			for _, d := range m.names.having(of, name) {
				if err := d.Shows(name, text); err != nil {
					return err
				}
			}
			return nil
		},
		Answered: func(of, name, token string) error { return m.teller.answered(of, name, token) },
		Report: func(failing map[string]string) {
			found := make(map[string]cluster.CertificateTrouble, len(failing))
			for id, why := range failing {
				found[id] = cluster.CertificateTrouble{Failing: why}
			}
			m.cluster.NoteCertificates("ordered", found)
		},
	})
	return err
}

// having are the zones in which a cluster has a name.
func (n *names) having(of, name string) []*cluster.Directory {
	return slices.DeleteFunc(slices.Clone(n.directories), func(d *cluster.Directory) bool { return !d.Publishes(of, name) })
}

// clusterIDs are those of all clusters, by name.
func (m *manager) clusterIDs(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for page := (statestore.Page{Limit: 1000}); ; {
		l, err := m.store.Clusters.List(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, c := range l.Items {
			out[c.Name] = c.ID
		}
		if l.Next == "" {
			return out, nil
		}
		page.Cursor = l.Next
	}
}
