package transfer

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/filter"
)

// both runs a test once for each direction. away is the far side's directory for
// the sources, near the receiver's; job is made of them.
func both(t *testing.T, do func(t *testing.T, s scene)) {
	for _, d := range []Direction{Push, Pull} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			n := startNode(t, t.TempDir(), func(_ *ServerConfig, g *grants) {
				g.grant.Delete, g.grant.Preserve = true, Attributes()
			})
			s := scene{t: t, node: n, direction: d, src: filepath.Join(t.TempDir(), "src"), dst: filepath.Join(n.root, "dst")}
			if d == Pull {
				s.src, s.dst = filepath.Join(n.root, "src"), filepath.Join(t.TempDir(), "dst")
			}
			must(t, os.MkdirAll(s.src, 0o755))
			do(t, s)
		})
	}
}

// scene is a source, a destination and a node between them.
type scene struct {
	t         *testing.T
	node      *node
	direction Direction
	src, dst  string
}

// job copies what is in src into dst.
func (s scene) job(o Options) Job {
	if s.direction == Push {
		return Job{Direction: Push, Sources: []string{s.src + "/"}, Destination: "dst", Options: o}
	}
	return Job{Direction: Pull, Sources: []string{"src/"}, Destination: s.dst, Options: o}
}

func (s scene) run(o Options) Result { return mustRun(s.t, client(s.t, s.node), s.job(o)) }

// tree lists a directory: names, with a slash behind directories.
func listed(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if d.IsDir() {
			rel += "/"
		}
		out = append(out, rel)
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func wantTree(t *testing.T, dir, want string) {
	t.Helper()
	if got := listed(t, dir); got != want {
		t.Errorf("%s holds %q, want %q", filepath.Base(dir), got, want)
	}
}

func TestFilterDecidesAtTheSource(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		write(t, filepath.Join(s.src, "a.mov"), 10)
		write(t, filepath.Join(s.src, "cache/x.mov"), 10)
		write(t, filepath.Join(s.src, "d/b.mov"), 2000)
		write(t, filepath.Join(s.src, "d/c.txt"), 10)
		write(t, filepath.Join(s.src, "d/old.mov"), 10)
		must(t, os.Chtimes(filepath.Join(s.src, "d/old.mov"), farPast, farPast))
		r := s.run(Options{Filter: filter.Spec{
			Rules:     []filter.Rule{{Pattern: "cache/"}, {Include: true, Pattern: "*.mov"}, {Pattern: "*"}},
			NewerThan: farPast.Add(time.Hour).UnixNano(), MaxSize: 1999,
		}})
		wantTree(t, s.dst, "a.mov")
		if r.Files != 1 {
			t.Errorf("%+v", r)
		}
	})
}

func TestListSaysWhatIsSentAndWhere(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		for _, f := range []string{"a", "d/b", "d/c", "e/f/g", "not"} {
			write(t, filepath.Join(s.src, f), 1000)
		}
		strange := "name\nwith a newline\xff"
		write(t, filepath.Join(s.src, strange), 10)
		job := s.job(Options{})
		job.Pairs = []Pair{{Source: "a", Destination: "x/renamed"}, {Source: "d/b"}, {Source: "e", Destination: "moved"}, {Source: strange}}
		mustRun(t, client(t, s.node), job)
		wantTree(t, s.dst, "d/ d/b moved/ moved/f/ moved/f/g "+strange+" x/ x/renamed")

		job.Pairs = []Pair{{Source: "missing"}, {Source: "d/c"}}
		r, err := run(t, client(t, s.node), job)
		if err != nil || r.Files != 1 || len(r.Failed) != 1 || r.Failed[0].Code != CodeNotFound {
			t.Errorf("a missing file of a list: %v %+v", err, r)
		}
		for _, bad := range [][]Pair{{{Source: "../x"}}, {{Source: "a", Destination: "/abs"}}, {{Source: "a", Destination: "x"}, {Source: "d/b", Destination: "x"}}} {
			job.Pairs = bad
			if _, err := run(t, client(t, s.node), job); CodeOf(err) != CodePath && CodeOf(err) != CodeInvalid {
				t.Errorf("%v: %v", bad, err)
			}
		}
	})
}

func TestLongListsTravelInPages(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		job := s.job(Options{})
		for i := range 560 {
			name := fmt.Sprintf("%03d/%s%04d", i%50, strings.Repeat("long", 60), i)
			write(t, filepath.Join(s.src, name), 1)
			if i != 5 {
				job.Pairs = append(job.Pairs, Pair{Source: name})
			}
		}
		if r := mustRun(t, client(t, s.node), job); r.Files != 559 {
			t.Errorf("%d files, want 559", r.Files)
		}
	})
}

func TestDryRunSaysWhatWouldHappenAndDoesNothing(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		write(t, filepath.Join(s.src, "new"), 3<<20)
		write(t, filepath.Join(s.src, "d/new too"), 0)
		write(t, filepath.Join(s.src, "same"), 100)
		must(t, os.Symlink("same", filepath.Join(s.src, "link")))
		dry := func() (planned, deleted []string, r Result) {
			c := client(t, s.node)
			c.OnEvent = func(e Event) {
				switch {
				case e.Kind == EventDeleted:
					deleted = append(deleted, filepath.Base(e.Path))
				case e.Outcome == "planned":
					planned = append(planned, e.Path)
				}
			}
			r = mustRun(t, c, s.job(Options{DryRun: true, Delete: true}))
			slices.Sort(planned)
			return planned, deleted, r
		}
		if _, _, r := dry(); r.Files != 3 || r.Sent != 0 || !r.DryRun {
			t.Errorf("into nothing: %+v", r)
		}
		wantTree(t, s.dst, "")
		if _, err := os.Stat(s.dst); err == nil {
			t.Error("a dry run made the destination")
		}
		s.run(Options{})
		write(t, filepath.Join(s.dst, "extra"), 5)
		write(t, filepath.Join(s.src, "new"), 4<<20)
		before := listed(t, s.dst)
		planned, deleted, r := dry()
		if len(planned) != 1 || !strings.HasSuffix(planned[0], "new") || len(deleted) != 1 || deleted[0] != "extra" || r.Deleted != 1 || r.Skipped < 3 {
			t.Errorf("planned %v, deleted %v: %+v", planned, deleted, r)
		}
		wantTree(t, s.dst, before)
	})
}

func TestDeleteRemovesExtrasAndOnlyThose(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		for _, f := range []string{"a", "d/b", "keep.tmp"} {
			write(t, filepath.Join(s.src, f), 100)
			write(t, filepath.Join(s.dst, f), 50)
		}
		for _, f := range []string{"extra", "d/extra", "gone/x/y", "gone/z", "mine.tmp"} {
			write(t, filepath.Join(s.dst, f), 50)
		}
		o := Options{Delete: true, Overwrite: OverwriteAlways, Filter: filter.Spec{Rules: []filter.Rule{{Pattern: "*.tmp"}}}}
		r := s.run(o)
		if r.Deleted != 6 || len(r.Failed) != 0 {
			t.Errorf("%+v", r)
		}
		wantTree(t, s.dst, "a d/ d/b keep.tmp mine.tmp")
		r = s.run(o)
		if r.Deleted != 0 {
			t.Errorf("again: %+v", r)
		}
	})
}

func TestDeleteHasGuards(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		for i := range 20 {
			write(t, filepath.Join(s.dst, fmt.Sprint("extra", i)), 5)
		}
		all := listed(t, s.dst)
		// Nothing at the source: a disk that is not mounted.
		if _, err := run(t, client(t, s.node), s.job(Options{Delete: true})); CodeOf(err) != CodeInvalid {
			t.Errorf("empty source: %v", err)
		}
		wantTree(t, s.dst, all)
		// More than may go.
		write(t, filepath.Join(s.src, "a"), 1)
		if _, err := run(t, client(t, s.node), s.job(Options{Delete: true, MaxDelete: 19})); CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), "20") {
			t.Errorf("too many: %v", err)
		}
		wantTree(t, s.dst, "a "+all)
		// Something failed: a directory has a file's name.
		write(t, filepath.Join(s.src, "b"), 1)
		write(t, filepath.Join(s.dst, "b/in the way"), 1)
		r, err := run(t, client(t, s.node), s.job(Options{Delete: true, MaxDelete: -1}))
		if err != nil || len(r.Failed) != 1 || r.Deleted != 0 {
			t.Errorf("after a failure: %v %+v", err, r)
		}
		must(t, os.RemoveAll(filepath.Join(s.dst, "b")))
		r = s.run(Options{Delete: true, MaxDelete: 20})
		if r.Deleted != 20 {
			t.Errorf("%+v", r)
		}
		wantTree(t, s.dst, "a b")
	})
}

func TestSourcesGoOnceTheReceiverHasThem(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		write(t, filepath.Join(s.src, "d/e/a"), 3<<20)
		write(t, filepath.Join(s.src, "d/b"), 10)
		write(t, filepath.Join(s.src, "stays"), 10)
		must(t, os.MkdirAll(s.dst, 0o755))
		// Skipped, so it is not this job that brought it.
		b, _ := os.ReadFile(filepath.Join(s.src, "stays"))
		must(t, os.WriteFile(filepath.Join(s.dst, "stays"), b, 0o644))
		fi, _ := os.Stat(filepath.Join(s.src, "stays"))
		must(t, os.Chtimes(filepath.Join(s.dst, "stays"), fi.ModTime(), fi.ModTime()))
		r := s.run(Options{Afterwards: AfterRemove, EmptyDirs: true})
		if r.Files != 2 || r.Skipped != 1 {
			t.Errorf("%+v", r)
		}
		wantTree(t, s.src, "stays")
		wantTree(t, s.dst, "d/ d/b d/e/ d/e/a stays")
	})
}

func TestSourcesMoveToAnArchive(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		write(t, filepath.Join(s.src, "d/a"), 10)
		archive := filepath.Join(filepath.Dir(s.src), "archive")
		o := Options{Afterwards: AfterMove, MoveTo: archive}
		if s.direction == Pull {
			o.MoveTo = "archive"
		}
		s.run(o)
		wantTree(t, s.src, "d/")
		wantTree(t, archive, "d/ d/a")
		wantTree(t, s.dst, "d/ d/a")
		// Nothing there is replaced.
		write(t, filepath.Join(s.src, "d/a"), 20)
		r, err := run(t, client(t, s.node), s.job(o))
		if err != nil || r.Files != 1 || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Message, "its source stays") {
			t.Errorf("%v %+v", err, r)
		}
		wantTree(t, s.src, "d/ d/a")
	})
}

func TestBackupKeepsWhatIsReplaced(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		for _, size := range []int{10, 3 << 20} {
			name := fmt.Sprint("f", size)
			old := write(t, filepath.Join(s.dst, name), 77)
			write(t, filepath.Join(s.src, name), size)
			s.run(Options{Backup: "~"})
			if b, err := os.ReadFile(filepath.Join(s.dst, name+"~")); err != nil || string(b) != string(old) {
				t.Errorf("the old %s: %d bytes, %v", name, len(b), err)
			}
			same(t, filepath.Join(s.src, name), filepath.Join(s.dst, name))
		}
	})
}

func TestForcedLinksReplaceWhatTheOverwritePolicyKeeps(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		must(t, os.Symlink("f", filepath.Join(s.src, "link")))
		write(t, filepath.Join(s.dst, "link"), 5)
		s.run(Options{Overwrite: OverwriteNever})
		if fi, _ := os.Lstat(filepath.Join(s.dst, "link")); fi.Mode().Type() != 0 {
			t.Error("never replaced a file")
		}
		s.run(Options{Overwrite: OverwriteNever, Symlinks: SymlinksForce})
		if to, err := os.Readlink(filepath.Join(s.dst, "link")); to != "f" {
			t.Errorf("link: %q %v", to, err)
		}
	})
}

func TestDiscardVerifiesAndWritesNothing(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		tree(t, s.src, 50, 1, 3<<20)
		r := s.run(Options{Discard: true})
		if r.Files != 54 || r.Sent < 3<<20 {
			t.Errorf("%+v", r)
		}
		wantTree(t, s.dst, "")
	})
}

func TestSyntheticSourceIsMadeUpOnEitherSide(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		for _, tc := range []struct {
			s    Synthetic
			want string
		}{
			{Synthetic{Files: 1, Size: 3<<20 + 5}, "random"},
			{Synthetic{Files: 3, Size: 1000, Zero: true}, "zero/ zero/0000/ zero/0000/00000000 zero/0000/00000001 zero/0000/00000002"},
		} {
			job := s.job(Options{})
			job.Sources, job.Synthetic = nil, &tc.s
			must(t, os.MkdirAll(s.dst, 0o755))
			r := mustRun(t, client(t, s.node), job)
			if r.Files != tc.s.Files || r.Bytes != tc.s.Files*tc.s.Size {
				t.Errorf("%+v", r)
			}
			wantTree(t, s.dst, tc.want)
			must(t, os.RemoveAll(s.dst))
		}
	})
}

func TestGrantBoundsWhatAClientMayDo(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), func(_ *ServerConfig, g *grants) { g.grant.Paths = []string{"in"} })
	write(t, filepath.Join(n.root, "in/f"), 10)
	src := t.TempDir()
	write(t, filepath.Join(src, "g"), 10)
	push := Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in"}
	pull := Job{Direction: Pull, Sources: []string{"in/f"}, Destination: t.TempDir()}
	for name, job := range map[string]Job{
		"delete extras": with(push, Options{Delete: true}),
		"remove source": with(pull, Options{Afterwards: AfterRemove}),
		"set owners":    with(push, Options{Preserve: []Attribute{KeepOwners}}),
		"set xattrs":    with(push, Options{Preserve: []Attribute{KeepXattrs}}),
	} {
		if _, err := run(t, client(t, n), job); CodeOf(err) != CodeUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantTree(t, n.root, "in/ in/f")
	free := startNode(t, n.root, func(_ *ServerConfig, g *grants) { g.grant.Paths, g.grant.Delete = []string{"in"}, true })
	if _, err := run(t, client(t, free), with(pull, Options{Afterwards: AfterMove, MoveTo: "out"})); CodeOf(err) != CodeUnauthorized {
		t.Errorf("move out of the grant: %v", err)
	}
	if _, err := run(t, client(t, free), with(pull, Options{Afterwards: AfterMove, MoveTo: "../out"})); CodeOf(err) != CodePath {
		t.Errorf("move out of the root: %v", err)
	}
	mustRun(t, client(t, free), with(pull, Options{Afterwards: AfterMove, MoveTo: "in/done"}))
	wantTree(t, n.root, "in/ in/done/ in/done/f")
}

func with(j Job, o Options) Job {
	j.Options = o
	return j
}
