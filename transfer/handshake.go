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
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

const (
	handshakeTimeout = 10 * time.Second
	dialTimeout      = 5 * time.Second

	exporterBinding = "EXPORTER-godwit-binding"
	exporterData    = "EXPORTER-godwit-data"
	exporterJoin    = "EXPORTER-godwit-join"
)

// dial connects to the first address of spec that answers and finishes the TLS
// handshake there. A certificate other than the pinned one ends it at once: it
// is the wrong node, not an absent one.
func dial(ctx context.Context, spec Spec, roots *x509.CertPool) (l *link, err error) {
	for _, host := range spec.hosts() {
		if l, err = dialOne(ctx, host, spec, roots, nil); err == nil || final(ctx, err) {
			break
		}
	}
	return l, err
}

// hosts are the addresses to try, in order.
func (s *Spec) hosts() []string {
	if s.Host != "" {
		return append([]string{s.Host}, s.Addresses...)
	}
	return s.Addresses
}

// final reports whether an error of one address makes trying others pointless.
func final(ctx context.Context, err error) bool {
	return CodeOf(err) == CodeCertificate || ctx.Err() != nil
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

// approach tells how far a dial has come. Its channels take one value each; nil
// channels nothing.
type approach struct {
	tries     chan netip.AddrPort // the first address that is tried, of those that the host has
	connected chan reached        // TCP has connected, TLS goes on
}

// reached is what an established TCP connection says.
type reached struct {
	at  netip.AddrPort
	rtt time.Duration
}

// offer sends v if there is room.
func offer[T any](to chan T, v T) {
	select {
	case to <- v:
	default:
	}
}

// dialOne connects to one address; how may be nil.
func dialOne(ctx context.Context, host string, spec Spec, roots *x509.CertPool, how *approach) (*link, error) {
	if how == nil {
		how = &approach{}
	}
	config, err := clientTLS(ALPN, host, spec, roots)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := net.JoinHostPort(host, strconv.Itoa(spec.Port))
	done := make(chan attempt, attemptsMost)
	connected := make(chan reached, attemptsMost)
	open, begun := 0, 0
	begin := func() {
		open, begun = open+1, begun+1
		go func() {
			l, err := reach(ctx, at, config, how.tries, connected)
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
		case c := <-connected:
			offer(how.connected, c)
			late.Reset(max(lateLeast, time.Duration(lateRTTs*float64(c.rtt))))
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

// reach connects to at and finishes the TLS handshake; tries and connected hear
// where, and how long TCP took.
func reach(ctx context.Context, at string, config *tls.Config, tries chan netip.AddrPort, connected chan<- reached) (*link, error) {
	d := net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if to, err := netip.ParseAddrPort(address); err == nil {
			offer(tries, to)
		}
		return nil
	}}
	began := time.Now()
	raw, err := d.DialContext(ctx, "tcp", at)
	rtt := time.Since(began)
	if err != nil {
		return nil, handshakeError(at, err)
	}
	connected <- reached{addrOf(raw.RemoteAddr()), rtt}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, handshakeError(at, err)
	}
	if conn.ConnectionState().NegotiatedProtocol != ALPN {
		_ = conn.Close()
		return nil, newError(CodeProtocol, at+" does not speak "+ALPN, nil)
	}
	l, err := tlsLink(conn, rtt)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return l, nil
}

// handshakeError says why there is no connection to at.
func handshakeError(at string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return newError(CodeCertificate, "the certificate of "+at+" is not to be trusted", err)
	}
	return newError(CodeUnreachable, "cannot reach node "+at, err)
}

func clientTLS(protocol, host string, spec Spec, roots *x509.CertPool) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, ServerName: host, RootCAs: roots}
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
				"%s shows certificate %x…, where its address or transfer spec names %x…: it was started anew and has another address now, or somebody else answers there",
				host, sum[:8], pin[:min(8, len(pin))]), nil)
		}
		return nil
	}
	return config, nil
}

// serverTLS is the node's side for one protocol name; the certificate is asked at
// each handshake.
func serverTLS(protocol string, certificate func() (*tls.Certificate, error), named func(string) *tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol},
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
