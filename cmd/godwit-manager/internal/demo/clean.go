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
	if data, err := private.Locate(filepath.Join(dir, "data")); err == nil && !strings.HasPrefix(data, dir+"/") {
		if err := os.RemoveAll(data); err != nil {
			return fmt.Errorf("the earlier demo's Postgres: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("the earlier demo: %w", err)
	}
	return nil
}
