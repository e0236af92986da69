package gcm

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"math/rand/v2"
	"testing"
)

func noise(n int, seed uint64) []byte {
	var key [32]byte
	key[0], key[1], key[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

// both returns the AEAD of a key here and in the standard library.
func both(t testing.TB, key []byte, tag int) (ours, standard cipher.AEAD) {
	t.Helper()
	ours, err := New(key, tag)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	if standard, err = cipher.NewGCMWithTagSize(block, tag); err != nil {
		t.Fatal(err)
	}
	return ours, standard
}

// same holds sealing and opening of one message against the standard library, into
// another buffer and in place, and that a changed bit anywhere is noticed.
func same(t *testing.T, key, nonce, text, additional []byte, flip int) {
	t.Helper()
	ours, standard := both(t, key, 12+flip%5)
	want := standard.Seal([]byte("head"), nonce, text, additional)
	if got := ours.Seal([]byte("head"), nonce, text, additional); !bytes.Equal(got, want) {
		t.Fatalf("key of %d bytes, text of %d, additional of %d: sealed otherwise", len(key), len(text), len(additional))
	}
	place := append(bytes.Clone(text), make([]byte, ours.Overhead())...)
	if got := ours.Seal(place[:0], nonce, place[:len(text)], additional); !bytes.Equal(got, want[4:]) {
		t.Fatalf("text of %d bytes: sealed otherwise in place", len(text))
	}
	if got, err := ours.Open([]byte("head"), nonce, place, additional); err != nil || !bytes.Equal(got[4:], text) {
		t.Fatalf("text of %d bytes: opened otherwise: %v", len(text), err)
	}
	bad := bytes.Clone(place)
	bad[flip%len(bad)] ^= 1 << (flip % 8)
	if _, err := ours.Open(bad[:0], nonce, bad, additional); err == nil {
		t.Fatalf("text of %d bytes: changed bit %d went unnoticed", len(text), flip)
	}
	if len(additional) > 0 {
		other := bytes.Clone(additional)
		other[flip%len(other)] ^= 1
		if _, err := ours.Open(nil, nonce, place, other); err == nil {
			t.Fatalf("text of %d bytes: changed additional data went unnoticed", len(text))
		}
	}
	if got, err := ours.Open(place[:0], nonce, place, additional); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("text of %d bytes: opened otherwise in place: %v", len(text), err)
	}
}

func TestEveryLengthIsSealedAsTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16, 32} {
		for n := range 2300 {
			same(t, noise(size, uint64(n)), noise(nonceSize, uint64(n)+1), noise(n, uint64(n)+2), noise(12, uint64(n)+3), n*7)
		}
	}
}

func TestLongAndUnusualMessagesAreSealedAsTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{16, 24, 32} {
		for i := range 150 {
			n := rng.IntN(70000)
			if i%3 == 0 {
				n = rng.IntN(6) * 2048 * (1 + rng.IntN(3)) / 2
			}
			same(t, noise(size, uint64(i)), noise(nonceSize, 9), noise(n, 3), noise(rng.IntN(40), 4), rng.IntN(1<<20))
		}
	}
}

func TestForgeryIsNotDecrypted(t *testing.T) {
	t.Parallel()
	ours, _ := both(t, noise(16, 1), 16)
	text, nonce := noise(1400, 2), noise(nonceSize, 3)
	forged := ours.Seal(nil, nonce, text, nil)
	forged[len(forged)-1] ^= 1
	if _, err := ours.Open(forged[:0], nonce, forged, nil); err == nil || bytes.Equal(forged[:len(text)], text) {
		t.Fatalf("error %v, and it can be read: %v", err, bytes.Equal(forged[:len(text)], text))
	}
}

func TestShortInputIsRefused(t *testing.T) {
	t.Parallel()
	ours, _ := both(t, noise(16, 1), 16)
	for n := range ours.Overhead() {
		if _, err := ours.Open(nil, noise(nonceSize, 2), noise(n, 3), nil); err == nil {
			t.Errorf("%d bytes were opened", n)
		}
	}
	if _, err := New(noise(17, 1), 16); err == nil {
		t.Error("a key of 17 bytes was taken")
	}
}

func TestOverlapsAreRefusedAsTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	ours, _ := both(t, noise(16, 1), 16)
	b := noise(200, 2)
	defer func() {
		if recover() == nil {
			t.Error("text that is moved while it is sealed was taken")
		}
	}()
	ours.Seal(b[1:1], b[:nonceSize], b[:100], nil)
}

func TestSealingDoesNotAllocate(t *testing.T) {
	ours, _ := both(t, noise(16, 1), 16)
	nonce, text, header := noise(nonceSize, 2), noise(1400, 3), noise(12, 4)
	out := make([]byte, 0, 1500)
	if n := testing.AllocsPerRun(100, func() {
		sealed := ours.Seal(out, nonce, text, header)
		if _, err := ours.Open(sealed[:0], nonce, sealed, header); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func FuzzSame(f *testing.F) {
	f.Add(noise(16, 1), noise(12, 2), noise(1400, 3), noise(12, 4), 5)
	f.Add(noise(32, 1), noise(12, 2), noise(2017, 3), noise(0, 4), 0)
	f.Add(noise(32, 1), noise(12, 2), []byte{}, noise(16, 4), 3)
	f.Fuzz(func(t *testing.T, key, nonce, text, additional []byte, flip int) {
		if len(nonce) != nonceSize || len(key) != 16 && len(key) != 32 || flip < 0 {
			t.Skip()
		}
		same(t, key, nonce, text, additional, flip)
	})
}

func BenchmarkSeal(b *testing.B) { bench(b, true) }

func BenchmarkOpen(b *testing.B) { bench(b, false) }

func bench(b *testing.B, seal bool) {
	for _, n := range []int{64, 1440, 8900} {
		for _, c := range []string{"ours", "standard"} {
			b.Run(c+"/"+map[int]string{64: "64", 1440: "1440", 8900: "8900"}[n], func(b *testing.B) {
				ours, standard := both(b, noise(16, 1), 12)
				a := ours
				if c == "standard" {
					a = standard
				}
				nonce, header := noise(12, 2), noise(12, 3)
				sealed := a.Seal(nil, nonce, noise(n, 4), header)
				text := make([]byte, n, n+16)
				b.SetBytes(int64(n))
				for b.Loop() {
					if seal {
						a.Seal(sealed[:0], nonce, text, header)
					} else if _, err := a.Open(text[:0], nonce, sealed, header); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func TestThisProcessorComputesWhatTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	if wide && !sound() {
		t.Error("it does not, and the standard library does all")
	}
}
