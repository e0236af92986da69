package statestore_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestSealedSecretOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	s := must(statestore.NewSealer(statestore.GenerateMasterKey()))(t)
	sealed := s.Seal(statestore.Secret("hunter2"), "access_keys", "secret", "k1")
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Fatal("not sealed at all")
	}
	wantEqual(t, []byte(must(s.Open(sealed, "access_keys", "secret", "k1"))(t)), []byte("hunter2"))
	for _, place := range [][3]string{
		{"access_keys", "secret", "k2"}, {"access_keys", "credentials", "k1"}, {"signing_keys", "secret", "k1"},
	} {
		_, err := s.Open(sealed, place[0], place[1], place[2])
		wantErr(t, err, statestore.ErrUnsealed)
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := s.Open(altered, "access_keys", "secret", "k1"); err == nil {
			t.Fatalf("opens with byte %d altered", i)
		}
		if _, err := s.Open(sealed[:i], "access_keys", "secret", "k1"); err == nil {
			t.Fatalf("opens when cut to %d bytes", i)
		}
	}
	again := s.Seal(statestore.Secret("hunter2"), "access_keys", "secret", "k1")
	if bytes.Equal(again, sealed) {
		t.Fatal("sealing twice gives the same: the nonce is not random")
	}
}

func FuzzOpenSealed(f *testing.F) {
	key, err := statestore.NewMasterKey(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	s, err := statestore.NewSealer(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(s.Seal(statestore.Secret("x"), "t", "c", "r")[:30])
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if got, err := s.Open(sealed, "t", "c", "r"); err == nil {
			t.Fatalf("forged %q", []byte(got))
		}
	})
}

func TestOldMasterKeyOpensAndNewOneSeals(t *testing.T) {
	t.Parallel()
	old, fresh := statestore.GenerateMasterKey(), statestore.GenerateMasterKey()
	before := must(statestore.NewSealer(old))(t)
	sealed := before.Seal(statestore.Secret("s"), "t", "c", "r")
	both := must(statestore.NewSealer(fresh, old))(t)
	if _, err := both.Open(sealed, "t", "c", "r"); err != nil {
		t.Fatal(err)
	}
	_, err := before.Open(both.Seal(statestore.Secret("s"), "t", "c", "r"), "t", "c", "r")
	wantErr(t, err, statestore.ErrUnsealed)
	if !strings.Contains(err.Error(), fresh.ID()) {
		t.Errorf("%q does not name the key that is wanted, %s", err, fresh.ID())
	}
}

// Somebody who may write to the database, but has no master key, cannot give
// one tenant the secret of another.
func TestCiphertextsCannotBeSwappedInTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := must(w.AccessKeys.Create(t.Context(), statestore.AccessKey{Name: "mine"}, statestore.Secret("my secret"), statestore.Secret("my disk")))(t)
	yours := must(w.AccessKeys.Create(t.Context(), statestore.AccessKey{Name: "yours"}, statestore.Secret("your secret"), nil))(t)
	wantEqual(t, string(must(w.AccessKeys.Secret(t.Context(), yours.ID))(t)), "your secret")

	sql(t, w.url, `UPDATE access_keys SET secret = (SELECT secret FROM access_keys WHERE id = $1) WHERE id = $2`, mine.ID, yours.ID)
	_, err := w.AccessKeys.Secret(t.Context(), yours.ID)
	wantErr(t, err, statestore.ErrUnsealed)

	sql(t, w.url, `UPDATE access_keys SET secret = credentials WHERE id = $1`, mine.ID)
	_, err = w.AccessKeys.Secret(t.Context(), mine.ID)
	wantErr(t, err, statestore.ErrUnsealed)
	wantEqual(t, string(must(w.AccessKeys.Credentials(t.Context(), mine.ID))(t)), "my disk")
}

func TestStoreOfAnotherMasterKeyIsRefused(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	first := statestore.GenerateMasterKey()
	storetest.Open(t, url, func(c *statestore.Config) { c.MasterKey = first })
	_, err := statestore.Open(t.Context(), statestore.Config{DatabaseURL: url, MasterKey: statestore.GenerateMasterKey()})
	wantErr(t, err, statestore.ErrUnsealed)
	if !strings.Contains(err.Error(), first.ID()) {
		t.Errorf("%q does not name the key that is wanted", err)
	}
	_, err = statestore.Open(t.Context(), statestore.Config{DatabaseURL: url})
	wantErr(t, err, statestore.ErrInvalid)
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := statestore.Secret("hunter2")
	key := must(statestore.NewMasterKey([]byte("hunter2hunter2hunter2hunter2hunt")))(t)
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	text := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{secret, &secret, key, &key, struct{ S statestore.Secret }{secret}, map[string]any{"s": secret, "k": key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		log.Info("m", "v", v)
		text.Info("m", "v", v)
		_ = json.NewEncoder(&out).Encode(v)
	}
	for _, leak := range []string{"hunter2", hex.EncodeToString([]byte("hunter2")), "104 117 110", "aHVudGVyM"} {
		if strings.Contains(out.String(), leak) {
			t.Fatalf("%q leaks in:\n%s", leak, out.String())
		}
	}
}

func TestMasterKeyFileIsMadeOnceAndKeptPrivate(t *testing.T) {
	t.Setenv(statestore.MasterKeyEnv, "")
	path := filepath.Join(t.TempDir(), "master.key")
	keys := make([]statestore.MasterKey, 8)
	var wg sync.WaitGroup
	for i := range keys { // managers that start at once agree
		wg.Go(func() {
			k, err := statestore.LoadMasterKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys {
		wantEqual(t, k.Encode(), keys[0].Encode())
	}
	if mode := must(os.Stat(path))(t).Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	if left := must(os.ReadDir(filepath.Dir(path)))(t); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := statestore.LoadMasterKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others read: %v", err)
	}
}

func TestMasterKeyComesFromTheEnvironmentFirst(t *testing.T) {
	want := statestore.GenerateMasterKey()
	t.Setenv(statestore.MasterKeyEnv, want.Encode())
	path := filepath.Join(t.TempDir(), "master.key")
	wantEqual(t, must(statestore.LoadMasterKey(path))(t).Encode(), want.Encode())
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made all the same")
	}
	t.Setenv(statestore.MasterKeyEnv, "hunter2")
	_, err := statestore.LoadMasterKey(path)
	wantErr(t, err, statestore.ErrInvalid)
	if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), statestore.MasterKeyEnv) {
		t.Errorf("error %q", err)
	}
}

func TestMasterKeyIsReadInEveryCommonForm(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xfb, 0xef}, 16)
	want := must(statestore.NewMasterKey(raw))(t).Encode()
	for _, text := range []string{
		want, strings.TrimRight(want, "="), strings.NewReplacer("+", "-", "/", "_").Replace(want),
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), " " + want + "\n",
	} {
		wantEqual(t, must(statestore.ParseMasterKey(text))(t).Encode(), want)
	}
	for _, text := range []string{"", "short", hex.EncodeToString(raw[:31]), strings.Repeat("!", 44)} {
		_, err := statestore.ParseMasterKey(text)
		wantErr(t, err, statestore.ErrInvalid)
	}
}
