// Package pin ties a client to one Godwit cluster before it trusts anything else.
//
// The pin is the SHA-256 of the DER form of the cluster's control CA certificate, written as 64 lower-case hexadecimal digits (users may write colons, and
// upper case). A server proves the pin by sending a chain that contains exactly that certificate, a leaf signed by it, valid for server authentication and
// for the name ManagerName. The host name in the URL plays no part, so that a manager behind address translation, a tunnel or a changed DNS name
// stays reachable, while nobody else's certificate, not even a node's, is taken for it.
//
// Package pin imports nothing but the standard library: the command line, the node and the manager share it.
package pin

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Names that the control CA certifies for the manager's two listeners. They are identities, not addresses, and never resolve.
const (
	ManagerName = "manager.godwit.internal"
	FleetName   = "fleet.godwit.internal"
)

// ErrMismatch reports a server that is not of the pinned cluster.
var ErrMismatch = errors.New("server does not present the pinned certificate authority: it is another cluster, or someone stands in between")

// Of returns the pin of a CA certificate.
func Of(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Parse returns the canonical form of a pin that a person or a file gave.
func Parse(s string) (string, error) {
	clean := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(s), "sha256="), ":", ""))
	if b, err := hex.DecodeString(clean); err != nil || len(b) != sha256.Size {
		return "", fmt.Errorf("fingerprint %.80q is not a SHA-256 in hexadecimal (64 digits)", s)
	}
	return clean, nil
}

// ParseURL splits "https://host:port#sha256=…" into the manager's base URL and its pin. A URL without a fragment has the pin "". Slashes at the end of the base are nothing.
func ParseURL(s string) (base, pinned string, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", "", fmt.Errorf("manager address: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", "", fmt.Errorf("manager address %.200q must look like https://host:port#sha256=FINGERPRINT", s)
	}
	if u.Fragment != "" {
		if pinned, err = Parse(u.Fragment); err != nil {
			return "", "", err
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return strings.TrimRight(u.String(), "/"), pinned, nil
}

// URL is the inverse of ParseURL.
func URL(base, pinned string) string { return base + "#sha256=" + pinned }

// TLSConfig returns a client configuration that accepts only a server of the pinned cluster that is certified as name (ManagerName or FleetName).
func TLSConfig(pinned, name string) (*tls.Config, error) {
	want, err := Parse(pinned)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         name,
		InsecureSkipVerify: true, // VerifyConnection below is stricter: it demands the pinned CA, which no system pool holds.
		VerifyConnection: func(state tls.ConnectionState) error {
			return verify(state.PeerCertificates, want, name)
		},
	}, nil
}

func verify(chain []*x509.Certificate, want, name string) error {
	if len(chain) < 2 {
		return ErrMismatch
	}
	for _, ca := range chain[1:] {
		if Of(ca) != want {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(ca)
		_, err := chain[0].Verify(x509.VerifyOptions{
			Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		if err != nil {
			return fmt.Errorf("certificate of the pinned cluster: %w", err)
		}
		return nil
	}
	return ErrMismatch
}
