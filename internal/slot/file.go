package slot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// The files of a slot.
const (
	lockFile       = "lock"
	statusFile     = "status.json"
	assignmentFile = "assignment.json"
	bootstrapFile  = "bootstrap.json"
	withdrawnFile  = "withdrawn.json"
	consoleFile    = "console.log"
	consoleBefore  = "console.old"
)

// oNonblock keeps an open from waiting where the other side put a pipe.
const oNonblock = unix.O_NONBLOCK

// maxDocument bounds every JSON file of a slot; they have a few hundred bytes.
const maxDocument = 64 << 10

// read returns a whole small file. The other side is not trusted to have put a
// file there: a pipe would block and a device would never end.
func read(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|oNonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxDocument {
		return nil, fmt.Errorf("%s is no file of at most %d bytes: remove it", name, maxDocument)
	}
	return io.ReadAll(io.LimitReader(f, maxDocument))
}

// write replaces a file as a whole. Each name has one writer, so that the
// temporary name can be fixed and a crash leaves no litter that adds up.
func write(root *os.Root, name string, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	temporary := "." + name + ".new"
	if err := remove(root, temporary); err != nil { // also when it is a link
		return err
	}
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return root.Rename(temporary, name)
}

func remove(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// private refuses a directory that anybody can write: who can, owns the machine.
func private(root *os.Root, path string) error {
	info, err := root.Stat(".")
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("%s can be written by everybody: give it to the user of manager and nodes and take the others' right away (chmod 0700)", path)
	}
	return nil
}
