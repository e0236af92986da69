package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/identity/pin"
)

// managerCert is one of the manager's own certificates and when to replace it.
type managerCert struct {
	cert    *tls.Certificate
	renewAt time.Time
}

// HTTPS returns the configuration of the manager's HTTPS listener for the given host names and addresses. The chain holds the control CA, so that clients find their pin.
// Client certificates are asked for and not checked here: node renewal checks them itself, expired ones too.
func (a *Authority) HTTPS(names ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, ClientAuth: tls.RequestClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.managerCertificate(pin.ManagerName, names)
		},
	}
}

// FleetTLS returns the configuration of the fleet's listener: only certificates of the control CA come in.
func (a *Authority) FleetTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.controlPool,
		// A resumed session would skip the check of the certificate's validity.
		SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.managerCertificate(pin.FleetName, nil)
		},
	}
}

// managerCertificate returns a certificate that is good for at least a third of its lifetime. That of HTTPS is kept in the store, sealed; that of the fleet lives in memory only.
func (a *Authority) managerCertificate(name string, also []string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := name + " " + strings.Join(also, " ")
	now := a.now()
	if c := a.manager[key]; c != nil && now.Before(c.renewAt) {
		return c.cert, nil
	}
	if name == pin.ManagerName {
		c, err := a.recall(key, now)
		if err != nil { // a new certificate serves as well: only browsers ask again
			a.log.Warn("the stored HTTPS certificate cannot be used", "error", err)
		} else if c != nil {
			a.manager[key] = c
			return c.cert, nil
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("manager key: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: []string{"Godwit manager"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	addNames(template, slices.Concat([]string{name}, also))
	leaf, err := a.control.issue(template, &private.PublicKey, now, managerLifetime)
	if err != nil {
		return nil, err
	}
	c := &managerCert{
		cert:    &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.control.cert.Raw}, PrivateKey: private, Leaf: leaf},
		renewAt: now.Add(managerLifetime * 2 / 3),
	}
	a.manager[key] = c
	if name == pin.ManagerName {
		if err := a.keep(key, c, private); err != nil {
			a.log.Warn("the HTTPS certificate is not kept over a restart", "error", err)
		}
	}
	return c.cert, nil
}
