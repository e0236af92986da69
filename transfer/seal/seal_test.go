package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"filippo.io/age"
)

func x25519(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestSealedFilesAreAgeFiles holds what is read, in pieces of any size, against
// the age library.
func TestSealedFilesAreAgeFiles(t *testing.T) {
	t.Parallel()
	a, b := x25519(t), x25519(t)
	s, err := To(a.Recipient(), b.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3*chunk + 777} {
		plain := make([]byte, size)
		_, _ = rand.Read(plain)
		k, err := s.Key()
		if err != nil {
			t.Fatal(err)
		}
		sealed := k.Seal(bytes.NewReader(plain), int64(size))
		if sealed.Size() != s.Size(int64(size)) || !MayBe(sealed.Size(), int64(size)) || MayBe(sealed.Size(), int64(size)+5000) {
			t.Errorf("%d bytes become %d, foretold %d", size, sealed.Size(), s.Size(int64(size)))
		}
		var whole []byte
		for off, step := int64(0), 1; ; step = step*3 + 1 { // read in ever longer pieces
			piece := make([]byte, step)
			n, err := sealed.ReadAt(piece, off)
			whole = append(whole, piece[:n]...)
			off += int64(n)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		again := make([]byte, sealed.Size())
		if _, err := sealed.ReadAt(again, 0); err != nil || !bytes.Equal(again, whole) {
			t.Fatalf("%d bytes: read twice, differs (%v)", size, err)
		}
		for _, id := range []age.Identity{a, b} {
			r, err := age.Decrypt(bytes.NewReader(whole), id)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%d bytes came back as %d: %v", size, len(got), err)
			}
		}
	}
}

func TestPassphraseSealsAndForetellsSizes(t *testing.T) {
	t.Parallel()
	if _, err := ToPassphrase(""); err == nil {
		t.Error("an empty passphrase was taken")
	}
	if raceDetector {
		t.Skip("takes too long under the race detector")
	}
	s, err := ToPassphrase("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Seal(bytes.NewReader([]byte("hello")), 5)
	if sealed.Size() != s.Size(5) {
		t.Errorf("%d bytes, foretold %d", sealed.Size(), s.Size(5))
	}
	id, err := age.NewScryptIdentity("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(io.NewSectionReader(sealed, 0, sealed.Size()), id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "hello" {
		t.Errorf("%q %v", got, err)
	}
}

func TestNoTwoFilesShareAKey(t *testing.T) {
	t.Parallel()
	s, err := To(x25519(t).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	a, err1 := s.Key()
	b, err2 := s.Key()
	if err1 != nil || err2 != nil || bytes.Equal(a.key, b.key) {
		t.Error(err1, err2, "the same key twice")
	}
}
