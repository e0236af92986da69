package certificate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/godwit/godwit/statestore"
)

// kept is a certificate as it is stored, sealed.
type kept struct {
	Pair
	Directory string   `json:"directory"`
	Names     []string `json:"names"`

	leaf *x509.Certificate
}

func certificateKey(cluster string) string { return "acme certificate " + cluster }

// recall is a cluster's certificate; nil: there is none, or none that can be used.
func recall(ctx context.Context, settings statestore.Settings, cluster string) (*kept, error) {
	raw, err := settings.Sealed(ctx, certificateKey(cluster))
	if errors.Is(err, statestore.ErrNotFound) || errors.Is(err, statestore.ErrUnsealed) {
		return nil, nil //nolint:nilnil // another will be ordered
	}
	if err != nil {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, nil //nolint:nilnil,nilerr // as above
	}
	pair, err := tls.X509KeyPair([]byte(k.Chain), []byte(k.Key))
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // as above
	}
	k.leaf = pair.Leaf
	return &k, nil
}

func (k *kept) store(ctx context.Context, settings statestore.Settings, cluster string) error {
	raw, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	return settings.PutSealed(ctx, certificateKey(cluster), raw)
}

// serves says whether this is what is wanted.
func (k *kept) serves(w Wanted, directory string) bool {
	return k != nil && k.Directory == directory && slices.Equal(k.Names, w.Names)
}

func (k *kept) life() time.Duration { return k.leaf.NotAfter.Sub(k.leaf.NotBefore) }

// renewAt is when a third of its life is left, or up to a thirtieth of it later, so that what was ordered at once is not
// renewed at once. Of one certificate it is always the same.
func (k *kept) renewAt() time.Time {
	h := fnv.New32a()
	_, _ = h.Write(k.leaf.Raw) // it never fails
	return k.leaf.NotBefore.Add(k.life()*2/3 + k.life()/30*time.Duration(h.Sum32()%1000)/1000)
}

// accountKey opens the key of the account with a directory, and makes it the first time.
func (i *Issuer) accountKey(ctx context.Context) (*ecdsa.PrivateKey, error) {
	sum := sha256.Sum256([]byte(i.Authority.Directory + "\x00" + i.Authority.Email))
	name := "acme account " + hex.EncodeToString(sum[:8])
	_, fresh, err := newKey()
	if err != nil {
		return nil, err
	}
	raw, err := i.Settings.PutSealedFirst(ctx, name, fresh)
	if errors.Is(err, statestore.ErrUnsealed) { // of another master key: nobody can use it any more
		raw, err = fresh, i.Settings.PutSealed(ctx, name, fresh)
	}
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return nil, fmt.Errorf("account key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("account key: is a %T", parsed)
	}
	return key, nil
}

// newKey is one on P-256, which every authority takes, and its PKCS #8.
func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	return key, der, nil
}

func keyPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// attempts are those that failed since the last one that did not.
type attempts struct {
	// For what: another order is no repetition.
	Directory string    `json:"directory"`
	Names     []string  `json:"names"`
	Failures  int       `json:"failures"`
	Next      time.Time `json:"next"`
	Why       string    `json:"why"`
}

func attemptsKey(cluster string) string { return "acme attempts " + cluster }

// tried reads the attempts at w.
func (i *Issuer) tried(ctx context.Context, w Wanted) (attempts, error) {
	none := attempts{Directory: i.Authority.Directory, Names: w.Names}
	var a attempts
	err := i.Settings.Get(ctx, attemptsKey(w.Cluster), &a)
	if errors.Is(err, statestore.ErrNotFound) || err == nil && (a.Directory != none.Directory || !slices.Equal(a.Names, none.Names)) {
		return none, nil
	}
	return a, err
}
