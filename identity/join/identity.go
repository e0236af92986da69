package join

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/godwit/godwit/internal/atomicfile"
)

// Identity is what a node is: its keys and the certificates last issued for them. Values are immutable; a renewal yields a new one.
type Identity struct {
	NodeID     string
	Response   Response
	controlKey *ecdsa.PrivateKey
	serveKey   *ecdsa.PrivateKey
}

// stored is the on-disk form, one file so that keys and certificates can never be of different generations.
type stored struct {
	NodeID     string   `json:"node_id"`
	ControlKey string   `json:"control_key_pem"`
	ServingKey string   `json:"serving_key_pem"`
	Response   Response `json:"response"`
}

func fresh(nodeID string) (*Identity, error) {
	control, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("control key: %w", err)
	}
	serving, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("serving key: %w", err)
	}
	return &Identity{NodeID: nodeID, controlKey: control, serveKey: serving}, nil
}

// Joined tells whether certificates have been issued.
func (i *Identity) Joined() bool { return i.Response.ControlCert != "" }

// Control is the client certificate for the fleet connection and for renewal.
func (i *Identity) Control() (tls.Certificate, error) {
	return pair(i.Response.ControlCert, i.controlKey)
}

// Serving is the certificate that clients of the transfer service pin.
func (i *Identity) Serving() (tls.Certificate, error) {
	return pair(i.Response.ServingCert, i.serveKey)
}

// ServingPEM returns certificate and PKCS #8 key for the transfer service's process.
func (i *Identity) ServingPEM() (cert, key string, err error) {
	key, err = keyPEM(i.serveKey)
	return i.Response.ServingCert, key, err
}

// RenewAt is when two thirds of the control certificate's lifetime have passed; the zero time when there is none.
func (i *Identity) RenewAt() time.Time {
	c, err := i.Control()
	if err != nil {
		return time.Time{}
	}
	return c.Leaf.NotBefore.Add(c.Leaf.NotAfter.Sub(c.Leaf.NotBefore) * 2 / 3)
}

// ServingSHA256 is the pin of the serving certificate that transfer specs carry: SHA-256 of its DER, in hexadecimal.
func (i *Identity) ServingSHA256() string {
	c, err := i.Serving()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}

func pair(certPEM string, key *ecdsa.PrivateKey) (tls.Certificate, error) {
	var out tls.Certificate
	for rest := []byte(certPEM); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		out.Certificate = append(out.Certificate, block.Bytes)
	}
	if len(out.Certificate) == 0 {
		return out, errors.New("certificate: not issued yet")
	}
	leaf, err := x509.ParseCertificate(out.Certificate[0])
	if err != nil {
		return out, fmt.Errorf("certificate: %w", err)
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return out, errors.New("certificate: issued for another key")
	}
	out.PrivateKey, out.Leaf = key, leaf
	return out, nil
}

func csr(nodeID string, key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: nodeID}}, key)
	if err != nil {
		return "", fmt.Errorf("certificate request: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

func keyPEM(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("private key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func parseKey(s string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(s))
	if block == nil {
		return nil, errors.New("private key: not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("private key: not ECDSA")
	}
	return ec, nil
}

func identityFile(dataDir string) string { return filepath.Join(dataDir, "identity.json") }

// Load reads the identity kept in dataDir; os.ErrNotExist when the node has none yet.
func Load(dataDir string) (*Identity, error) {
	data, err := os.ReadFile(identityFile(dataDir))
	if err != nil {
		return nil, fmt.Errorf("node identity: %w", err)
	}
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("node identity %s: %w", identityFile(dataDir), err)
	}
	i := &Identity{NodeID: s.NodeID, Response: s.Response}
	if i.controlKey, err = parseKey(s.ControlKey); err != nil {
		return nil, fmt.Errorf("node identity: %w", err)
	}
	if i.serveKey, err = parseKey(s.ServingKey); err != nil {
		return nil, fmt.Errorf("node identity: %w", err)
	}
	return i, nil
}

// Save writes the identity so that a crash leaves either the old one or the new one.
func (i *Identity) Save(dataDir string) error {
	s := stored{NodeID: i.NodeID, Response: i.Response}
	var err error
	if s.ControlKey, err = keyPEM(i.controlKey); err != nil {
		return err
	}
	if s.ServingKey, err = keyPEM(i.serveKey); err != nil {
		return err
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("node identity: %w", err)
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return fmt.Errorf("node identity: %w", err)
	}
	if err := atomicfile.Write(identityFile(dataDir), data); err != nil {
		return fmt.Errorf("node identity: %w", err)
	}
	return nil
}
