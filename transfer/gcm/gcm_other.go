//go:build !amd64

package gcm

import "crypto/cipher"

const wide = false

func newVector(_ []byte, _ int, _ cipher.Block, standard cipher.AEAD) cipher.AEAD { return standard }
