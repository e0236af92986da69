package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Errors that callers act on; test with errors.Is.
var (
	// ErrPath: the path is malformed, reserved or leads outside. See PathError.
	ErrPath = errors.New("path is not allowed")
	// ErrFenced: a newer session of the same transfer has taken over this file.
	ErrFenced = errors.New("taken over by a newer session")
	// ErrNoSpace: the file system or quota is full. See SpaceError.
	ErrNoSpace = errors.New("no space left at the destination")
	// ErrChanged: the source file is not what the scan saw.
	ErrChanged = errors.New("source file changed since it was scanned")
	// ErrIncomplete: a commit was asked for while blocks are missing.
	ErrIncomplete = errors.New("blocks are missing")
	// ErrSpecial: neither file, directory nor symbolic link; never sent.
	ErrSpecial = errors.New("not a file, directory or symbolic link")
	// ErrDirectory: a directory has the name that a file or link is to get.
	ErrDirectory = errors.New("a directory is in the way")
	// ErrNotDirectory: a file or link is where a directory is needed.
	ErrNotDirectory = errors.New("a file is in the way of a directory")
	// ErrBusy: another process holds the part's lock.
	ErrBusy = errors.New("part file is locked by another process")
	// ErrTaken: another transfer, which lives, is writing this file.
	ErrTaken = errors.New("another transfer is writing it now: let that end, or stop it, and run this again")
	// ErrClosed: the part, file or tree was closed.
	ErrClosed = errors.New("already closed")
)

// PathError says which path was refused and why. It matches ErrPath.
type PathError struct {
	Path   string
	Reason string
}

func (e *PathError) Error() string { return fmt.Sprintf("path %q refused: %s", e.Path, e.Reason) }

// Is reports that every PathError is an ErrPath.
func (e *PathError) Is(target error) bool { return target == ErrPath }

// SpaceError says what did not fit. It matches ErrNoSpace.
type SpaceError struct {
	Path string
	Need int64 // bytes of the whole file
	Free int64 // bytes available when it failed, -1 when unknown
	Err  error // what the system said
}

func (e *SpaceError) Error() string {
	free := ""
	if e.Free >= 0 {
		free = fmt.Sprintf(", %d free", e.Free)
	}
	return fmt.Sprintf("%s: no space left at the destination (%d bytes needed%s): free space and resume", e.Path, e.Need, free)
}

// Is reports that every SpaceError is an ErrNoSpace.
func (e *SpaceError) Is(target error) bool { return target == ErrNoSpace }

func (e *SpaceError) Unwrap() error { return e.Err }

// Errors of os.Root that have no exported value.
const (
	textEscapes = "escapes from parent"
	textNotDir  = "not a directory"
)

func escaped(err error) bool { return says(err, textEscapes) }

// says reports whether the innermost error of a file operation has this text.
func says(err error, text string) bool {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err != nil && strings.Contains(pe.Err.Error(), text)
	}
	var le *os.LinkError
	return errors.As(err, &le) && le.Err != nil && strings.Contains(le.Err.Error(), text)
}

// explain gives errors of the system the types of this package.
func (t *Tree) explain(path string, need int64, err error) error {
	switch {
	case err == nil:
		return nil
	case escaped(err):
		return &PathError{Path: path, Reason: "a symbolic link leads outside the directory"}
	case errors.Is(err, ErrNoSpace):
		return err
	case isNoSpace(err):
		return &SpaceError{Path: path, Need: need, Free: t.Free(), Err: err}
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s: %w", path, ErrDirectory)
	case errors.Is(err, syscall.ENOTDIR), says(err, textNotDir):
		return fmt.Errorf("%s: %w", path, ErrNotDirectory)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return &PathError{Path: path, Reason: "a name is too long for the file system"}
	}
	return err
}
