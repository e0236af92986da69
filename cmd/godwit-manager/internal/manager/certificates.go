package manager

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/internal/loop"
)

// certificates are those of names that the nodes of clusters show, from files that somebody else renews. Safe for
// concurrent use.
type certificates struct {
	log   *slog.Logger
	clock func() time.Time

	mu    sync.Mutex
	files []certificateFiles
}

// certificateFiles are one cluster's, and what was good in them last.
type certificateFiles struct {
	cluster, chain, key string
	good                certificate.Pair
	failure             loop.Failure
}

// expirySoon is when a certificate that nobody renewed is worth a word.
const expirySoon = 7 * 24 * time.Hour

// openCertificates reads all files for the first time; each must be good then.
func (m *manager) openCertificates() error {
	c, err := readCertificates(m.config.NodeCertificates, m.log, m.clock.Now)
	m.named = c
	return err
}

func readCertificates(flags []string, log *slog.Logger, clock func() time.Time) (*certificates, error) {
	if len(flags) == 0 {
		return nil, nil //nolint:nilnil // none is usual
	}
	c := &certificates{log: log, clock: clock}
	for _, text := range flags {
		cluster, files, ok := strings.Cut(text, "=")
		chain, key, two := strings.Cut(files, ",")
		if !ok || !two || cluster == "" || chain == "" || key == "" {
			return nil, fmt.Errorf("--node-certificate %q is not CLUSTER=CHAIN.pem,KEY.pem", text)
		}
		for _, other := range c.files {
			if other.cluster == cluster {
				return nil, fmt.Errorf("--node-certificate: cluster %s has two; one certificate may have all names", cluster)
			}
		}
		f := certificateFiles{cluster: cluster, chain: chain, key: key}
		if err := c.read(&f); err != nil {
			return nil, fmt.Errorf("--node-certificate %s: %w", text, err)
		}
		c.files = append(c.files, f)
	}
	return c, nil
}

// now are the certificates by cluster. Files that are no good, as while they are being replaced, leave what was good
// before.
func (c *certificates) now() map[string]certificate.Pair {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]certificate.Pair, len(c.files))
	for i := range c.files {
		f := &c.files[i]
		if err := c.read(f); f.failure.Fresh(err) {
			c.log.Warn("a node certificate is not read; nodes keep the one before", "cluster", f.cluster, "error", err)
		}
		all[f.cluster] = f.good
	}
	return all
}

// read takes what the files have, if it is another certificate and a good one.
func (c *certificates) read(f *certificateFiles) error {
	chain, err := os.ReadFile(f.chain)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(f.key)
	if err != nil {
		return err
	}
	if bytes.Equal(chain, []byte(f.good.Chain)) && bytes.Equal(key, []byte(f.good.Key)) {
		return nil
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return err
	}
	leaf, now := pair.Leaf, c.clock()
	switch {
	case len(leaf.DNSNames) == 0:
		return errors.New("the certificate has no DNS name that a client could look for")
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate ended at %s", leaf.NotAfter.Format(time.RFC3339))
	case leaf.NotAfter.Sub(now) < expirySoon:
		c.log.Warn("a node certificate ends soon", "cluster", f.cluster, "names", leaf.DNSNames, "until", leaf.NotAfter)
	}
	f.good = certificate.Pair{Chain: string(chain), Key: string(key)}
	c.log.Info("node certificate", "cluster", f.cluster, "names", leaf.DNSNames, "until", leaf.NotAfter)
	return nil
}
