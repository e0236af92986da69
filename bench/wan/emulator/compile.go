//go:build linux

package emulator

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed relay/relay.c
var relaySource []byte

// ErrNoCompiler says that the data path cannot be compiled here.
var ErrNoCompiler = errors.New("the emulated path's data path is C and there is no compiler: install gcc and libc6-dev (make deps)")

// relay gives the compiled data path, which it compiles when the user's cache
// does not have it yet.
func relay(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("godwit-%d", os.Getuid()))
	}
	hash := sha256.Sum256(relaySource)
	dir := filepath.Join(cache, "godwit-wan")
	program := filepath.Join(dir, "relay-"+hex.EncodeToString(hash[:8]))
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cache for the data path: %w", err)
	}
	compiler, err := exec.LookPath("gcc")
	if err != nil {
		if compiler, err = exec.LookPath("cc"); err != nil {
			return "", ErrNoCompiler
		}
	}
	work, err := os.MkdirTemp(dir, "build")
	if err != nil {
		return "", fmt.Errorf("cache for the data path: %w", err)
	}
	defer os.RemoveAll(work)
	source, built := filepath.Join(work, "relay.c"), filepath.Join(work, "relay")
	if err := os.WriteFile(source, relaySource, 0o600); err != nil {
		return "", fmt.Errorf("source of the data path: %w", err)
	}
	c := exec.CommandContext(ctx, compiler, "-O2", "-o", built, source)
	if said, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the data path: %w: %s", err, said)
	}
	return program, os.Rename(built, program)
}
