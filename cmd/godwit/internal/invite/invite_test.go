package invite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer"
)

func TestAnIdentityStaysTheSameInItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new/identity.pem")
	first, err := Load(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(path, time.Now())
	if err != nil || again.Key != first.Key {
		t.Fatalf("%v, %v", again.Key == first.Key, err)
	}
	if got := transfer.CertificateFingerprint(again.Certificate.Certificate[0]); got != first.Key.CertSHA256() {
		t.Errorf("certificate %s, pinned %s", got, first.Key.CertSHA256())
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	other, err := New(time.Now())
	if err != nil || other.Key == first.Key || other.Key.CertSHA256() == first.Key.CertSHA256() {
		t.Errorf("two identities are alike: %v", err)
	}
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, time.Now()); err == nil {
		t.Error("a broken file was taken for an identity")
	}
}

func TestOnlyTheHolderOfTheKeyIsLetIn(t *testing.T) {
	t.Parallel()
	id, err := New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(id.Key.String())
	if err != nil || key != id.Key {
		t.Fatalf("%v", err)
	}
	binding := []byte("of one connection, 32 bytes long")
	proof := func(k Key) transfer.Credential {
		return transfer.Credential{AccessKey: AccessKey, Binding: binding,
			Proof: transfer.AccessKeyProof(transfer.AccessKeyVerifier(k.Secret()), binding)}
	}
	if !id.Key.Verifies(proof(key)) {
		t.Error("the holder is refused")
	}
	if id.Key.Verifies(proof(other.Key)) {
		t.Error("another server's guest is let in")
	}
	elsewhere := proof(key)
	elsewhere.Binding = []byte("of another connection, 32 bytes.")
	if id.Key.Verifies(elsewhere) {
		t.Error("a proof is good for another connection")
	}
	if s := key.Spec("::1", 33001); s.Validate() != nil || s.CertSHA256 != id.Key.CertSHA256() {
		t.Errorf("spec %+v", s)
	}
}

func FuzzParseKey(f *testing.F) {
	id, err := New(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(id.Key.String())
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		if err == nil && k.String() != s {
			t.Errorf("%q came back as %q", s, k.String())
		}
	})
}
