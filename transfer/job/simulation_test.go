package job

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
)

var (
	simSeeds = flag.Int("sim.seeds", 8, "random worlds that each simulation tries")
	simSeed  = flag.Uint64("sim.seed", 1, "the first of them")
)

func newWorld(t testing.TB, seed uint64) *world {
	return &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 11)), src: map[string]Entry{}, body: map[string][]byte{},
		disk: newDisk(), ended: map[string]control.Outcome{},
		path: path{rate: 200e6, rtt: 40 * time.Millisecond},
	}
}

// check compares the two ends.
func (w *world) check() {
	w.t.Helper()
	for _, name := range w.order {
		if w.src[name].Kind == File && !bytes.Equal(w.disk.files[name], w.body[name]) {
			w.t.Errorf("%s differs", name)
		}
		if _, ok := w.ended[name]; !ok {
			w.t.Errorf("%s has no verdict", name)
		}
	}
	if w.t.Failed() {
		w.t.Logf("story:\n%s", strings.Join(w.story, "\n"))
	}
}

func (w *world) total() (n int64) {
	for _, b := range w.body {
		n += int64(len(b))
	}
	return n
}

// mix adds tiny, middling, empty and large files, directories and links.
func (w *world) mix() {
	for i := range 20 + w.rng.IntN(200) {
		w.add(fmt.Sprintf("tiny/%d", i), w.rng.IntN(3000))
	}
	for i := range w.rng.IntN(20) {
		w.add(fmt.Sprintf("middle/%d", i), w.rng.IntN(1<<20+1))
	}
	for i := range 1 + w.rng.IntN(3) {
		w.add(fmt.Sprintf("large/%d", i), 1<<20+w.rng.IntN(3<<20))
	}
	for i := range 3 {
		name := fmt.Sprintf("directory %d", i)
		w.src[name] = Entry{Kind: Dir, Path: name, Mode: 0o755}
		w.order = append(w.order, name)
	}
	long := strings.Repeat("long/", 300) + "name"
	w.add(long, 500)
	w.src["link"] = Entry{Kind: Symlink, Path: "link", Target: "tiny/0", Mode: 0o777}
	w.order = append(w.order, "link")
	w.rng.Shuffle(len(w.order), func(i, j int) { w.order[i], w.order[j] = w.order[j], w.order[i] })
}

// eachSeed plays a test in a world of each seed that is asked for, and says how to play
// one again that fails.
func eachSeed(t *testing.T, play func(w *world, seed uint64)) {
	t.Helper()
	name := t.Name()
	for i := range *simSeeds {
		seed := *simSeed + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			defer func() {
				if t.Failed() {
					t.Logf("replay: go test ./transfer/job -run '^%s$' -sim.seeds=1 -sim.seed=%d", name, seed)
				}
			}()
			play(newWorld(t, seed), seed)
		})
	}
}

// TestSimulation moves random mixes of files over random paths, with sessions
// that break or are told to move in the middle, to nodes that share a disk.
func TestSimulation(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(w *world, seed uint64) {
		w.path = path{
			rate: 50e6 * float64(1+w.rng.IntN(8)), rtt: time.Duration(1+w.rng.IntN(200)) * time.Millisecond,
			loss: w.rng.Float64() * 0.1 * float64(w.rng.IntN(2)), jitter: time.Duration(w.rng.IntN(20)*w.rng.IntN(2)) * time.Millisecond,
			duplicate: w.rng.Float64() * 0.02 * float64(w.rng.IntN(2)), corrupt: w.rng.Float64() * 0.01 * float64(w.rng.IntN(2)),
		}
		w.mix()
		w.rotten = w.rng.IntN(3)
		for try := range 8 {
			var cut, stop time.Duration
			if try < 3 {
				switch w.rng.IntN(3) {
				case 0:
					cut = time.Duration(w.rng.IntN(1500)) * time.Millisecond
				case 1:
					stop = time.Duration(w.rng.IntN(1500)) * time.Millisecond
				}
			}
			if w.session(seed*100+uint64(try), try > 0, cut, stop) {
				break
			}
		}
		w.check()
	})
}

// TestWasteIsSmall: over a lossy path hardly anything is sent twice but what
// was lost.
func TestWasteIsSmall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.path = path{rate: 400e6, rtt: 60 * time.Millisecond, loss: 0.02}
	for i := range 300 {
		w.add(fmt.Sprint(i), 2000+w.rng.IntN(4000))
	}
	w.add("large", 24<<20)
	if !w.session(5, false, 0, 0) {
		t.Fatal("not done")
	}
	w.check()
	// What a full queue drops in start-up is the flow's affair; what arrives
	// twice is waste, redundant copies of the last packets included.
	if waste := float64(w.repeated) / float64(w.total()); waste > 0.03 {
		t.Errorf("%d of %d bytes came twice: %.3f\n%s", w.repeated, w.total(), waste, strings.Join(w.story, "\n"))
	}
}

// TestResumeSendsOnlyWhatWasNotDurable: a session that breaks costs what was in
// flight and in buffers, no more.
func TestResumeSendsOnlyWhatWasNotDurable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	w.path = path{rate: 400e6, rtt: 20 * time.Millisecond}
	w.add("large", 40<<20)
	if w.session(6, false, 700*time.Millisecond, 0) {
		t.Fatal("done before the cut")
	}
	durable := int64(0)
	for range w.disk.parts["large"].leaves {
		durable += 1 << 20
	}
	if durable < 10<<20 {
		t.Fatalf("only %d bytes were durable at the cut", durable)
	}
	if !w.session(7, true, 0, 0) {
		t.Fatal("not done")
	}
	w.check()
	if want := w.total() - durable; w.received != want {
		t.Errorf("the second session moved %d bytes, %d were missing", w.received, want)
	}
}

// TestChangedPartIsReplaced: blocks that the receiver holds of another content
// are found by their hashes and sent; others are not.
func TestChangedPartIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8)
	w.add("f", 14<<20)
	if w.session(1, false, 450*time.Millisecond, 0) {
		t.Fatal("done before the cut")
	}
	had := len(w.disk.parts["f"].leaves)
	if had < 4 {
		t.Fatalf("only %d blocks were durable", had)
	}
	durable := slices.Sorted(maps.Keys(w.disk.parts["f"].leaves))
	for i := range 1 << 20 {
		w.body["f"][durable[1]<<20+i] ^= 0x55
	}
	if !w.session(2, true, 0, 0) {
		t.Fatal("not done")
	}
	w.check()
	if want := w.total() - int64(had-1)<<20; w.received != want {
		t.Errorf("the second session moved %d bytes, want %d", w.received, want)
	}
}

// TestDamagedBytesAreNeverCommitted: bytes that change between hashing and
// sending are noticed, and the file is sent again.
func TestDamagedBytesAreNeverCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 9)
	w.rotten = 5
	for i := range 100 {
		w.add(fmt.Sprint(i), 5000)
	}
	w.add("large", 12<<20)
	if !w.session(3, false, 0, 0) {
		t.Fatal("not done")
	}
	if w.rotten > 0 {
		t.Fatalf("%d damages were not done", w.rotten)
	}
	w.check()
}

// TestSlowDiskStopsTheSender: memory stays within the window however slow the
// receiver's disk is, and nothing is lost or sent in vain.
func TestSlowDiskStopsTheSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	w.path = path{rate: 400e6, rtt: 10 * time.Millisecond}
	w.window, w.write = 6<<20, 100*time.Millisecond // 84 Mb/s
	w.add("large", 24<<20)
	if !w.session(4, false, 0, 0) {
		t.Fatal("not done")
	}
	w.check()
	if w.buffered < 3<<20 || w.buffered > w.window+1<<20 {
		t.Errorf("the receiver held up to %d bytes, its window is %d", w.buffered, w.window)
	}
}

// TestTheEndCostsHalfARoundTrip: when the last byte has landed, the sender knows
// half a round trip later, without another word between.
func TestTheEndCostsHalfARoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12)
	const rtt = 400 * time.Millisecond
	w.path = path{rate: 400e6, rtt: rtt}
	for i := range 20 {
		w.add(fmt.Sprint(i), 5000)
	}
	if !w.session(4, false, 0, 0) {
		t.Fatal("not done")
	}
	w.check()
	if w.took < rtt || w.took > rtt+rtt/4 {
		t.Errorf("100 kB took %v over a path of %v", w.took, rtt)
	}
}
