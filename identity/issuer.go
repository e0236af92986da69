package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"regexp"
	"time"
)

// Lifetimes. A day for nodes makes revocation lists short and a stolen key short-lived; renewal at two thirds leaves eight hours of a manager's absence.
const (
	NodeLifetime    = 24 * time.Hour
	managerLifetime = 30 * 24 * time.Hour
	caLifetime      = 10 * 365 * 24 * time.Hour
	// backdate tolerates nodes whose clocks are behind; certificates that live shorter than an hour are backdated by a twelfth of their life.
	backdate = 5 * time.Minute
)

// nodeID is what may stand in a certificate's common name: one token of a fleet subject, so that no id can widen a permission.
var nodeID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// issuer is one certificate authority.
type issuer struct {
	cert *x509.Certificate
	pem  []byte
	key  *ecdsa.PrivateKey
}

func newIssuer(name string, now time.Time) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("CA key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Godwit"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(caLifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	return &issuer{cert: cert, pem: certPEM(der), key: key}, nil
}

func parseIssuer(certificate, key []byte) (*issuer, error) {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return nil, errors.New("CA certificate: not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("CA key: %w", err)
	}
	ec, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !ec.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("CA key: not the certificate's")
	}
	return &issuer{cert: cert, pem: certificate, key: ec}, nil
}

// issue signs template for pub, never beyond the CA's own end.
func (i *issuer) issue(template *x509.Certificate, pub crypto.PublicKey, now time.Time, lifetime time.Duration) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = now.Add(-min(backdate, lifetime/12)), now.Add(lifetime)
	if template.NotAfter.After(i.cert.NotAfter) {
		template.NotAfter = i.cert.NotAfter
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, pub, i.key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func controlTemplate(cluster, node string) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: node, Organization: []string{"Godwit node"}},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "godwit", Path: "/" + cluster + "/node/" + node}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

func servingTemplate(node string, addresses []string) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: node, Organization: []string{"Godwit node"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	addNames(t, addresses)
	return t
}

func addNames(t *x509.Certificate, names []string) {
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if n != "" {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
}

// parseCSR returns the public key that a request proves. Only P-256 keys are taken: one kind, no downgrade.
func parseCSR(s string) (*ecdsa.PublicKey, error) {
	block, rest := pem.Decode([]byte(s))
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(rest) != 0 {
		return nil, errors.New("certificate request: not one PEM block of that type")
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := req.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request does not prove its key: %w", err)
	}
	key, ok := req.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("certificate request: key must be ECDSA P-256")
	}
	return key, nil
}

// newSerial draws 127 random bits: unique without coordination among managers.
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("certificate serial: %w", err)
	}
	return n, nil
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func serialText(n *big.Int) string { return fmt.Sprintf("%032x", n) }
