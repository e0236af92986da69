package certificate

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Pair is a certificate, with those between it and its authority, and its key, both in PEM.
type Pair struct {
	Chain string `json:"chain"`
	Key   string `json:"key"`
}

// Facts are what a certificate says of itself.
type Facts struct {
	Names      []string // that clients may look for; some may be wildcards
	Issuer     string   // as its own certificate calls it
	SHA256     string   // of the certificate, in hexadecimal
	From, Ends time.Time
}

// Fault is why a pair is of no use.
type Fault struct {
	Field   string // chain or key
	Problem string // in words that follow the field's name
}

// Error gives field and problem.
func (f *Fault) Error() string { return f.Field + " " + f.Problem }

const (
	// mostCertificates of one chain: those of public authorities have two to four.
	mostCertificates = 10
	// leastRSA is what the systems of clients still take
	// (https://cabforum.org/working-groups/server/baseline-requirements/, section 6.1.5).
	leastRSA = 2048
)

// Check says whether nodes can show the pair, and what it is: chain and key belong together and can be read, the first
// certificate is a server's, has a name and is good at the time now, and each following one issued the one before.
// Every other error is a *Fault. Whom the authority is trusted by is not looked at.
func (p Pair) Check(now time.Time) (Facts, error) {
	chain, err := parseChain(p.Chain)
	if err != nil {
		return Facts{}, err
	}
	leaf := chain[0]
	switch utc := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }; {
	case len(leaf.DNSNames) == 0:
		return Facts{}, &Fault{"chain", "has no DNS name that a client could look for in its first certificate"}
	case !servers(leaf):
		return Facts{}, &Fault{"chain", "begins with a certificate that is not for servers"}
	case !now.Before(leaf.NotAfter):
		return Facts{}, &Fault{"chain", "ended at " + utc(leaf.NotAfter)}
	case now.Before(leaf.NotBefore):
		return Facts{}, &Fault{"chain", "is good from " + utc(leaf.NotBefore) + " only; here it is " + utc(now)}
	}
	if err := checkKey(p.Key); err != nil {
		return Facts{}, err
	}
	pair, err := tls.X509KeyPair([]byte(p.Chain), []byte(p.Key))
	if err != nil {
		return Facts{}, &Fault{"key", "does not go with the first certificate of the chain: " + strings.TrimPrefix(err.Error(), "tls: ")}
	}
	if key, ok := pair.PrivateKey.(*rsa.PrivateKey); ok && key.N.BitLen() < leastRSA {
		return Facts{}, &Fault{"key", fmt.Sprintf("has %d bits; clients refuse RSA keys of less than %d", key.N.BitLen(), leastRSA)}
	}
	for i := 1; i < len(chain); i++ {
		if err := chain[i-1].CheckSignatureFrom(chain[i]); err != nil {
			return Facts{}, &Fault{"chain", fmt.Sprintf("is not in order: certificate %d (%s) did not issue the one before it (%s)", i+1, name(chain[i]), name(chain[i-1]))}
		}
	}
	return facts(leaf), nil
}

// Read is what a chain's first certificate says, without any check of it.
func Read(chain string) (Facts, error) {
	all, err := parseChain(chain)
	if err != nil {
		return Facts{}, err
	}
	return facts(all[0]), nil
}

func facts(leaf *x509.Certificate) Facts {
	sum := sha256.Sum256(leaf.Raw)
	return Facts{Names: leaf.DNSNames, Issuer: leaf.Issuer.String(), SHA256: hex.EncodeToString(sum[:]), From: leaf.NotBefore, Ends: leaf.NotAfter}
}

// Covers says whether clients that look for the name take the certificate.
func (f Facts) Covers(name string) bool {
	return (&x509.Certificate{DNSNames: f.Names}).VerifyHostname(name) == nil
}

// mostNotice is how long before its end a certificate of many years is worth a word.
const mostNotice = 30 * 24 * time.Hour

// Ending says that the certificate should have been renewed long ago, with a sixth of its life left, or has ended. what
// is how to call it, such as "the uploaded certificate". Empty: nothing to say.
func (f Facts) Ending(what string, now time.Time) string {
	first := "no name"
	if len(f.Names) > 0 {
		first = f.Names[0]
	}
	left := f.Ends.Sub(now)
	switch at := f.Ends.UTC().Format(time.RFC3339); {
	case left <= 0:
		return fmt.Sprintf("%s of %s ended at %s: clients refuse the nodes by name", what, first, at)
	case left < min(f.Ends.Sub(f.From)/6, mostNotice):
		return fmt.Sprintf("%s of %s ends at %s and was not renewed yet", what, first, at)
	}
	return ""
}

func parseChain(text string) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil, &Fault{"chain", "holds a private key, which has a place of its own"}
		}
		if block.Type != "CERTIFICATE" {
			return nil, &Fault{"chain", fmt.Sprintf("holds a %q in PEM; only certificates belong here", short(block.Type))}
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &Fault{"chain", fmt.Sprintf("has a certificate, the %d. one, that cannot be read: %v", len(chain)+1, err)}
		}
		if chain = append(chain, cert); len(chain) > mostCertificates {
			return nil, &Fault{"chain", fmt.Sprintf("has more than %d certificates: only the server's and those between it and its authority are needed", mostCertificates)}
		}
	}
	if len(chain) == 0 {
		return nil, &Fault{"chain", "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----"}
	}
	return chain, nil
}

// checkKey says what is the matter with a key by itself.
func checkKey(text string) error {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return &Fault{"key", "holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----"}
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return &Fault{"key", "is encrypted with a passphrase; decrypt it first (openssl pkey -in KEY)"}
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // parameters of a curve, certificates
		}
		if err := readable(block.Bytes); err != nil {
			return &Fault{"key", "cannot be read: " + err.Error()}
		}
		return nil
	}
}

// readable tries the forms that crypto/tls does.
func readable(der []byte) error {
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return nil
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return errors.New("it is no private key of RSA, ECDSA or Ed25519")
	}
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return nil
	}
	return fmt.Errorf("a %T is of no use for TLS", key)
}

// servers says whether a certificate may be a server's: one that names no use may be all.
func servers(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	for _, use := range c.ExtKeyUsage {
		if use == x509.ExtKeyUsageServerAuth || use == x509.ExtKeyUsageAny {
			return true
		}
	}
	return false
}

func name(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return short(c.Subject.String())
}

// short is text of somebody else's, as far as it is shown.
func short(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	return strings.ToValidUTF8(s, "?")
}
