package agent

import (
	"context"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/godwit/godwit/node/metadata"
)

const (
	// askedFor is how long a metadata service is asked again: while a machine boots, its first answers may be late.
	askedFor   = 20 * time.Second
	askedAgain = 2 * time.Second
	// lateFor is how long a public address that is to come is waited for: the manager gives it within a minute of the launch, or ends the machine.
	lateFor = 3 * time.Minute
)

// addresses are where clients reach this node, best first. They are found anew with every join and renewal, for a machine that was stopped and started has others.
func (a *Agent) addresses(ctx context.Context) []string {
	b := a.Bootstrap
	host := b.AdvertiseHost
	if host == "" {
		host = b.ListenHost
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return []string{host}
	}
	if b.Advertise != "" {
		if found := a.discover(ctx); len(found) > 0 {
			return found
		}
	}
	if name, err := os.Hostname(); err == nil {
		host = name
	}
	return []string{host}
}

// discover asks the cloud, and where there is none or it does not answer, the machine's routes.
func (a *Agent) discover(ctx context.Context) []string {
	b := a.Bootstrap
	var known metadata.Addresses
	if b.Metadata != "" {
		var client metadata.Client
		known = a.askMetadata(ctx, func() (metadata.Addresses, error) { return client.Ask(ctx, b.Metadata) })
	}
	if known.Private == "" {
		known.Private = towards(b.ManagerURLs)
	}
	if b.Advertise == "public" && known.Public != "" {
		return []string{known.Public, known.Private}
	}
	if known.Private == "" {
		return nil
	}
	return []string{known.Private}
}

func (a *Agent) askMetadata(ctx context.Context, ask func() (metadata.Addresses, error)) metadata.Addresses {
	later := a.Bootstrap.PublicLater && a.Bootstrap.Advertise == "public"
	start := time.Now()
	for {
		known, err := ask()
		waited := time.Since(start)
		switch {
		case err == nil && (known.Public != "" || !later || waited > lateFor || ctx.Err() != nil):
			return known
		case err != nil && (waited > askedFor || ctx.Err() != nil):
			a.log.Warn("this machine's addresses are not known from its cloud; clients are told the private one", "error", err)
			return metadata.Addresses{}
		}
		select {
		case <-ctx.Done():
		case <-time.After(askedAgain):
		}
	}
}

// towards is this machine's address on the way to the first manager that there is a way to. Nothing is sent.
func towards(managers []string) string {
	for _, raw := range managers {
		u, err := url.Parse(raw)
		if err != nil {
			continue
		}
		port := u.Port()
		if port == "" {
			port = "443"
		}
		conn, err := net.DialTimeout("udp", net.JoinHostPort(u.Hostname(), port), askedAgain) //nolint:noctx // sends nothing; a name is looked up within the timeout
		if err != nil {
			continue
		}
		local, ok := conn.LocalAddr().(*net.UDPAddr)
		_ = conn.Close() // nothing was sent
		if ok && !local.IP.IsUnspecified() {
			return local.IP.String()
		}
	}
	return ""
}
