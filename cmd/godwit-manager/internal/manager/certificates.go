package manager

import (
	"bytes"
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
	complaint           error // why they are not read now
	failure             loop.Failure
}

// openCertificates reads all files for the first time; each must be good then.
func (m *manager) openCertificates() error {
	c, err := readCertificates(m.config.NodeCertificates, m.log, m.clock.Now)
	m.files = c
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
		if f.complaint = c.read(f); f.failure.Fresh(f.complaint) {
			c.log.Warn("a node certificate is not read; nodes keep the one before", "cluster", f.cluster, "error", f.complaint)
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
	pair := certificate.Pair{Chain: string(chain), Key: string(key)}
	facts, err := pair.Check(c.clock())
	if err != nil {
		return err
	}
	f.good = pair
	c.log.Info("node certificate", "cluster", f.cluster, "names", facts.Names, "until", facts.Ends)
	return nil
}

// complaint is why the files of a cluster are not read, or empty.
func (c *certificates) complaint(cluster string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.files {
		if f.cluster == cluster && f.complaint != nil {
			return fmt.Sprintf("%s, %s: %s; nodes keep the certificate of before", f.chain, f.key, f.complaint)
		}
	}
	return ""
}
