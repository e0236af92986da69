package gcm

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

const (
	nonceSize = 12
	blockSize = 16
)

// New returns the AEAD of a key of 16, 24 or 32 bytes, with tags of 12 to 16 bytes. It
// is safe for concurrent use.
// Where dst and the text overlap, Seal and Open want them to begin at the same byte,
// as the standard library does.
func New(key []byte, tagSize int) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cipher: %w", err)
	}
	standard, err := cipher.NewGCMWithTagSize(block, tagSize)
	if err != nil {
		return nil, fmt.Errorf("mode: %w", err)
	}
	if !wide || len(key) == 24 || !sound() {
		return standard, nil
	}
	return newVector(key, tagSize, block, standard), nil
}
