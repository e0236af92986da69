package transfer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"filippo.io/age"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/seal"
	"github.com/godwit/godwit/transfer/store"
)

// sealing encrypts the files of a job. A file keeps its key over all sessions, so
// that one that broke is continued; another job makes new ones, and its files
// start over.
type sealing struct {
	with  *seal.Sealer
	scope []byte

	mu   sync.Mutex
	keys map[store.Entry]*seal.Key // of files that were read and have not ended
}

func newSealing(with *seal.Sealer, seed uint64) *sealing {
	return &sealing{
		with: with, keys: map[store.Entry]*seal.Key{},
		scope: binary.BigEndian.AppendUint64([]byte("godwit sealed"), seed),
	}
}

// sealedFile is a file that is read encrypted.
type sealedFile struct {
	*seal.Sealed
	file *store.File
}

// Check is that of the file itself.
func (f sealedFile) Check() error { return f.file.Check() }

func (s *sealing) open(f *store.File) (content, error) {
	e := f.Entry()
	s.mu.Lock()
	k := s.keys[e]
	s.mu.Unlock()
	if k == nil {
		var err error
		if k, err = s.with.Key(); err != nil { // takes a second with a passphrase
			return nil, err
		}
		s.mu.Lock()
		s.keys[e] = k
		s.mu.Unlock()
	}
	return sealedFile{k.Seal(f, e.Size), f}, nil
}

// forget drops the key of a file that has ended.
func (s *sealing) forget(e job.Entry) {
	if s == nil {
		return
	}
	if f, ok := e.Source.(*sourceFile); ok {
		s.mu.Lock()
		delete(s.keys, f.entry)
		s.mu.Unlock()
	}
}

// sealed reports whether e is to be decrypted.
func (l *landing) sealed(e job.Entry) bool {
	return len(l.unseal) > 0 && e.Kind == job.File && strings.HasSuffix(e.Path, seal.Suffix) && e.Path != seal.Suffix
}

// partPath is where the part of e is: what is encrypted has one of its own, as the
// plain file is written from it.
func (l *landing) partPath(e job.Entry, p string) string {
	if l.sealed(e) {
		return p + seal.Suffix
	}
	return p
}

// errUnseal says what a reader of the message can do.
var errUnseal = errors.New("it arrived whole, but cannot be decrypted: another passphrase or key")

var errPlain = errors.New("nothing says that it is encrypted")

func unsealError(err error) error {
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return errUnseal
	}
	return fmt.Errorf("decrypt: %w", err)
}

// unsealed decrypts a small file.
func (l *landing) unsealed(data []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(data), l.unseal...)
	if err != nil {
		return nil, unsealError(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, unsealError(err)
	}
	return plain, nil
}

// unsealPart writes the plain file of a part that is whole and verified, and drops
// the part. One that cannot be decrypted stays, for another passphrase.
func (l *landing) unsealPart(o *landed, part *store.Part) {
	n, s, err := l.unsealTo(o, part)
	if err == nil {
		err = s.Commit(n, l.meta(o.e))
	} else if s != nil {
		_ = s.Discard()
	}
	if err == nil {
		l.lock.Lock()
		o.part = nil
		l.lock.Unlock()
		_ = part.Discard()
	}
	l.end(o.e, o.path, control.Committed, err)
}

func (l *landing) unsealTo(o *landed, part *store.Part) (int64, *store.Stream, error) {
	r, err := age.Decrypt(io.NewSectionReader(part, 0, o.e.Size), l.unseal...)
	if err != nil {
		return 0, nil, unsealError(err)
	}
	s, err := l.tree.OpenStream(context.Background(), o.path, false)
	if err != nil {
		return 0, nil, err
	}
	w := &writerAt{to: s}
	// The reader's pieces are 64 KiB; a file that was cut short is an error of it.
	out := bufio.NewWriterSize(w, 1<<20)
	if _, err = io.Copy(out, r); err != nil {
		if w.err == nil {
			err = unsealError(err)
		}
		return 0, s, err
	}
	err = out.Flush()
	return w.off, s, err
}

// writerAt writes one piece behind the other.
type writerAt struct {
	to  io.WriterAt
	off int64
	err error
}

func (w *writerAt) Write(b []byte) (int, error) {
	n, err := w.to.WriteAt(b, w.off)
	w.off += int64(n)
	w.err = err
	return n, err
}
