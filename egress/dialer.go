package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	headerTimeout    = 20 * time.Second
	defaultTimeout   = 30 * time.Second
	maxRedirects     = 5
	maxHeader        = 64 << 10
)

// Dialer connects to what its rules permit. It is safe for concurrent use. Make it with New.
type Dialer struct {
	allow    func(context.Context) ([]string, error)
	resolver *net.Resolver
}

// New returns a dialer. allow is asked for the allow list at every connection, so that a change of the setting holds at
// once; nil allows public addresses only. When it fails, so does the connection.
func New(allow func(context.Context) ([]string, error)) *Dialer {
	if allow == nil {
		allow = func(context.Context) ([]string, error) { return nil, nil }
	}
	return &Dialer{allow: allow}
}

// DialContext connects to host:port over TCP. Of several addresses of host those that are permitted are tried. It fails
// with *RefusedError (errors.As) when the one tried last is not permitted.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("egress: network %q is not TCP", network)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("egress: %w", err)
	}
	list, err := d.allow(ctx)
	if err != nil {
		return nil, fmt.Errorf("egress rules: %w", err)
	}
	rules, err := Parse(list)
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", SettingKey, err)
	}
	dialer := net.Dialer{
		Timeout: connectTimeout, KeepAlive: 30 * time.Second, Resolver: d.resolver,
		// Called with each address right before connecting to it: nothing can change it afterwards.
		ControlContext: func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(resolved)
			if err != nil {
				return fmt.Errorf("egress: %w", err)
			}
			return rules.Permit(host, to.Addr())
		},
	}
	conn, err := dialer.DialContext(ctx, network, address)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return nil, refused // without "dial tcp 10.0.0.1:443" in front of what says the same better
	}
	return conn, err
}

// TLS returns a configuration for connections to host: TLS 1.2 or newer. roots nil means the system's.
func TLS(host string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// Options of a Client; the zero value is a good one.
type Options struct {
	Timeout time.Duration  // of a whole exchange; 30 s if zero
	Roots   *x509.CertPool // nil: the system's
	// NoRedirects hands the redirecting answer to the caller, as suits a webhook: whoever receives it is asked to be
	// named where it is.
	NoRedirects bool
}

// Client returns an HTTP client whose connections, also those of redirects, are made by d. A redirect from https to http
// is not followed. Close idle connections (CloseIdleConnections) when done with it.
func (d *Dialer) Client(o Options) *http.Client {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			Proxy: nil, DialContext: d.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: TLS("", o.Roots),
			TLSHandshakeTimeout: handshakeTimeout, ResponseHeaderTimeout: headerTimeout, MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns: 16, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
		},
		CheckRedirect: func(next *http.Request, before []*http.Request) error {
			switch {
			case o.NoRedirects:
				return http.ErrUseLastResponse
			case len(before) >= maxRedirects:
				return fmt.Errorf("more than %d redirects", maxRedirects)
			case before[len(before)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
				return errors.New("redirect from https to " + next.URL.Scheme + " is not followed")
			}
			return nil
		},
	}
}
