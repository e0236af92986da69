package client

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ParseAddress splits a manager's address into URL and pinned SHA-256
// fingerprint (nil when absent). Errors name the part that is wrong.
func ParseAddress(address string) (*url.URL, []byte, error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, nil, fmt.Errorf("manager address %q: %w", address, err)
	}
	if u.Scheme != "https" {
		return nil, nil, fmt.Errorf("manager address %q: only https is spoken", address)
	}
	if u.Host == "" {
		return nil, nil, fmt.Errorf("manager address %q: the host is missing; write https://host:8443#sha256=…", address)
	}
	var pin []byte
	if u.Fragment != "" {
		h, found := strings.CutPrefix(u.Fragment, "sha256=")
		pin, err = hex.DecodeString(strings.ReplaceAll(h, ":", ""))
		if !found || err != nil || len(pin) != sha256.Size {
			return nil, nil, fmt.Errorf("manager address: %q is no fingerprint; write #sha256= and 64 hexadecimal digits", u.Fragment)
		}
	}
	u.Fragment, u.RawFragment, u.RawQuery, u.User = "", "", "", nil
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, pin, nil
}

// errPin is what a pinned client says to a server with another certificate.
var errPin = errors.New("the server's certificate does not match the pinned fingerprint: this is not the manager you logged in to, or its authority was replaced; compare with the line that the manager prints and run godwit login again")

func tlsConfig(host string, pin []byte) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: host}
	if pin == nil {
		return cfg
	}
	// The chain is checked below, against the pin in place of the system's pool.
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errPin
		}
		leaf := s.PeerCertificates[0]
		for i, cert := range s.PeerCertificates {
			sum := sha256.Sum256(cert.Raw)
			if !bytes.Equal(sum[:], pin) {
				continue
			}
			if i == 0 {
				return nil
			}
			roots, between := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(cert)
			for _, c := range s.PeerCertificates[1:] {
				between.AddCert(c)
			}
			_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: host})
			return err
		}
		return errPin
	}
	return cfg
}
