package transfer

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/godwit/godwit/transfer/seal"
)

func TestEncryptedFilesAreUnreadableAtRestAndComeBack(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	sealer, err := seal.To(id.Recipient())
	must(t, err)
	src := filepath.Join(t.TempDir(), "src")
	tree(t, src, 30, 2, 2<<20)
	secret := []byte("nobody at the node may read this")
	must(t, os.WriteFile(filepath.Join(src, "secret"), secret, 0o600))
	r := mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in", Options: Options{Seal: sealer}})
	if r.Files != 36 {
		t.Errorf("%+v", r)
	}
	at := filepath.Join(n.root, "in/secret.age")
	b, err := os.ReadFile(at)
	if err != nil || bytes.Contains(b, secret) {
		t.Fatalf("at rest: %v", err)
	}
	plain, err := age.Decrypt(bytes.NewReader(b), id)
	must(t, err)
	if got, err := io.ReadAll(plain); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("age reads %q: %v", got, err)
	}
	// Once more: they are there.
	r = mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in", Options: Options{Seal: sealer}})
	if r.Files != 0 || r.Sent != 0 {
		t.Errorf("again: %+v", r)
	}

	back := filepath.Join(t.TempDir(), "back")
	pull := Job{Direction: Pull, Sources: []string{"in/"}, Destination: back, Options: Options{Unseal: []age.Identity{id}}}
	mustRun(t, client(t, n), pull)
	same(t, src, back)
	if r := mustRun(t, client(t, n), pull); r.Files != 0 || r.Sent != 0 {
		t.Errorf("pulled again: %+v", r)
	}
	if left, _ := filepath.Glob(filepath.Join(back, ".godwit-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	// A new name says that it is encrypted, too; and what does not say so is not
	// taken for a plain file.
	one := filepath.Join(src, "secret")
	mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{one}, Destination: "renamed", Options: Options{Seal: sealer}})
	mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{one}, Destination: "named.age", Options: Options{Seal: sealer}})
	for _, name := range []string{"renamed.age", "named.age"} {
		plain := filepath.Join(t.TempDir(), "plain")
		mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{name}, Destination: plain, Options: Options{Unseal: []age.Identity{id}}})
		if got, err := os.ReadFile(plain); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: %q: %v", name, got, err)
		}
	}
	must(t, os.Rename(filepath.Join(n.root, "renamed.age"), filepath.Join(n.root, "mute")))
	for _, to := range []string{filepath.Join(t.TempDir(), "mute"), t.TempDir() + "/"} {
		r, err = run(t, client(t, n), Job{Direction: Pull, Sources: []string{"mute"}, Destination: to, Options: Options{Unseal: []age.Identity{id}}})
		if err != nil || r.Files != 0 || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Message, "does not end in .age") {
			t.Errorf("to %s: %v, %+v", to, err, r)
		}
	}

	// Another key cannot, and leaves nothing that looks like a file.
	other, err := age.GenerateX25519Identity()
	must(t, err)
	pull.Destination, pull.Options.Unseal = filepath.Join(t.TempDir(), "none"), []age.Identity{other}
	r, err = run(t, client(t, n), pull)
	if err != nil || r.Files != 0 || len(r.Failed) != 36 || !strings.Contains(r.Failed[0].Message, "cannot be decrypted") {
		t.Errorf("another key: %v, %d files, %d failed", err, r.Files, len(r.Failed))
	}
	if _, err := os.Stat(filepath.Join(pull.Destination, "secret")); err == nil {
		t.Error("a file appeared that could not be decrypted")
	}
}

func TestEncryptedFileGoesOnAtAnotherNode(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	a, b := startNode(t, root, nil), startNode(t, root, nil)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	sealer, err := seal.To(id.Recipient())
	must(t, err)
	src := filepath.Join(t.TempDir(), "f")
	want := write(t, src, 8<<20)
	job := Job{Direction: Push, Sources: []string{src}, Destination: "in/", Options: slow}
	job.Options.Seal = sealer
	r, err := during(t, client(t, a, b), job, 4<<20, func(*Transfer) { a.Drain("test") })
	if err != nil || r.Moved != 1 || r.Files != 1 || r.Sent > 11<<20 {
		t.Fatalf("%v: %+v", err, r)
	}
	f, err := os.Open(filepath.Join(root, "in/f.age"))
	must(t, err)
	defer f.Close()
	plain, err := age.Decrypt(f, id)
	must(t, err)
	if got, err := io.ReadAll(plain); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
}
