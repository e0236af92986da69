package job

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/simnet"
)

// disk is a file system in memory. What is durable survives a node.
type disk struct {
	files map[string][]byte
	parts map[string]*part
}

type part struct {
	data   []byte
	leaves map[int]hashtree.Hash // durable
}

func newDisk() *disk { return &disk{files: map[string][]byte{}, parts: map[string]*part{}} }

// world is one job over a simulated path: a sender with its files, a shared
// disk, and one session after the other.
type world struct {
	t     testing.TB
	rng   *rand.Rand
	src   map[string]Entry
	body  map[string][]byte
	order []string
	disk  *disk
	ended map[string]control.Outcome
	story []string

	path     path
	sessions int
	sent     int64         // data bytes over all sessions
	repeated int64         // data bytes that came twice
	received int64         // data bytes of the last session, each once
	rotten   int           // reads that return damaged bytes once
	write    time.Duration // per block; 0: 3 ms
	window   int64         // of the receiver; 0: 32 MiB
	buffered int64         // most that the receiver ever held
	took     time.Duration // by the last session
	flows    int           // of a session; 0: one
	deaths   []death
}

// path is what the network does.
type path struct {
	rate                     float64
	rtt, jitter              time.Duration // jitter reorders
	loss, duplicate, corrupt float64
}

func (w *world) tell(format string, a ...any) {
	w.story = append(w.story, fmt.Sprintf(format, a...))
}

// add makes a source file of n random bytes.
func (w *world) add(name string, n int) {
	b := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		v := w.rng.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	w.body[name] = b
	w.src[name] = Entry{Kind: File, Path: name, Size: int64(n), Mtime: int64(len(w.src)) * 1e9, Mode: 0o644, Identity: [32]byte{1, byte(len(w.src))}}
	w.order = append(w.order, name)
}

// session is one try.
type simSession struct {
	w        *world
	net      *simnet.Net
	snd      *Sender
	rcv      *Receiver
	lanes    []*simLane
	group    congestion.Group
	left     bool          // no flow lives
	toRcv    time.Duration // last arrival of a control frame, to keep order
	toSnd    time.Duration
	dead     bool
	finished bool
	err      error

	parts   map[uint64]*part
	entries map[uint64]Entry
	synced  map[uint64]map[int]hashtree.Hash // written, not durable yet
	batch   []uint64
	whole   map[uint64][]byte
	added   int
	free    time.Duration // when the disk has nothing to do
}

const hour = time.Hour

// session runs until the job is done, broken at cut (0: never) or stuck; it
// reports whether the job is done.
func (w *world) session(seed uint64, ask bool, cut, stop time.Duration) bool {
	w.sessions++
	s := &simSession{
		w: w, net: simnet.New(seed), parts: map[uint64]*part{}, entries: map[uint64]Entry{},
		synced: map[uint64]map[int]hashtree.Hash{}, whole: map[uint64][]byte{},
	}
	window := w.window
	if window == 0 {
		window = 32 << 20
	}
	s.snd = NewSender(SenderConfig{
		End:    w.rng.IntN(4) > 0,
		Memory: 64 << 20, Window: window, Ask: ask,
		Control: s.control(&s.toRcv, s.receiverFrame), Release: func([]byte) {},
		Ended: func(e Entry, outcome control.Outcome, code, message string) {
			if old, ok := w.ended[e.Path]; ok {
				w.t.Fatalf("%s ended twice: %v and %v", e.Path, old, outcome)
			}
			w.ended[e.Path] = outcome
			if outcome == control.Failed {
				w.t.Fatalf("%s failed: %s %s", e.Path, code, message)
			}
		},
	})
	s.rcv = NewReceiver(ReceiverConfig{
		Memory: window, Pool: &Pool{}, Control: s.control(&s.toSnd, s.senderFrame),
		Open: func(e Entry, ask bool) { s.later(2*time.Millisecond, func() { s.open(e, ask) }) },
		Small: func(e Entry, root hashtree.Hash, data []byte, _ bool) {
			s.later(time.Millisecond, func() { s.small(e, root, data) })
		},
		Write:   func(id uint64, i int, data []byte) { s.disk(id, i, data) },
		Commit:  func(id uint64, _ hashtree.Hash) { s.later(time.Millisecond, func() { s.commit(id) }) },
		Make:    func(e Entry) { s.later(time.Millisecond, func() { s.end(e.ID, control.Committed) }) },
		Abandon: func(id uint64, discard bool) { s.abandon(id, discard) },
		Done: func(bool) {
			s.later(time.Millisecond, func() {
				s.flush()
				s.rcv.Flush()
				s.rcv.cfg.Control(control.TypeFinished, nil)
			})
		},
	})
	for range max(w.flows, 1) {
		s.addLane()
	}
	s.die()
	s.scan()
	s.net.At(0, s.tick)
	if stop > 0 {
		s.net.At(stop, func() { s.snd.Stop(); s.kick() })
	}
	until := hour
	if cut > 0 {
		until = cut
	}
	s.net.RunWhile(until, func() bool { return !s.finished && s.err == nil && !s.left })
	s.dead = true
	w.took = s.net.Now()
	w.sent += s.snd.Stats().Sent
	w.repeated += s.rcv.Stats().Repeated
	w.received = s.rcv.Stats().Received
	w.tell("session %d ask=%v cut=%v stop=%v: at %v finished=%v sent %+v received %+v",
		w.sessions, ask, cut, stop, s.net.Now(), s.finished, s.snd.Stats(), s.rcv.Stats())
	for i, l := range s.lanes {
		w.tell("flow %d: parked=%v errors %v %v", i, l.parked, l.sh.Errors(), l.rh.Errors())
	}
	if s.err != nil {
		w.t.Fatalf("session error: %v", s.err)
	}
	if !s.finished && cut == 0 && !s.left {
		w.t.Fatalf("stuck: %v\n%s", s.lanes[0].fs.Stats(s.net.Now()), strings.Join(w.story, "\n"))
	}
	return s.finished && !s.snd.Stopped()
}

func (s *simSession) later(d time.Duration, f func()) {
	d = d/2 + time.Duration(s.w.rng.Int64N(int64(d)))
	s.net.At(s.net.Now()+d, func() {
		if !s.dead {
			f()
			s.kick()
		}
	})
}

// control is one direction of the control connection: reliable, in order,
// half a round trip late.
func (s *simSession) control(last *time.Duration, take func(control.Type, []byte) error) func(control.Type, []byte) {
	return func(t control.Type, body []byte) {
		b := bytes.Clone(body)
		*last = max(*last, s.net.Now()+s.w.path.rtt/2)
		s.net.At(*last, func() {
			if s.dead {
				return
			}
			if err := take(t, b); err != nil && s.err == nil {
				s.err = fmt.Errorf("frame %d: %w", t, err)
			}
			s.kick()
		})
	}
}

func (s *simSession) senderFrame(t control.Type, body []byte) error {
	switch t {
	case control.TypeHave:
		return control.ParseHaves(body, s.snd.Have)
	case control.TypeVerdicts:
		return control.ParseVerdicts(body, s.snd.Verdict)
	case control.TypeProgress:
		p, err := control.ParseProgress(body)
		s.snd.Progress(p)
		return err
	case control.TypeFinished:
		s.finished = true
		return nil
	}
	return errors.New("unexpected")
}

func (s *simSession) receiverFrame(t control.Type, body []byte) error {
	switch t {
	case control.TypeEntry:
		return s.rcv.Entry(body)
	case control.TypeWithdraw:
		var x control.Withdraw
		err := control.ParseJSON(body, &x)
		s.rcv.Withdraw(x.ID)
		return err
	case control.TypeFinish:
		var x control.Finish
		err := control.ParseJSON(body, &x)
		s.rcv.Finish(x)
		return err
	}
	return errors.New("unexpected")
}

// scan feeds the sender and reads for it.
func (s *simSession) scan() {
	if s.dead {
		return
	}
	for range 20 {
		if s.added == len(s.w.order) {
			s.snd.ScanDone()
			return
		}
		if !s.snd.Room() {
			break
		}
		e := s.w.src[s.w.order[s.added]]
		s.added++
		if _, done := s.w.ended[e.Path]; !done {
			s.snd.Add(e)
		}
	}
	s.later(200*time.Microsecond, s.scan)
}

// kick serves the sender's reads and lets the flow go on.
func (s *simSession) kick() {
	for {
		reads := s.snd.Reads(nil)
		if len(reads) == 0 {
			break
		}
		for _, r := range reads {
			s.later(time.Millisecond, func() { s.read(r) })
		}
	}
	for _, l := range s.lanes {
		l.fs.Wake()
		l.sh.Wake()
		l.rh.Wake()
	}
}

func (s *simSession) read(r Read) {
	e, ok := s.snd.Entry(r.ID)
	if !ok {
		s.snd.Deliver(Block{ID: r.ID, Index: r.Index, Data: make([]byte, r.Length)})
		return
	}
	data := bytes.Clone(s.w.body[e.Path][r.Offset : r.Offset+int64(r.Length)])
	geo, _ := hashtree.NewGeometry(e.Size, hashtree.BlockSizeFor(e.Size))
	leaf := geo.Leaf(r.Index, data)
	if s.w.rotten > 0 && s.w.rng.IntN(8) == 0 { // memory that rots between hash and wire
		s.w.rotten--
		data[s.w.rng.IntN(len(data))] ^= 4
	}
	s.snd.Deliver(Block{ID: r.ID, Index: r.Index, Data: data, Leaf: leaf})
}

// tick is the receiver's ticker: progress, verdicts, durability.
func (s *simSession) tick() {
	if s.dead {
		return
	}
	s.flush()
	s.rcv.Flush()
	s.w.buffered = max(s.w.buffered, s.rcv.Stats().Buffered)
	s.rcv.cfg.Control(control.TypeProgress, control.AppendProgress(nil, s.rcv.Progress()))
	s.steer()
	s.net.At(s.net.Now()+50*time.Millisecond, s.tick)
}

// flush makes written blocks and whole files durable.
func (s *simSession) flush() {
	for id, leaves := range s.synced {
		for i, leaf := range leaves {
			s.parts[id].leaves[i] = leaf
		}
	}
	clear(s.synced)
	for _, id := range s.batch {
		e := s.entries[id]
		if p := s.parts[id]; p != nil {
			s.w.disk.files[e.Path] = bytes.Clone(p.data)
			delete(s.w.disk.parts, e.Path)
		} else {
			s.w.disk.files[e.Path] = s.whole[id]
		}
		s.end(id, control.Committed)
	}
	s.batch = nil
}

func (s *simSession) end(id uint64, outcome control.Outcome) {
	s.rcv.End(control.Verdict{ID: id, Outcome: outcome})
}

func (s *simSession) open(e Entry, _ bool) {
	if _, ok := s.w.disk.files[e.Path]; ok {
		s.end(e.ID, control.Skipped)
		return
	}
	a := Opening{ID: e.ID}
	if multi(e.Size) {
		p := s.w.disk.parts[e.Path]
		if p == nil {
			p = &part{data: make([]byte, e.Size), leaves: map[int]hashtree.Hash{}}
			s.w.disk.parts[e.Path] = p
		}
		s.parts[e.ID], s.entries[e.ID] = p, e
		var at []int
		for i := range p.leaves {
			at = append(at, i)
		}
		sort.Ints(at)
		for _, i := range at {
			a.Have = append(a.Have, HaveRange{First: i, Leaves: []hashtree.Hash{p.leaves[i]}})
		}
	}
	s.rcv.Opened(a)
}

func (s *simSession) small(e Entry, root hashtree.Hash, data []byte) {
	ok := hashtree.Sum(data) == root
	s.whole[e.ID], s.entries[e.ID] = bytes.Clone(data), e
	if data != nil {
		s.rcv.Free(e.ID, data)
	}
	switch _, there := s.w.disk.files[e.Path]; {
	case there:
		s.end(e.ID, control.Skipped)
	case !ok:
		s.end(e.ID, control.Retry)
	default:
		s.batch = append(s.batch, e.ID)
	}
}

func (s *simSession) write(id uint64, i int, data []byte) {
	p, e := s.parts[id], s.entries[id]
	if p == nil {
		s.rcv.Free(id, data)
		return
	}
	geo, _ := hashtree.NewGeometry(e.Size, hashtree.BlockSizeFor(e.Size))
	off, _ := geo.Span(i)
	leaf := geo.Leaf(i, data)
	copy(p.data[off:], data)
	delete(p.leaves, i)
	if s.synced[id] == nil {
		s.synced[id] = map[int]hashtree.Hash{}
	}
	s.synced[id][i] = leaf
	s.rcv.Free(id, data)
	s.rcv.Written(id, i, leaf, true)
}

// disk writes one block after the other.
func (s *simSession) disk(id uint64, i int, data []byte) {
	if s.w.write == 0 {
		s.later(3*time.Millisecond, func() { s.write(id, i, data) })
		return
	}
	s.free = max(s.free, s.net.Now()) + s.w.write
	s.net.At(s.free, func() {
		if !s.dead {
			s.write(id, i, data)
			s.kick()
		}
	})
}

func (s *simSession) commit(id uint64) { s.batch = append(s.batch, id) }

func (s *simSession) abandon(id uint64, discard bool) {
	if discard {
		delete(s.w.disk.parts, s.entries[id].Path)
	}
	delete(s.parts, id)
	delete(s.synced, id)
}

var (
	nodeAddr   = netip.MustParseAddrPort("192.0.2.1:4433")
	clientAddr = netip.MustParseAddrPort("198.51.100.7:40000")
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, flow.SecretSize) }

type reader struct{ *rand.Rand }

func (r reader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return len(b), nil
}
