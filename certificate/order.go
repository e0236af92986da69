package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

const (
	// orderTime bounds one order: publishing, and all of the authority's looking.
	orderTime = 15 * time.Minute
	// callTime bounds one call to the authority.
	callTime = 30 * time.Second
	// mostWords of what an authority says are shown.
	mostWords = 600
)

// Authority that certificates are ordered from.
type Authority struct {
	// Directory is the URL by which an ACME authority is known.
	Directory string
	// Email to which it may write; may be empty.
	Email string
	// Roots are whom its own HTTPS is trusted by; the system's if nil.
	Roots *x509.CertPool
}

// order gets a certificate for w and stores it.
func (i *Issuer) order(ctx context.Context, w Wanted) (*kept, error) {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	account := acme.Account{TermsOfServiceAgreed: true}
	if i.Authority.Email != "" {
		account.Contact = []string{"mailto:" + i.Authority.Email}
	}
	key, err := i.accountKey(ctx)
	if err != nil {
		return nil, err
	}
	account.PrivateKey = key
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: callTime,
		TLSClientConfig: &tls.Config{RootCAs: i.Authority.Roots, MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	kind := acme.ChallengeTypeDNS01
	if w.HTTP {
		kind = acme.ChallengeTypeHTTP01
	}
	client := acmez.Client{
		Client: &acme.Client{
			Directory: i.Authority.Directory, UserAgent: "godwit", PollInterval: time.Second,
			HTTPClient: &http.Client{Transport: transport, Timeout: callTime},
		},
		ChallengeSolvers: map[string]acmez.Solver{kind: &solver{issuer: i, wanted: w, standing: map[string]string{}}},
	}
	// With a key that is known it is the account of before.
	if account, err = client.NewAccount(ctx, account); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	private, der, err := newKey()
	if err != nil {
		return nil, err
	}
	chains, err := client.ObtainCertificateForSANs(ctx, account, private, w.Names)
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	if len(chains) == 0 {
		return nil, errors.New("order: the authority gave no certificate")
	}
	k := &kept{Pair: Pair{Chain: string(chains[0].ChainPEM), Key: keyPEM(der)}, Directory: i.Authority.Directory, Names: slices.Clone(w.Names)}
	pair, err := tls.X509KeyPair([]byte(k.Chain), []byte(k.Key))
	if err != nil {
		return nil, fmt.Errorf("order: what the authority gave is not usable: %w", err)
	}
	k.leaf = pair.Leaf
	for _, name := range w.Names {
		if err := k.leaf.VerifyHostname(name); err != nil {
			return nil, fmt.Errorf("order: what the authority gave is for other names: %w", err)
		}
	}
	if now := i.Now(); !now.Before(k.leaf.NotAfter) {
		return nil, fmt.Errorf("order: the authority gave a certificate that ended at %s; here it is %s", k.leaf.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return k, k.store(ctx, i.Settings, w.Cluster)
}

// words of an error, as far as they can be shown: part of it is the authority's.
func words(err error) string {
	s := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "?"))
	if len(s) > mostWords {
		s = strings.ToValidUTF8(s[:mostWords], "") + " …"
	}
	return s
}
