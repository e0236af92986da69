//go:build !linux || !(amd64 || arm64)

package store

import (
	"errors"
	"os"
)

// memory is of Linux.
type memory struct{}

func newMemory(*os.File) *memory { return nil }

func (*memory) ReadAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

// memoryPart is of Linux.
type memoryPart struct{}

func newMemoryPart(_, _ *os.File) *memoryPart { return nil }

func (*memoryPart) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

func (*memoryPart) inPlace(found func() error) error { return found() }
