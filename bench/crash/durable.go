package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The journal beside a part, as transfer/store describes it. It is read here by
// other code than that which wrote it.
const (
	ownPrefix     = ".godwit-"
	partSuffix    = ".part"
	journalSuffix = ".journal"
	journalHead   = 76
	journalRecord = 40
)

// durable is how many bytes of src are safe at dst: those of files that have
// their name, and those of blocks that a journal names.
func durable(src, dst string) (bytes int64, err error) {
	err = filepath.WalkDir(dst, func(at string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // not begun, or renamed while we look
		case err != nil || !e.Type().IsRegular():
			return err
		}
		if strings.HasPrefix(e.Name(), ownPrefix) {
			// A journal without its part is of a file that has its name already.
			part, ok := strings.CutSuffix(at, journalSuffix)
			if _, err := os.Stat(part + partSuffix); ok && err == nil {
				n, err := journalled(at)
				bytes += n
				return err
			}
			return nil
		}
		name, err := filepath.Rel(dst, at)
		if err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(src, name))
		if err != nil {
			return fmt.Errorf("what nobody sent is at the destination: %w", err)
		}
		bytes += info.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", dst, err)
	}
	return bytes, nil
}

// journalled is how many bytes the journal says are on the disk.
func journalled(at string) (bytes int64, err error) {
	b, err := os.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // its part has just become the file
	}
	if err != nil || len(b) < journalHead {
		return 0, err
	}
	block, size := int64(binary.BigEndian.Uint32(b[4:])), int64(binary.BigEndian.Uint64(b[8:]))
	if block <= 0 || size < 0 {
		return 0, fmt.Errorf("%s: blocks of %d bytes in a file of %d", at, block, size)
	}
	seen := map[uint32]bool{}
	for b = b[journalHead:]; len(b) >= journalRecord; b = b[journalRecord:] {
		i := binary.BigEndian.Uint32(b)
		if start := int64(i) * block; start < size && !seen[i] {
			seen[i] = true
			bytes += min(block, size-start)
		}
	}
	return bytes, nil
}

// litter is what is left at dst of transfers that were killed.
func litter(dst string) (names []string, err error) {
	err = filepath.WalkDir(dst, func(at string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), ownPrefix) {
			names = append(names, at)
		}
		return err
	})
	return names, err
}
