package local

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// LeaseFile is the file whose modification time tells nodes that a manager
// lives.
func (p *Provider) LeaseFile() string { return filepath.Join(p.config.Dir, "lease") }

// Touch renews the lease once.
func (p *Provider) Touch() error {
	now := time.Now()
	err := os.Chtimes(p.LeaseFile(), now, now)
	if !os.IsNotExist(err) {
		return err
	}
	// Nodes that run under another user must be able to look at it.
	return os.WriteFile(p.LeaseFile(), nil, 0o644) //nolint:gosec // holds nothing; its time is the message
}

// Run renews the lease until the context ends, leader or not: a manager that
// waits for its database still lives, and its nodes go on.
func (p *Provider) Run(ctx context.Context) error {
	ticker := time.NewTicker(max(p.config.LeaseTimeout/4, 10*time.Millisecond))
	defer ticker.Stop()
	for {
		if err := p.Touch(); err != nil {
			p.log.Error("renew the lease of local nodes: they leave if this goes on",
				"file", p.LeaseFile(), "timeout", p.config.LeaseTimeout, "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
