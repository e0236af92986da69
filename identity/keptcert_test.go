package identity_test

import (
	"bytes"
	"crypto/tls"
	"testing"
	"time"

	"github.com/godwit/godwit/identity"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// Who told a browser to trust the manager's certificate need not do so again after a restart.
func TestHTTPSCertificateOutlivesTheManager(t *testing.T) {
	t.Parallel()
	now := time.Now()
	clock := func() time.Time { return now }
	url, key := storetest.URL(t), statestore.GenerateMasterKey()
	served := func(names ...string) []byte {
		t.Helper()
		s := storetest.Open(t, url, func(c *statestore.Config) { c.MasterKey, c.Clock = key, clock })
		a, err := identity.Open(t.Context(), identity.Config{Store: s.Tables, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.HTTPS(names...).GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificate[0]
	}
	first := served("files.example")
	if !bytes.Equal(first, served("files.example")) {
		t.Error("a restart makes another certificate")
	}
	if bytes.Equal(first, served("other.example")) {
		t.Error("other names are served with the certificate of these")
	}
	now = now.Add(25 * 24 * time.Hour)
	if bytes.Equal(first, served("files.example")) {
		t.Error("an old certificate is kept for ever")
	}
}
