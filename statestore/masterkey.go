package statestore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MasterKeyEnv is the environment variable that may hold the master key.
const MasterKeyEnv = "GODWIT_MASTER_KEY"

const masterKeySize = 32

// MasterKey seals the secrets of an installation. Who has it and a copy of the
// database has everything; who loses it loses every sealed secret.
type MasterKey struct{ bytes Secret }

// NewMasterKey takes the key from its 32 bytes.
func NewMasterKey(raw []byte) (MasterKey, error) {
	if len(raw) != masterKeySize {
		return MasterKey{}, fmt.Errorf("master key: %d bytes given, 32 wanted: %w", len(raw), ErrInvalid)
	}
	return MasterKey{append(Secret(nil), raw...)}, nil
}

// GenerateMasterKey returns a new random key.
func GenerateMasterKey() MasterKey {
	raw := make(Secret, masterKeySize)
	if _, err := rand.Read(raw); err != nil {
		panic("no randomness: " + err.Error()) // the runtime itself ends here since Go 1.24
	}
	return MasterKey{raw}
}

// ParseMasterKey reads the key as 64 hex digits or as base64. The error never
// shows what was given.
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimSpace(text)
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == masterKeySize {
		return NewMasterKey(raw)
	}
	plain := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	raw, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil || len(raw) != masterKeySize {
		return MasterKey{}, fmt.Errorf("master key: neither 64 hex digits nor base64 of 32 bytes: %w", ErrInvalid)
	}
	return NewMasterKey(raw)
}

// LoadMasterKey returns the key of GODWIT_MASTER_KEY when that is set, else the
// one in the file, which is made (mode 0600) when it does not exist. A file
// that others may read is refused.
func LoadMasterKey(path string) (MasterKey, error) {
	if text := os.Getenv(MasterKeyEnv); text != "" {
		k, err := ParseMasterKey(text)
		if err != nil {
			return MasterKey{}, fmt.Errorf("environment variable %s: %w", MasterKeyEnv, err)
		}
		return k, nil
	}
	k, err := readMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := writeMasterKey(path, GenerateMasterKey()); err != nil && !errors.Is(err, fs.ErrExist) {
		return MasterKey{}, fmt.Errorf("new master key: %w", err)
	}
	return readMasterKey(path)
}

func readMasterKey(path string) (MasterKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("master key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return MasterKey{}, fmt.Errorf("master key %s can be read by others (mode %04o): run chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("master key: %w", err)
	}
	k, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("file %s: %w", path, err)
	}
	return k, nil
}

// writeMasterKey makes the file whole or not at all, never over another: link
// fails when the name is taken, rename would not.
func writeMasterKey(path string, k MasterKey) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".master-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(k.Encode() + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Encode returns the key in the form of the file: base64. For backups; keep it
// out of logs.
func (k MasterKey) Encode() string { return base64.StdEncoding.EncodeToString(k.bytes) }

// ID names the key without telling anything of it: eight hex digits.
func (k MasterKey) ID() string { return hex.EncodeToString(k.id()) }

func (k MasterKey) id() []byte {
	sum := sha256.Sum256(append([]byte("godwit master key id\x00"), k.bytes...))
	return sum[:4]
}

// IsZero tells whether no key was given.
func (k MasterKey) IsZero() bool { return len(k.bytes) == 0 }

// Format shows the id for every verb of fmt: those that look into structs
// would pass by String.
func (k MasterKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// MarshalText shows the id.
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// String hides the key and shows its id.
func (k MasterKey) String() string {
	if k.IsZero() {
		return "no master key"
	}
	return "master key " + k.ID()
}
