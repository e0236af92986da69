package invite

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Identity is what a server keeps to stay the same to those it invited.
type Identity struct {
	Certificate tls.Certificate
	Key         Key
}

// lifetime is long because the pin is what clients check, not the dates.
const lifetime = 20 * 365 * 24 * time.Hour

// New makes an identity that nobody knows yet.
func New(now time.Time) (Identity, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("server key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "godwit serve"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return Identity{}, fmt.Errorf("server certificate: %w", err)
	}
	id := Identity{Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}}
	id.Key.pin = sha256.Sum256(der)
	_, _ = rand.Read(id.Key.secret[:]) // never fails
	return id, nil
}

// Blocks of an identity file.
const (
	blockCertificate = "CERTIFICATE"
	blockPrivate     = "PRIVATE KEY"
	blockSecret      = "GODWIT INVITATION SECRET"
)

// Load reads the identity in the file at path, or makes one and writes it there, readable by its
// owner only.
func Load(path string, now time.Time) (Identity, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		id, err := parse(b)
		if err != nil {
			return id, fmt.Errorf("identity in %s: %w; mend or remove the file", path, err)
		}
		return id, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Identity{}, fmt.Errorf("identity: %w", err)
	}
	id, err := New(now)
	if err != nil {
		return id, err
	}
	if b, err = id.marshal(); err != nil {
		return id, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return id, fmt.Errorf("identity: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return id, fmt.Errorf("identity: %w", err)
	}
	_, werr := f.Write(b)
	if err := errors.Join(werr, f.Close()); err != nil {
		return id, fmt.Errorf("identity: %w", err)
	}
	return id, nil
}

func (id Identity) marshal() ([]byte, error) {
	private, err := x509.MarshalPKCS8PrivateKey(id.Certificate.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("server key: %w", err)
	}
	var out []byte
	for _, block := range []pem.Block{
		{Type: blockCertificate, Bytes: id.Certificate.Certificate[0]},
		{Type: blockPrivate, Bytes: private},
		{Type: blockSecret, Bytes: id.Key.secret[:]},
	} {
		out = append(out, pem.EncodeToMemory(&block)...)
	}
	return out, nil
}

func parse(b []byte) (Identity, error) {
	var id Identity
	var secret []byte
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case blockCertificate:
			id.Certificate.Certificate = [][]byte{block.Bytes}
		case blockPrivate:
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return id, fmt.Errorf("server key: %w", err)
			}
			id.Certificate.PrivateKey = key
		case blockSecret:
			secret = block.Bytes
		}
	}
	if id.Certificate.Certificate == nil || id.Certificate.PrivateKey == nil || len(secret) != secretSize {
		return id, errors.New("certificate, key or secret is missing")
	}
	id.Key.pin = sha256.Sum256(id.Certificate.Certificate[0])
	copy(id.Key.secret[:], secret)
	return id, nil
}
