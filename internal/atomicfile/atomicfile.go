// Package atomicfile replaces small private files in one step.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write makes data the content of the file at path, readable by its owner alone. A
// crash, a full disk or another writer at the same moment leaves the old file or the
// new one, never a part. The directory must be there.
func Write(path string, data []byte) error { return replace(path, data, (*os.File).Sync) }

// Put is Write for what nobody misses: it does not wait for the disk, and a crash of
// the machine may leave a file with nothing or a part in it.
func Put(path string, data []byte) error {
	return replace(path, data, func(*os.File) error { return nil })
}

func replace(path string, data []byte, settle func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, settle(f), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
