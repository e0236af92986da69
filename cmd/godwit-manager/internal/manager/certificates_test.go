package manager

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/certificate/certtest"
)

// issue writes a certificate of its own authority, and its key.
func issue(t *testing.T, dir string, until time.Time, names ...string) (chain, key string) {
	t.Helper()
	chain, key = filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certtest.New(t).Issue(t, certtest.Leaf{Names: names, From: until.Add(-96 * time.Hour), Until: until}).Write(t, chain, key)
	return chain, key
}

func TestNodeCertificatesAreGoodFromTheStart(t *testing.T) {
	t.Parallel()
	log, soon := slog.New(slog.DiscardHandler), time.Now().Add(48*time.Hour)
	chain, key := issue(t, t.TempDir(), soon, "media.example.org")
	_, other := issue(t, t.TempDir(), soon, "media.example.org")
	nameless, itsKey := issue(t, t.TempDir(), soon)
	ended, endedKey := issue(t, t.TempDir(), time.Now().Add(-time.Minute), "media.example.org")
	for text, says := range map[string]string{
		"media":                            "is not CLUSTER=CHAIN.pem,KEY.pem",
		"media=" + chain:                   "is not CLUSTER=CHAIN.pem,KEY.pem",
		"=" + chain + "," + key:            "is not CLUSTER=CHAIN.pem,KEY.pem",
		"media=" + chain + "," + other:     "does not go with the first certificate",
		"media=" + chain + ",/nowhere.pem": "no such file",
		"media=" + key + "," + key:         "chain holds a private key",
		"media=" + nameless + "," + itsKey: "no DNS name",
		"media=" + ended + "," + endedKey:  "ended at",
	} {
		if _, err := readCertificates([]string{text}, log, time.Now); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", text, err, says)
		}
	}
	good := "media=" + chain + "," + key
	if _, err := readCertificates([]string{good, good}, log, time.Now); err == nil || !strings.Contains(err.Error(), "has two") {
		t.Errorf("one cluster twice: %v", err)
	}
}

func TestNodeCertificateStaysWhileItsFilesAreReplaced(t *testing.T) {
	t.Parallel()
	dir, soon := t.TempDir(), time.Now().Add(48*time.Hour)
	chain, key := issue(t, dir, soon, "media.example.org")
	c, err := readCertificates([]string{"media=" + chain + "," + key}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	before := c.now()["media"]
	next := t.TempDir()
	nextChain, nextKey := issue(t, next, soon, "media.example.org")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if got := c.now()["media"]; got != before {
		t.Error("without a key it is another")
	}
	move(nextChain, chain)
	if got := c.now()["media"]; got != before {
		t.Error("halfway it is another")
	}
	move(nextKey, key)
	if got := c.now()["media"]; got == before || got.Chain == before.Chain {
		t.Error("the new one is not taken")
	}
	if n := (*certificates)(nil).now(); n != nil {
		t.Error("there are some without any")
	}
}
