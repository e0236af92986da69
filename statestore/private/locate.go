package private

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// systemDir holds the data of root managers whose own directory the server's
// user cannot reach.
const systemDir = "/var/lib/godwit"

// Locate returns the directory of the server that belongs to a manager's data
// directory: dir/postgres, unless the manager is root and a directory above
// (such as a home of mode 0700) bars the user that the server runs as. Then it
// is /var/lib/godwit/NAME-HASH/postgres, the same one every time.
//
// A root manager that wants its state in one place makes dir with mode 0711.
func Locate(dir string) (string, error) {
	who, err := serverAccount()
	if err != nil {
		return "", err
	}
	return locate(dir, who, systemDir)
}

func locate(dir string, who account, system string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	inside := filepath.Join(dir, "postgres")
	if who.reaches(inside) {
		return inside, nil
	}
	outside := filepath.Join(system, filepath.Base(dir)+"-"+hash(dir), "postgres")
	if !who.reaches(outside) {
		return "", fmt.Errorf("the server's user %s can reach neither %s nor %s: choose a data directory whose parents have mode 0711 or 0755",
			who.name, inside, outside)
	}
	return outside, nil
}

func hash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:4])
}

// sun_path has 108 bytes with the closing NUL (unix(7)).
const socketPathMax = 107

const socketName = ".s.PGSQL.5432"

// socketDir makes the directory of the socket, mode 0700: base/run, or one
// with a short name when the path would be too long for a socket.
func socketDir(base string, who account) (string, error) {
	dir := filepath.Join(base, "run")
	if !fits(dir) {
		dir = ""
		for _, parent := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
			try := filepath.Join(parent, "godwit-"+hash(base))
			if filepath.IsAbs(parent) && fits(try) && who.reaches(parent) && isDir(parent) {
				dir = try
				break
			}
		}
		if dir == "" {
			return "", fmt.Errorf("no directory for the socket: %s is too long and neither XDG_RUNTIME_DIR nor /tmp can be used", base)
		}
	}
	if err := os.Mkdir(dir, 0o700); err == nil {
		return dir, who.own(dir)
	} else if !os.IsExist(err) {
		return "", fmt.Errorf("socket directory: %w", err)
	}
	// Somebody else could have made it, in /tmp: then it is not ours to use.
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("socket directory: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || st.Uid != who.uid || info.Mode().Perm() != 0o700 {
		return "", fmt.Errorf("socket directory %s exists and is not a directory of %s with mode 0700: remove it", dir, who.name)
	}
	return dir, nil
}

func fits(dir string) bool { return len(filepath.Join(dir, socketName)) <= socketPathMax }

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// makeBase makes the server's directory. A root manager keeps it, the server's
// user only walks through.
func makeBase(base string, who account) error {
	mode := fs.FileMode(0o700)
	if who.dropped {
		mode = 0o711
	}
	if err := makeDirs(base, mode); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := os.Chmod(base, mode); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if !who.reaches(base) {
		return fmt.Errorf("data directory %s cannot be reached by %s: give its parents mode 0711", base, who.name)
	}
	return nil
}

// makeDirs is os.MkdirAll without the umask, which for root is often 077.
func makeDirs(path string, mode fs.FileMode) error {
	if isDir(path) {
		return nil
	}
	if err := makeDirs(filepath.Dir(path), mode); err != nil {
		return err
	}
	if err := os.Mkdir(path, mode); err != nil {
		if errors.Is(err, fs.ErrExist) && isDir(path) {
			return nil
		}
		return err
	}
	return os.Chmod(path, mode)
}
