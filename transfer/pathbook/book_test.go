package pathbook

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that passes when told.
type clock struct{ t time.Time }

func (c *clock) now() time.Time         { return c.t }
func (c *clock) pass(d time.Duration)   { c.t = c.t.Add(d) }
func noon() *clock                      { return &clock{time.Unix(1_800_000_000, 0)} }
func address(s string) netip.Addr       { return netip.MustParseAddr(s) }
func key(t *testing.T, l, p string) Key { t.Helper(); return must(KeyOf(address(l), address(p))) }
func must(k Key, ok bool) Key           { return map[bool]Key{true: k}[ok] }
func rate(t *testing.T, b *Book, k Key) float64 {
	t.Helper()
	p, _ := b.Path(k)
	return p.Rate
}

// paper is a File in memory that can be out of order.
type paper struct {
	data   []byte
	broken error
}

func (p *paper) Read() ([]byte, error) {
	if p.data == nil {
		return nil, fs.ErrNotExist
	}
	return p.data, p.broken
}

func (p *paper) Replace(data []byte) error {
	if p.broken == nil {
		p.data = data
	}
	return p.broken
}

var ocean = Path{RTT: 100 * time.Millisecond, Rate: 940e6, Loss: 0.01, MTU: 1472, UDP: Open}

func TestNeighboursShareAPath(t *testing.T) {
	t.Parallel()
	home := key(t, "10.0.0.5", "192.0.2.7")
	for name, x := range map[string]struct {
		local, peer string
		same        bool
	}{
		"the next address there":      {"10.0.0.5", "192.0.2.250", true},
		"the next address here":       {"10.0.0.6", "192.0.2.7", true},
		"mapped into IPv6":            {"::ffff:10.0.0.5", "::ffff:192.0.2.7", true},
		"another network there":       {"10.0.0.5", "192.0.3.7", false},
		"another network here":        {"10.0.1.5", "192.0.2.7", false},
		"a name of this machine only": {"fe80::1%eth0", "fe80::2%eth0", false},
	} {
		if got := key(t, x.local, x.peer) == home; got != x.same {
			t.Errorf("%s: %v", name, got)
		}
	}
	if key(t, "2001:db8::1", "2001:db8:1:ff00::1") != key(t, "2001:db8::2", "2001:db8:1:ff7f::9") || key(t, "2001:db8::1", "2001:db8:1:ff00::1") == key(t, "2001:db8::1", "2001:db8:1:100::1") {
		t.Error("IPv6 networks are not those of a site")
	}
	if _, ok := KeyOf(address("192.0.2.7"), netip.Addr{}); ok {
		t.Error("a path to nowhere")
	}
	if k, ok := KeyOf(netip.Addr{}, address("192.0.2.7")); !ok || k == home || k != key(t, "0.0.0.0", "192.0.2.9") {
		t.Error("who is always in the same place has no path of his own")
	}
}

func TestWhatWasLearntIsForgottenAfterAWhile(t *testing.T) {
	t.Parallel()
	c := noon()
	b := New(c.now, nil, nil)
	k := key(t, "10.0.0.5", "192.0.2.7")
	b.Learn(k, ocean)
	c.pass(Lifetime - time.Second)
	if rate(t, b, k) != 940e6 {
		t.Error("forgotten early")
	}
	c.pass(time.Second)
	if _, ok := b.Path(k); ok {
		t.Error("remembered too long")
	}
	b.Learn(k, Path{UDP: Open})
	if rate(t, b, k) != 0 {
		t.Error("a word on UDP made an old rate young")
	}
	c.pass(-time.Minute)
	if _, ok := b.Path(k); ok {
		t.Error("an entry of the future is believed")
	}
}

func TestWhatIsNotKnownLeavesTheRest(t *testing.T) {
	t.Parallel()
	b := New(noon().now, nil, nil)
	k := key(t, "10.0.0.5", "192.0.2.7")
	b.Learn(k, ocean)
	b.Learn(k, Path{UDP: Blocked})
	p, _ := b.Path(k)
	if p.Rate != ocean.Rate || p.MTU != ocean.MTU || p.UDP != Blocked {
		t.Errorf("%+v", p)
	}
	b.Learn(k, Path{Rate: -1})
	b.Learn(k, Path{Rate: 1e15})
	if got, _ := b.Path(k); got != p {
		t.Errorf("nonsense was learnt: %+v", got)
	}
}

func TestAnotherRoundTripIsAnotherPath(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int]bool{100: true, 95: true, 109: true, 111: false, 89: false, 50: false, 300: false, 0: false} {
		if got := ocean.SameRTT(time.Duration(ms) * time.Millisecond); got != want {
			t.Errorf("%d ms: %v", ms, got)
		}
	}
	if (&Path{RTT: time.Millisecond, Rate: 1e9}).SameRTT(time.Millisecond) {
		t.Error("a rate nearby was believed")
	}
}

func TestOldestPathsMakeRoom(t *testing.T) {
	t.Parallel()
	c := noon()
	b := New(c.now, &paper{}, nil)
	at := func(i int) Key { return key(t, "10.0.0.5", fmt.Sprintf("192.%d.%d.7", i/256, i%256)) }
	for i := range Most + 10 {
		b.Learn(at(i), ocean)
		c.pass(time.Second)
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	for i := range Most + 10 {
		if got := rate(t, b, at(i)) > 0; got != (i >= 10) {
			t.Fatalf("path %d: %v", i, got)
		}
	}
}

func TestBookSurvivesItsProcess(t *testing.T) {
	t.Parallel()
	c := noon()
	name := filepath.Join(t.TempDir(), "cache", "godwit", "paths")
	k := key(t, "10.0.0.5", "192.0.2.7")
	b := New(c.now, Disk(name), nil)
	b.Learn(k, ocean)
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	want, _ := b.Path(k)
	if got, ok := New(c.now, Disk(name), nil).Path(k); !ok || !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	for _, p := range []string{name, filepath.Dir(name)} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestProcessesShareTheFile: whoever saves last adds to what the others have.
func TestProcessesShareTheFile(t *testing.T) {
	t.Parallel()
	c := noon()
	file := Disk(filepath.Join(t.TempDir(), "paths"))
	one, other := New(c.now, file, nil), New(c.now, file, nil)
	a, b := key(t, "10.0.0.5", "192.0.2.7"), key(t, "10.0.0.5", "198.51.100.7")
	one.Learn(a, ocean)
	other.Learn(b, ocean)
	for _, x := range []*Book{one, other} {
		if err := x.Save(); err != nil {
			t.Fatal(err)
		}
	}
	third := New(c.now, file, nil)
	if rate(t, third, a) == 0 || rate(t, third, b) == 0 || rate(t, other, a) == 0 {
		t.Error("one wrote over the other")
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			x := New(c.now, file, nil)
			x.Learn(key(t, "10.0.0.5", fmt.Sprintf("192.1.%d.7", i)), ocean)
			if err := x.Save(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if rate(t, New(c.now, file, nil), a) == 0 {
		t.Error("the file is lost after many wrote at once")
	}
}

func TestDamagedFileIsAnEmptyBook(t *testing.T) {
	t.Parallel()
	c := noon()
	k := key(t, "10.0.0.5", "192.0.2.7")
	whole := &paper{}
	b := New(c.now, whole, nil)
	b.Learn(k, ocean)
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*paper{
		"cut off":         {data: whole.data[:len(whole.data)/2]},
		"empty":           {data: []byte{}},
		"another version": {data: []byte(`{"version":2,"paths":[]}`)},
		"impossible":      {data: []byte(`{"version":1,"paths":[{"local":"10.0.0.0/24","peer":"192.0.2.0/24","seen":1800000000,"rate":-5}]}`)},
		"not a network":   {data: []byte(`{"version":1,"paths":[{"local":"10.0.0.0/8","peer":"192.0.2.0/24","seen":1800000000,"rate":5}]}`)},
		"unreadable":      {data: whole.data, broken: errors.New("input/output error")},
	} {
		x := New(c.now, p, nil)
		if _, ok := x.Path(k); ok {
			t.Errorf("%s: believed", name)
		}
		x.Learn(k, ocean)
		if err := x.Save(); (err == nil) != (p.broken == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if rate(t, x, k) == 0 {
			t.Errorf("%s: nothing can be learnt", name)
		}
	}
}

// slowPaper is a File whose disk says nothing until it is let.
type slowPaper struct {
	paper
	begun, let chan struct{}
}

func (p *slowPaper) Replace(data []byte) error {
	close(p.begun)
	<-p.let
	return p.paper.Replace(data)
}

// TestNobodyWaitsForASlowDisk: sessions begin and end while it is written, and what
// they learn meanwhile is kept.
func TestNobodyWaitsForASlowDisk(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]error{"it works": nil, "it does not": errors.New("input/output error")} {
		p := &slowPaper{begun: make(chan struct{}), let: make(chan struct{})}
		b := New(noon().now, p, nil)
		one, other := key(t, "10.0.0.5", "192.0.2.7"), key(t, "10.0.0.5", "198.51.100.7")
		b.Learn(one, ocean)
		saved := make(chan error)
		go func() { saved <- b.Save() }()
		<-p.begun
		b.Learn(other, ocean)
		if rate(t, b, one) == 0 || rate(t, b, other) == 0 || b.SaveEvery(time.Second) != nil {
			t.Errorf("%s: not remembered while it is written", name)
		}
		p.broken = broken
		close(p.let)
		if err := <-saved; !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		if rate(t, b, one) == 0 || rate(t, b, other) == 0 {
			t.Errorf("%s: forgotten once it was written", name)
		}
		p.broken, p.begun = nil, make(chan struct{})
		if err := b.Save(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again := New(noon().now, &p.paper, nil)
		if rate(t, again, one) == 0 || rate(t, again, other) == 0 {
			t.Errorf("%s: not in the file", name)
		}
	}
}

func TestNoBookKnowsNothing(t *testing.T) {
	t.Parallel()
	var b *Book
	b.Learn(Key{}, ocean)
	if _, ok := b.Path(Key{}); ok || b.Save() != nil {
		t.Error("it does")
	}
}

// FuzzDecode: whatever the file says, what is taken from it can be true, and is
// read back the same.
func FuzzDecode(f *testing.F) {
	c := noon()
	whole := &paper{}
	b := New(c.now, whole, nil)
	b.Learn(must(KeyOf(address("10.0.0.5"), address("192.0.2.7"))), ocean)
	b.Learn(must(KeyOf(address("2001:db8::1"), address("2001:db8:1::1"))), Path{UDP: Blocked})
	b.Learn(must(KeyOf(netip.Addr{}, address("2001:db8:2::1"))), ocean)
	if err := b.Save(); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.data)
	f.Add([]byte(`{"version":1,"paths":[{"local":"10.0.0.0/24","peer":"::/56","seen":1,"rtt_us":9223372036854775807}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		paths, err := decode(data)
		if err != nil {
			return
		}
		for k, p := range paths {
			if !p.valid() || !k.Peer.IsValid() {
				t.Fatalf("%v %+v", k, p)
			}
		}
		again, err := decode(encode(paths))
		if err != nil || !cmp.Equal(paths, again, cmp.Comparer(func(a, b Key) bool { return a == b }), cmp.Comparer(func(a, b Path) bool { return a == b })) {
			t.Fatalf("%v\n%v\n%v", err, paths, again)
		}
	})
}
