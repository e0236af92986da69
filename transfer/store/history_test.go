package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// history is what must be true of one file that several sessions, of two
// transfers and two sources, fight over.
type history struct {
	t        *rapid.T
	dir      string
	contents [2][]byte // by source

	owner   int          // session that claimed last; -1: nobody since a commit
	durable map[int]bool // blocks that the owner, or who resumes, has on disk
	claimed PartSpec     // by the owner
	target  []byte       // what the name shows; nil: nothing
	log     []string

	sessions []*session
}

// session is one of them, each with a Tree of its own like a node.
type session struct {
	tree   *Tree
	part   *Part
	spec   PartSpec
	source int
	marked map[int]bool
}

func (h *history) say(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

func (h *history) fail(format string, args ...any) {
	h.t.Helper()
	for _, line := range h.log {
		h.t.Log(line)
	}
	h.t.Fatalf(format, args...)
}

// wantOwner fails unless err is ErrFenced for everybody but the owner.
func (h *history) wantOwner(i int, what string, err error) (owns bool) {
	h.t.Helper()
	h.say("session %d: %s: %v", i, what, err)
	if i == h.owner && err != nil {
		h.fail("%s by the owner: %v", what, err)
	}
	if i != h.owner && !errors.Is(err, ErrFenced) {
		h.fail("%s by a session that was superseded: %v", what, err)
	}
	return err == nil
}

func TestAnyHistoryOfSessionsKeepsItsPromises(t *testing.T) {
	t.Parallel()
	const blocks = 4
	base := t.TempDir()
	contents := [2][]byte{noise(blocks*block-9, 1), noise(blocks*block-9, 2)}
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		h := &history{t: r, dir: dir, contents: contents, owner: -1}
		sessions := make([]*session, 3)
		h.sessions = sessions
		for i := range sessions {
			tree, err := Open(dir, Options{})
			if err != nil {
				r.Fatal(err)
			}
			s := &session{tree: tree, source: rapid.IntRange(0, 1).Draw(r, "source")}
			s.spec = specFor(contents[s.source], byte(s.source))
			s.spec.Transfer = [16]byte{byte(rapid.IntRange(1, 2).Draw(r, "transfer"))}
			s.spec.Epoch = uint64(rapid.IntRange(1, 3).Draw(r, "epoch"))
			sessions[i] = s
			defer func() {
				_ = s.part.close()
				_ = tree.Close()
			}()
		}
		for range rapid.IntRange(5, 30).Draw(r, "steps") {
			i := rapid.IntRange(0, len(sessions)-1).Draw(r, "session")
			s := sessions[i]
			if s.part == nil {
				h.open(i, s)
				continue
			}
			switch rapid.SampledFrom([]string{"write", "write", "sync", "commit", "crash"}).Draw(r, "step") {
			case "write":
				b := rapid.IntRange(0, blocks-1).Draw(r, "block")
				if h.wantOwner(i, fmt.Sprint("write ", b), put(s.part, contents[s.source], b)) {
					s.marked[b] = true
				}
			case "sync":
				_, err := s.part.Sync()
				if h.wantOwner(i, "sync", err) {
					h.durable = copySet(s.marked)
				}
			case "commit":
				h.commit(i, s, blocks)
			case "crash":
				h.say("session %d: crash", i)
				_ = s.part.close()
				s.part = nil
			}
			h.look()
		}
	})
}

func (h *history) open(i int, s *session) {
	p, err := s.tree.OpenPart(context.Background(), "f", s.spec)
	h.say("session %d: open %d/%d of source %d: %v", i, s.spec.Transfer[0], s.spec.Epoch, s.source, err)
	if h.owner >= 0 && h.claimed.Transfer == s.spec.Transfer && h.claimed.Epoch > s.spec.Epoch {
		if !errors.Is(err, ErrFenced) {
			h.fail("an older session may open: %v", err)
		}
		return
	}
	if h.owner >= 0 && h.claimed.Transfer != s.spec.Transfer && h.sessions[h.owner].part != nil && runtime.GOOS == "linux" {
		if !errors.Is(err, ErrTaken) {
			h.fail("another transfer may open while one writes: %v", err)
		}
		return
	}
	if err != nil {
		h.fail("open: %v", err)
	}
	want := map[int]bool{}
	if h.owner >= 0 && h.claimed.Identity == s.spec.Identity {
		want = h.durable
	}
	got := map[int]bool{}
	for b, leaf := range p.Marked() {
		buf := make([]byte, len(blockOf(h.contents[s.source], b)))
		if _, err := p.f.ReadAt(buf, int64(b)*block); err != nil || !bytes.Equal(buf, blockOf(h.contents[s.source], b)) || leaf != leafOf(h.contents[s.source], b) {
			h.fail("block %d is not what the journal says", b)
		}
		got[b] = true
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		h.fail("resumed %v, durable were %v", got, want)
	}
	s.part, s.marked = p, got
	h.owner, h.claimed, h.durable = i, s.spec, copySet(got)
}

func (h *history) commit(i int, s *session, blocks int) {
	err := s.part.Commit(context.Background(), Meta{Mode: 0o600})
	if len(s.marked) < blocks {
		if !errors.Is(err, ErrIncomplete) {
			h.fail("commit of %d blocks: %v", len(s.marked), err)
		}
		return
	}
	s.part = nil
	if h.wantOwner(i, "commit", err) {
		h.target, h.owner, h.durable = h.contents[s.source], -1, nil
	}
}

// look checks what the rest of the world sees.
func (h *history) look() {
	got, err := os.ReadFile(filepath.Join(h.dir, "f"))
	if h.target == nil && !errors.Is(err, os.ErrNotExist) || h.target != nil && !bytes.Equal(got, h.target) {
		h.fail("the file shows %d bytes, %v", len(got), err)
	}
}

// close is Close that a session without a part may call.
func (p *Part) close() error {
	if p == nil {
		return nil
	}
	return p.Close()
}

func copySet(m map[int]bool) map[int]bool {
	c := map[int]bool{}
	for k := range m {
		c[k] = true
	}
	return c
}
