// Package password hashes and checks the passwords of people who sign in.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// OWASP's password storage cheat sheet: Argon2id with 19 MiB, 2 passes, 1 lane.
const (
	memory  = 19 << 10 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// Bounds within which a stored hash is believed: a damaged row must not make a sign-in take gigabytes.
const (
	maxMemory = 256 << 10 // KiB
	maxPasses = 16
	maxLanes  = 8
)

// MinLength is the fewest characters of a new password.
const MinLength = 10

// ErrWeak refuses a new password.
var ErrWeak = errors.New("password is too weak")

// Hash returns the password's Argon2id hash in PHC form, with a new salt.
func Hash(password string) string {
	var salt [saltLen]byte
	_, _ = rand.Read(salt[:]) // never fails since Go 1.24
	key := argon2.IDKey([]byte(password), salt[:], passes, memory, lanes, keyLen)
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, e.EncodeToString(salt[:]), e.EncodeToString(key))
}

// Matches reports whether hash is that of password. A hash that cannot be read matches nothing.
func Matches(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false
	}
	var version, m, t, p int
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return false
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &m, &t, &p); n != 3 || err != nil {
		return false
	}
	if m < 8 || m > maxMemory || t < 1 || t > maxPasses || p < 1 || p > maxLanes {
		return false
	}
	e := base64.RawStdEncoding.Strict()
	salt, err := e.DecodeString(parts[4])
	if err != nil || len(salt) < 8 {
		return false
	}
	want, err := e.DecodeString(parts[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, uint32(t), uint32(m), uint8(p), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

// Decoy takes as long as Matches, so that an unknown name cannot be told from a wrong password by the clock.
func Decoy(password string) { Matches(decoy, password) }

var decoy = Hash("")

// Check refuses passwords that fall to the first guesses: short ones, one repeated character, the user's own name.
func Check(name, password string) error {
	switch {
	case utf8.RuneCountInString(password) < MinLength:
		return fmt.Errorf("%w: at least %d characters", ErrWeak, MinLength)
	case strings.Trim(password, password[:1]) == "":
		return fmt.Errorf("%w: one character repeated", ErrWeak)
	case name != "" && strings.Contains(strings.ToLower(password), strings.ToLower(name)) && len(password) < len(name)+MinLength/2:
		return fmt.Errorf("%w: it is little more than the name", ErrWeak)
	}
	return nil
}
