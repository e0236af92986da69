package transfer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

const (
	handshakeTimeout = 10 * time.Second
	dialTimeout      = 5 * time.Second

	exporterBinding = "EXPORTER-godwit-binding"
	exporterData    = "EXPORTER-godwit-data"
)

// dial connects to the first address of spec that answers and finishes the TLS
// handshake there. A certificate other than the pinned one ends it at once: it
// is the wrong node, not an absent one.
func dial(ctx context.Context, spec Spec, roots *x509.CertPool) (*link, error) {
	hosts := spec.Addresses
	if spec.Host != "" {
		hosts = append([]string{spec.Host}, hosts...)
	}
	var last error
	for _, host := range hosts {
		l, err := dialOne(ctx, host, spec, roots)
		if err == nil {
			return l, nil
		}
		if CodeOf(err) == CodeCertificate || ctx.Err() != nil {
			return nil, err
		}
		last = err
	}
	return nil, last
}

// Where packets get lost, a handshake that lost one waits for a second and more
// until TCP repeats it. So another one begins when the first is late, and the
// first to succeed is taken.
const (
	attemptsMost = 3
	lateLeast    = 400 * time.Millisecond // doubled for each further attempt
	lateRTTs     = 1.6                    // for the TLS handshake, once the round trip is known
)

// attempt is one try to reach a node.
type attempt struct {
	link *link
	err  error
}

// dialOne connects to one address.
func dialOne(ctx context.Context, host string, spec Spec, roots *x509.CertPool) (*link, error) {
	config, err := clientTLS(host, spec, roots)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := net.JoinHostPort(host, strconv.Itoa(spec.Port))
	done := make(chan attempt, attemptsMost)
	connected := make(chan time.Duration, attemptsMost)
	open, begun := 0, 0
	begin := func() {
		open, begun = open+1, begun+1
		go func() {
			l, err := reach(ctx, at, config, connected)
			done <- attempt{l, err}
		}()
	}
	begin()
	late := time.NewTimer(lateLeast)
	defer late.Stop()
	for {
		select {
		case <-late.C:
			if begun < attemptsMost {
				late.Reset(lateLeast << begun)
				begin()
			}
		case rtt := <-connected:
			late.Reset(max(lateLeast, time.Duration(lateRTTs*float64(rtt))))
		case a := <-done:
			open--
			if a.err != nil && (CodeOf(a.err) == CodeUnreachable && open > 0) {
				continue // another may still get through
			}
			cancel()
			go discard(done, open)
			return a.link, a.err
		}
	}
}

// discard closes what n attempts may still bring.
func discard(done <-chan attempt, n int) {
	for range n {
		if a := <-done; a.link != nil {
			_ = a.link.Close()
		}
	}
}

// reach connects to at and finishes the TLS handshake; connected hears how long
// TCP took.
func reach(ctx context.Context, at string, config *tls.Config, connected chan<- time.Duration) (*link, error) {
	unreachable := func(err error) error {
		return newError(CodeUnreachable, "cannot reach node "+at, err)
	}
	d := net.Dialer{Timeout: dialTimeout}
	began := time.Now()
	raw, err := d.DialContext(ctx, "tcp", at)
	rtt := time.Since(began)
	if err != nil {
		return nil, unreachable(err)
	}
	connected <- rtt
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		var e *Error
		if errors.As(err, &e) {
			return nil, e
		}
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			return nil, newError(CodeCertificate, "the certificate of "+at+" is not to be trusted", err)
		}
		return nil, unreachable(err)
	}
	if conn.ConnectionState().NegotiatedProtocol != ALPN {
		_ = conn.Close()
		return nil, newError(CodeProtocol, at+" does not speak "+ALPN, nil)
	}
	l, err := tlsLink(conn, rtt)
	if err != nil {
		_ = conn.Close()
	}
	return l, err
}

func clientTLS(host string, spec Spec, roots *x509.CertPool) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{ALPN}, ServerName: host, RootCAs: roots}
	if spec.CertSHA256 == "" {
		return config, nil
	}
	pin, err := hex.DecodeString(spec.CertSHA256)
	if err != nil {
		return nil, newError(CodeInvalid, "cert_sha256 of the transfer spec is not hexadecimal", err)
	}
	config.ServerName = ""           // the node's own certificate is meant, not one of a name
	config.InsecureSkipVerify = true // replaced by the pin, which says more than a chain
	config.VerifyConnection = func(state tls.ConnectionState) error {
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(sum[:], pin) != 1 {
			return newError(CodeCertificate, fmt.Sprintf(
				"%s shows certificate %x, the transfer spec names %x: ask for a new spec, or look who answers there",
				host, sum[:8], pin[:min(8, len(pin))]), nil)
		}
		return nil
	}
	return config, nil
}

// serverTLS is the node's side; the certificate is asked at each handshake.
func serverTLS(certificate func() (*tls.Certificate, error), named func(string) *tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{ALPN},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if named != nil && hello.ServerName != "" {
				if found := named(hello.ServerName); found != nil {
					return found, nil
				}
			}
			return certificate()
		},
		SessionTicketsDisabled: true, // each session authenticates anew
	}
}
