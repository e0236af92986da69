package gcm

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"sync"
)

// sound reports, once for the process, whether this processor computes here what the
// standard library computes: with one that does not, nobody could open what is
// sealed, and what is sealed might be no secret.
var sound = sync.OnceValue(func() bool {
	text := bytes.Repeat([]byte("a datagram, more or less "), 120) // more than is hashed at once
	for _, size := range []int{16, 32} {
		key := text[7 : 7+size]
		block, err := aes.NewCipher(key)
		if err != nil {
			return false
		}
		standard, err := cipher.NewGCM(block)
		if err != nil {
			return false
		}
		ours := newVector(key, standard.Overhead(), block, standard)
		for _, n := range []int{0, 1, 255, 1440, len(text)} {
			nonce, additional := text[n%40:n%40+nonceSize], text[:9]
			want := standard.Seal(nil, nonce, text[:n], additional)
			if !bytes.Equal(ours.Seal(nil, nonce, text[:n], additional), want) {
				return false
			}
			if got, err := ours.Open(nil, nonce, want, additional); err != nil || !bytes.Equal(got, text[:n]) {
				return false
			}
		}
	}
	return true
})
