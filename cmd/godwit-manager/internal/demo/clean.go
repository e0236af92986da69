package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godwit/godwit/internal/stage"
	"github.com/godwit/godwit/statestore/private"
)

// Clean removes what an earlier demo in dir left, processes included.
func Clean(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "evidence")); errors.Is(err, os.ErrNotExist) {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return fmt.Errorf("%s is not empty and not a demo's directory: nothing in it is touched; give another with --dir", dir)
		}
	}
	stage.EndAll(dir)
	if err := removeOutside(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("the earlier demo: %w", err)
	}
	return nil
}

// removeOutside removes the Postgres data of a demo whose directory Postgres'
// user could not enter, so that it lies elsewhere.
func removeOutside(dir string) error {
	data, err := private.Locate(filepath.Join(dir, "data"))
	if err != nil || strings.HasPrefix(data, dir+"/") {
		return nil //nolint:nilerr // where no place can be found, nothing was put
	}
	if err := os.RemoveAll(filepath.Dir(data)); err != nil {
		return fmt.Errorf("the demo's Postgres: %w", err)
	}
	return nil
}
