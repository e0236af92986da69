package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/godwit/godwit/statestore"
)

// keptTime bounds the look into the store: a handshake waits for it.
const keptTime = 5 * time.Second

// keptCert is a manager's HTTPS certificate as it outlives the process, sealed in the store: who told a browser to trust
// it need not do so again after every restart.
type keptCert struct {
	Leaf []byte `json:"leaf"` // DER
	Key  []byte `json:"key"`  // PKCS #8
}

// keptName is the setting of the certificate for some names. Managers that have the same names share one.
func keptName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "https certificate " + hex.EncodeToString(sum[:8])
}

// recall returns the stored certificate when it is of this authority, complete and good for a while yet; otherwise nil.
func (a *Authority) recall(key string, now time.Time) (*managerCert, error) {
	ctx, cancel := context.WithTimeout(context.Background(), keptTime)
	defer cancel()
	raw, err := a.store.Settings.Sealed(ctx, keptName(key))
	if errors.Is(err, statestore.ErrNotFound) || errors.Is(err, statestore.ErrUnsealed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var kept keptCert
	if err := json.Unmarshal(raw, &kept); err != nil {
		return nil, fmt.Errorf("stored HTTPS certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(kept.Leaf)
	if err != nil {
		return nil, fmt.Errorf("stored HTTPS certificate: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(kept.Key)
	if err != nil {
		return nil, fmt.Errorf("stored HTTPS key: %w", err)
	}
	private, isEC := parsed.(*ecdsa.PrivateKey)
	renewAt := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) * 2 / 3)
	if !isEC || !private.PublicKey.Equal(leaf.PublicKey) || leaf.CheckSignatureFrom(a.control.cert) != nil || !now.Before(renewAt) || now.Before(leaf.NotBefore) {
		return nil, nil
	}
	return &managerCert{
		cert:    &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.control.cert.Raw}, PrivateKey: private, Leaf: leaf},
		renewAt: renewAt,
	}, nil
}

// keep stores a certificate for the next start.
func (a *Authority) keep(key string, c *managerCert, private *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("HTTPS key: %w", err)
	}
	raw, err := json.Marshal(keptCert{Leaf: c.cert.Leaf.Raw, Key: der})
	if err != nil {
		return fmt.Errorf("HTTPS certificate: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), keptTime)
	defer cancel()
	return a.store.Settings.PutSealed(ctx, keptName(key), raw)
}
