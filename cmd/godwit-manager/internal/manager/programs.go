package manager

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// programs are the node programs for Linux that machines fetch when they boot: godwit-node in a directory, and
// godwit-node-linux-ARCH for machines unlike the manager's own.
type programs struct {
	dir string
	log *slog.Logger

	mutex sync.Mutex
	known map[string]program // by path
}

// program is one file as it was when its checksum was made.
type program struct {
	arch, sha256 string
	size         int64
	modified     time.Time
}

// architectures are those that Godwit is built for, by what ELF calls them.
var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

func newPrograms(dir string, log *slog.Logger) *programs {
	return &programs{dir: dir, log: log, known: map[string]program{}}
}

// candidates in order of preference: the one that says its architecture first.
func (p *programs) candidates() []string {
	var paths []string
	for _, arch := range []string{"amd64", "arm64"} {
		paths = append(paths, filepath.Join(p.dir, "godwit-node-linux-"+arch))
	}
	return append(paths, filepath.Join(p.dir, "godwit-node"))
}

// sums are the checksums by architecture. A file that changed is read again; one that is no program is left out.
func (p *programs) sums() map[string]string {
	sums := map[string]string{}
	for _, path := range p.candidates() {
		f, found, err := p.open(path)
		if err != nil {
			if !os.IsNotExist(err) {
				p.log.Warn("node program is left out", "path", path, "error", err)
			}
			continue
		}
		_ = f.Close() // it was only read
		if _, have := sums[found.arch]; !have {
			sums[found.arch] = found.sha256
		}
	}
	return sums
}

// find opens the program of an architecture with a checksum.
func (p *programs) find(arch, sum string) (*os.File, error) {
	for _, path := range p.candidates() {
		f, found, err := p.open(path)
		if err != nil {
			continue
		}
		if found.arch == arch && found.sha256 == sum {
			return f, nil
		}
		_ = f.Close() // it was only read
	}
	return nil, fs.ErrNotExist
}

// open opens a program whose checksum is known or made now.
func (p *programs) open(path string) (*os.File, program, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, program{}, err
	}
	info, err := f.Stat()
	if err == nil {
		p.mutex.Lock()
		found, have := p.known[path]
		p.mutex.Unlock()
		if have && found.size == info.Size() && found.modified.Equal(info.ModTime()) {
			return f, found, nil
		}
		if found, err = read(f); err == nil {
			found.size, found.modified = info.Size(), info.ModTime()
			p.mutex.Lock()
			p.known[path] = found
			p.mutex.Unlock()
			return f, found, nil
		}
	}
	return nil, program{}, fmt.Errorf("node program %s: %w", path, closing(f, err))
}

func closing(f *os.File, err error) error {
	_ = f.Close() // it was only read
	return err
}

// read makes a file's checksum and leaves it at its beginning.
func read(f *os.File) (program, error) {
	e, err := elf.NewFile(f)
	if err != nil {
		return program{}, err
	}
	arch, known := architectures[e.Machine]
	if !known {
		return program{}, fmt.Errorf("is for %s", e.Machine)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return program{}, err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return program{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return program{}, err
	}
	return program{arch: arch, sha256: hex.EncodeToString(hash.Sum(nil))}, nil
}
