package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/link"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal/stream"
)

const (
	publishTimeout = 10 * time.Second
	// rediscoverAfter is how long the link may be down before the manager is asked over HTTPS where the fleet is now. Jitter of the same length is added.
	rediscoverAfter = 3 * time.Second
	// leaseTimeout applies when the bootstrap file names a lease and no time.
	leaseTimeout = 60 * time.Second
)

// pump sends the spool's events until ctx ends.
func (a *Agent) pump(ctx context.Context) {
	delay := 100 * time.Millisecond
	for {
		events, last, err := a.spool.Next(ctx, stream.MaxBatch)
		if err != nil {
			if ctx.Err() == nil {
				a.log.Error("spool cannot be read", "error", err)
			}
			return
		}
		publish, cancel := context.WithTimeout(ctx, publishTimeout)
		if l := a.link.Load(); l != nil {
			err = l.Publish(publish, events)
		} else {
			err = command.ErrNotConnected
		}
		cancel()
		if err == nil {
			a.spool.Ack(last)
			delay = 100 * time.Millisecond
			continue
		}
		a.spool.Retry()
		if !errors.Is(err, command.ErrNotConnected) {
			a.log.Warn("events not taken by the journal, will try again", "events", len(events), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay/2 + rand.N(delay)): // jitter
		}
		delay = min(2*delay, 5*time.Second)
	}
}

// flush waits until the journal has everything, at most limit.
func (a *Agent) flush(limit time.Duration) {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if l := a.link.Load(); l == nil || !l.Connected() || a.spool.Stats().Pending == 0 {
			return
		}
	}
}

// openLink connects to the fleet's present addresses, in place of the link before.
func (a *Agent) openLink() error {
	a.mu.Lock()
	urls := a.identity.Response.FleetURLs
	a.mu.Unlock()
	l, err := link.Open(link.Config{
		Node: a.Bootstrap.NodeID, URLs: urls, CASHA256: a.Bootstrap.CASHA256, Log: a.log, Handlers: a.handlers(),
		// A node that waits longer than its reports are missed for is taken for
		// lost though it serves.
		MaxDelay: 2 * a.interval(),
		Certificate: func() (*tls.Certificate, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			c, err := a.identity.Control()
			return &c, err
		},
		OnState: func(up bool) {
			if up {
				a.reportNow()
				return
			}
			select {
			case a.lost <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return err
	}
	if old := a.link.Swap(l); old != nil {
		old.Close()
	}
	return nil
}

// keepIdentity renews the certificates in time, and finds the manager again when the link stays down, until ctx ends. What the manager refuses for good ends the agent.
func (a *Agent) keepIdentity(ctx context.Context) {
	check := rediscoverAfter
	for {
		a.mu.Lock()
		due := time.Until(a.identity.RenewAt())
		a.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(time.Second, due)): // never a storm, whatever a clock says
		case <-a.lost:
			if !a.staysDown(ctx, check/2+rand.N(check)) { // jitter
				continue
			}
		case <-time.After(check + rand.N(rediscoverAfter)): // a link that never came up reports no loss
			if a.link.Load().Connected() {
				check = rediscoverAfter
				continue
			}
		}
		if err := a.renew(ctx); err != nil {
			if ctx.Err() == nil {
				a.fatal <- err
			}
			return
		}
		check = min(2*check, time.Minute)
		if a.link.Load().Connected() {
			check = rediscoverAfter
		}
	}
}

// staysDown waits and tells whether the link is still down then.
func (a *Agent) staysDown(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return !a.link.Load().Connected()
	}
}

// renew asks for new certificates, for as long as it takes, and puts them to use.
func (a *Agent) renew(ctx context.Context) error {
	a.mu.Lock()
	old := a.identity
	a.mu.Unlock()
	id, err := a.joiner.Renew(ctx, old, a.addresses(ctx), a.port)
	if err != nil {
		var refusal *join.Refusal
		if errors.As(err, &refusal) && refusal.Final() {
			return fmt.Errorf("%w: %w", ErrEnded, err)
		}
		return err
	}
	a.mu.Lock()
	a.identity = id
	a.mu.Unlock()
	a.adopt(id.Response)
	if err := a.reconfigure(ctx); err != nil {
		a.log.Warn("transfer service keeps its old certificate until it is restarted", "error", err)
	}
	if !slices.Equal(old.Response.FleetURLs, id.Response.FleetURLs) {
		a.log.Info("fleet has moved", "urls", id.Response.FleetURLs)
		return a.openLink()
	}
	return nil
}

// watchLease ends the agent when its lease file, if it has one, has not been renewed for too long, or is gone.
func (a *Agent) watchLease(ctx context.Context, end context.CancelCauseFunc) {
	b := a.Bootstrap
	if b.LeaseFile == "" {
		return
	}
	limit := leaseTimeout
	if b.LeaseTimeoutS > 0 {
		limit = time.Duration(b.LeaseTimeoutS * float64(time.Second))
	}
	// A manager that lives renews every quarter of the limit, and makes a lost file anew: after twice that nobody will.
	grace := limit / 2
	seen := time.Now() // the last time that the lease was there
	tick := time.NewTicker(min(time.Second, limit/8))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		info, err := os.Stat(b.LeaseFile)
		there := err == nil && a.keepsDirectory()
		if there {
			seen = time.Now()
		}
		if there && time.Since(info.ModTime()) > limit || time.Since(seen) > grace {
			a.log.Warn("lease expired: the manager is gone for good", "file", b.LeaseFile, "after", limit, "there", there)
			end(ErrLeaseExpired)
			return
		}
	}
}

// keepsDirectory tells that the data directory is still the one that the agent took. Where it was deleted no manager
// knows of this node any more, not even one that has begun anew in the same place and renews a lease of that name.
func (a *Agent) keepsDirectory() bool {
	taken, err := a.lock.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(a.lock.Name())
	return err == nil && os.SameFile(taken, now)
}
