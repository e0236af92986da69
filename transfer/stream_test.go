package transfer

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/godwit/godwit/transfer/hashtree"
)

// noise is n bytes that no other call returns.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(rand.Uint32()), byte(rand.Uint32()), byte(n)}).Read(b)
	return b
}

func TestStreamBecomesAFile(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	for _, size := range []int{0, 1, streamBlock - 1, streamBlock, streamBlock + 1, 2 * streamBlock, 3*streamBlock + 12345} {
		want := noise(size)
		var hash [32]byte
		c := client(t, n)
		c.OnEvent = func(e Event) {
			if e.Kind == EventFile {
				hash = e.Hash
			}
		}
		r := mustRun(t, c, Job{
			Direction: Push, Input: iotest.HalfReader(bytes.NewReader(want)), Destination: "in/f",
			Options: Options{Overwrite: OverwriteAlways},
		})
		if r.Files != 1 || r.Bytes != int64(size) {
			t.Errorf("%d bytes: %+v", size, r)
		}
		got, err := os.ReadFile(filepath.Join(n.root, "in/f"))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes arrived as %d: %v", size, len(got), err)
		}
		if hash != hashtree.Sum(want) {
			t.Errorf("%d bytes: hash %x, want %x", size, hash, hashtree.Sum(want))
		}
	}
	wantTree(t, n.root, "in/ in/f")
}

func TestStreamSurvivesTheDeathOfItsNode(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	a, b := startNode(t, root, nil), startNode(t, root, nil)
	want := noise(8<<20 + 777)
	job := Job{Direction: Push, Input: bytes.NewReader(want), Destination: "f", Options: slow}
	r, err := during(t, client(t, a, b), job, 3<<20, func(*Transfer) { a.die() })
	if err != nil || len(r.Failed) > 0 || r.Moved != 1 || r.Files != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	if got, err := os.ReadFile(filepath.Join(root, "f")); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes arrived of %d: %v", len(got), len(want), err)
	}
	wantTree(t, root, "f")
}

func TestStreamWhoseInputFailsMakesNoFile(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	broken := io.MultiReader(bytes.NewReader(noise(3<<20)), iotest.ErrReader(errors.New("the tape tore")))
	r, err := run(t, client(t, n), Job{Direction: Push, Input: broken, Destination: "f"})
	if err != nil || r.Files != 0 || len(r.Failed) != 1 || r.Failed[0].Code != CodeIO {
		t.Errorf("%v %+v", err, r)
	}
	if _, err := os.Stat(filepath.Join(n.root, "f")); err == nil {
		t.Error("half a stream became a file")
	}
	becomesEmpty(t, n.root) // nor does its part stay: nobody could continue it
}

func TestAStreamThatIsGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	job := Job{Direction: Push, Input: bytes.NewReader(noise(16 << 20)), Destination: "f", Options: slow}
	_, err := during(t, client(t, n), job, 2<<20, func(tr *Transfer) { tr.Cancel() })
	if CodeOf(err) != CodeCancelled {
		t.Errorf("%v", err)
	}
	becomesEmpty(t, n.root)
}

// becomesEmpty waits for what a session clears away after its client has left.
func becomesEmpty(t *testing.T, dir string) {
	t.Helper()
	await(t, "empty directory", func() bool {
		left, err := os.ReadDir(dir)
		return err == nil && len(left) == 0
	})
}

func TestStreamRespectsWhatIsThere(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	write(t, filepath.Join(n.root, "f"), 10)
	before, _ := os.ReadFile(filepath.Join(n.root, "f"))
	r, err := run(t, client(t, n), Job{
		Direction: Push, Input: bytes.NewReader(noise(3 << 20)), Destination: "f", Options: Options{Overwrite: OverwriteNever},
	})
	if err != nil || len(r.Failed) != 1 {
		t.Errorf("%v %+v", err, r)
	}
	if b, _ := os.ReadFile(filepath.Join(n.root, "f")); !bytes.Equal(b, before) {
		t.Error("overwrite never was not kept")
	}
}

func TestGrowingFileIsSentToItsEnd(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "take 1.mxf")
	want := write(t, src, 2<<20)
	c := client(t, n)
	tr, err := c.Start(t.Context(), Job{Direction: Push, Sources: []string{src}, Destination: "in/", Grow: 600 * time.Millisecond})
	must(t, err)
	await(t, "what was there first", func() bool { return tr.Progress().Bytes >= 1<<20 })
	more := noise(3<<20 + 99)
	f, err := os.OpenFile(src, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(more)
	must(t, err)
	must(t, f.Close())
	if r, err := tr.Wait(); err != nil || r.Files != 1 {
		t.Fatalf("%v %+v", err, r)
	}
	got, err := os.ReadFile(filepath.Join(n.root, "in/take 1.mxf"))
	if err != nil || !bytes.Equal(got, append(want, more...)) {
		t.Errorf("%d bytes arrived, want %d: %v", len(got), len(want)+len(more), err)
	}
}

// firstWrite throws away what is written, tells when that began, and goes on when
// it may.
type firstWrite struct {
	once        sync.Once
	began, more chan struct{}
}

func (w *firstWrite) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.began) })
	<-w.more
	return len(p), nil
}

func TestFileGoesToAnOutputInOrder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	a, b := startNode(t, root, nil), startNode(t, root, nil)
	for _, size := range []int{0, 5, 1 << 20, 9<<20 + 5} {
		want := write(t, filepath.Join(root, "f"), size)
		var got bytes.Buffer
		if r := mustRun(t, client(t, a), Job{Direction: Pull, Sources: []string{"f"}, Output: &got}); r.Files != 1 || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d of %d bytes: %+v", got.Len(), size, r)
		}
	}
	// A node that dies in the middle: nothing is written twice.
	want := write(t, filepath.Join(root, "f"), 8<<20)
	var got bytes.Buffer
	r, err := during(t, client(t, a, b), Job{Direction: Pull, Sources: []string{"f"}, Output: &got, Options: slow}, 3<<20, func(*Transfer) { a.die() })
	if err != nil || len(r.Failed) > 0 || r.Moved != 1 || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%v: %d of %d bytes: %+v", err, got.Len(), len(want), r)
	}
	// A source that changes behind what was written cannot be mixed in.
	c := startNode(t, root, nil)
	output := &firstWrite{began: make(chan struct{}), more: make(chan struct{})}
	r, err = during(t, client(t, c, b), Job{Direction: Pull, Sources: []string{"f"}, Output: output, Options: slow}, 0, func(*Transfer) {
		<-output.began // before that all could begin anew
		write(t, filepath.Join(root, "f"), 8<<20)
		c.die()
		close(output.more)
	})
	if err != nil || len(r.Failed) != 1 || r.Failed[0].Code != CodeChanged {
		t.Errorf("changed source: %v %+v", err, r)
	}
	// An output that breaks.
	write(t, filepath.Join(root, "g"), 5<<20)
	r, err = run(t, client(t, b), Job{Direction: Pull, Sources: []string{"g"}, Output: brokenPipe{}})
	if err != nil || len(r.Failed) != 1 || r.Failed[0].Code != CodeIO {
		t.Errorf("broken output: %v %+v", err, r)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHolesArriveAsZerosWhereThereIsNoFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	n := startNode(t, root, nil)
	for _, begin := range []int{0, 5, 5 << 20} {
		name := filepath.Join(root, "f")
		want := append(write(t, name, begin), make([]byte, 20<<20-begin)...)
		must(t, os.Truncate(name, 20<<20))
		var got bytes.Buffer
		r := mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{"f"}, Output: &got})
		if r.Files != 1 || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes at an output: %+v", got.Len(), r)
		}
		for d, job := range map[Direction]Job{
			Push: {Direction: Push, Sources: []string{name}, Destination: "g"},
			Pull: {Direction: Pull, Sources: []string{"f"}, Destination: filepath.Join(root, "g")},
		} {
			job.Options.Discard = true
			if r := mustRun(t, client(t, n), job); r.Files != 1 || r.Bytes != 20<<20 {
				t.Errorf("thrown away by a %s: %+v", d, r)
			}
		}
	}
}

func TestStreamTakesNoDirectoryForItsName(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	n := startNode(t, root, nil)
	must(t, os.Mkdir(filepath.Join(root, "d"), 0o700))
	_, err := run(t, client(t, n), Job{Direction: Push, Input: bytes.NewReader([]byte("text")), Destination: "d"})
	if CodeOf(err) != CodeInvalid {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(root, "d")); len(left) > 0 {
		t.Errorf("%v in the directory", left)
	}
}

func TestWhatCannotBeNamedFailsAloneAndTheRestArrives(t *testing.T) {
	t.Parallel()
	root, src := t.TempDir(), t.TempDir()
	n := startNode(t, root, nil)
	write(t, filepath.Join(src, "a"), 100)
	deep, err := os.OpenRoot(src)
	must(t, err)
	for range 60 {
		name := strings.Repeat("d", 80)
		must(t, deep.Mkdir(name, 0o700))
		next, err := deep.OpenRoot(name)
		must(t, err)
		must(t, deep.Close())
		deep = next
	}
	must(t, deep.WriteFile("f", []byte("far down"), 0o600))
	must(t, deep.Close())
	write(t, filepath.Join(src, "z"), 100)
	r, err := run(t, client(t, n), Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in"})
	if err != nil || r.Files != 2 || len(r.Failed) == 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	for _, f := range r.Failed {
		if f.Code != CodePath {
			t.Errorf("%+v", f)
		}
	}
}

func TestDirectoriesComeOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	n := startNode(t, root, nil)
	must(t, os.Mkdir(filepath.Join(root, "d"), 0o700))
	write(t, filepath.Join(root, "d", "f"), 10)
	to := filepath.Join(t.TempDir(), "x")
	for _, from := range []string{"d", "d/"} {
		_, err := run(t, client(t, n), Job{Direction: Pull, Sources: []string{from}, Destination: to, Options: Options{Flat: true}})
		if CodeOf(err) != CodeInvalid {
			t.Errorf("%s: %v", from, err)
		}
	}
	if r := mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{"d/f"}, Destination: to, Options: Options{Flat: true}}); r.Files != 1 {
		t.Errorf("%+v", r)
	}
}
