package job

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
)

// ReceiverConfig is what a Receiver needs. The callbacks must not call back.
type ReceiverConfig struct {
	// Memory bounds receive buffers; what does not fit is not acknowledged.
	Memory int64
	Pool   *Pool

	// Control queues a frame for the sender.
	Control func(t control.Type, body []byte)

	// Open asks what is to happen with a file, for files of several blocks
	// and for asked ones. The application answers with Opened.
	Open func(e Entry, ask bool)
	// Small hands over a whole file of one block. The application verifies,
	// writes and answers with Ended; data go back by Free. opened says that
	// Opened was answered for it.
	Small func(e Entry, root hashtree.Hash, data []byte, opened bool)
	// Write hands over a block of an opened file. The application hashes and
	// writes it and answers with Written; data go back by Free.
	Write func(id uint64, index int, data []byte)
	// Commit says that all blocks are written and their root is that of the
	// sender. The application answers with Ended.
	Commit func(id uint64, root hashtree.Hash)
	// Make asks for a directory or symlink; the answer is Ended.
	Make func(e Entry)
	// Abandon says that an opened file ended otherwise: withdrawn by the
	// sender or different from what was read (then discard is set).
	Abandon func(id uint64, discard bool)
	// Ending says that the sender has no more for now: nothing is gained by
	// waiting for it. nil: not told.
	Ending func()
	// Done says, once, that the sender has no more and all of it has its
	// verdict, or that the sender stops. The application makes durable what
	// waits and answers with a Finished frame.
	Done func(stopped bool)
}

// Opening answers Open.
type Opening struct {
	ID   uint64
	Have []HaveRange // durable blocks, ascending
	// Holes are blocks that the entry's Detail says are zeros: here already,
	// and the sender knows it.
	Holes []HaveRange
}

// HaveRange are the leaves of blocks from First on.
type HaveRange struct {
	First  int
	Leaves []hashtree.Hash
}

// ErrFull leaves a packet unacknowledged: the sender overruns the window.
var ErrFull = errors.New("receive buffers are full")

// incoming is one object on its way.
type incoming struct {
	e     Entry
	known bool // the entry is here; before that, slices wait
	early []orphan

	geo       hashtree.Geometry
	tree      *hashtree.Tree // leaves of written or durable blocks; several blocks only
	blocks    map[int]*inBlock
	latest    *inBlock         // of blocks: the one that the latest slice was of, not full; nil: none
	latestAt  int              // its index
	done      map[int]struct{} // blocks complete in this session
	opened    bool             // Opened was answered
	opening   bool             // Open was asked
	root      hashtree.Hash
	hasRoot   bool
	want, got int64 // data bytes that the sender sends in all, and those that came
	writing   int   // blocks with the application
	finishing bool
	freed     int64 // data bytes that left the buffers
	progress  int64 // data bytes that came or were here
}

type orphan struct {
	offset int64
	data   []byte
}

// inBlock is a block that fills.
type inBlock struct {
	data  []byte
	spans []span // received, ascending, disjoint, not touching
	full  bool
}

type span struct{ from, to int32 }

// Receiver is the receiving half of a job in one session. It is a flow.Sink.
type Receiver struct {
	cfg  ReceiverConfig
	open map[uint64]*incoming

	latestID uint64    // of the object that the latest record was of
	latest   *incoming // nil: none, or it has ended

	low  uint64              // all ids up to low ended
	high map[uint64]struct{} // ended ids above low

	buffered int64
	waiting  int64 // of it, whole and handed to the application
	freed    int64
	durable  int64
	received int64 // data bytes, each once
	repeated int64 // data bytes that were here already
	progress int64 // of open objects

	closed  uint64 // objects that ended
	retries uint64 // of them, with the verdict Retry
	finish  control.Finish
	ending  bool // Finish came
	done    bool // Done was called

	verdicts []byte
	parser   parser
}

// NewReceiver makes a Receiver.
func NewReceiver(cfg ReceiverConfig) *Receiver {
	return &Receiver{cfg: cfg, open: map[uint64]*incoming{}, high: map[uint64]struct{}{}}
}

// maxTracked bounds objects without a verdict and gaps between ended ones.
const maxTracked = 4 * maxOpen

// Deliver places the records of one packet.
func (r *Receiver) Deliver(_ time.Duration, payload []byte) error {
	r.parser.b = payload
	for {
		ok, err := r.parser.next()
		if !ok || err != nil {
			return err
		}
		if err := r.place(&r.parser.rec); err != nil {
			return err
		}
	}
}

// Entry takes an entry that came over the control connection.
func (r *Receiver) Entry(body []byte) error {
	if len(body) == 0 || body[0] != recEntry {
		return ErrRecord
	}
	return r.Deliver(0, body)
}

func (r *Receiver) place(rec *record) error {
	if rec.kind == recEnd {
		r.Finish(control.Finish{Objects: rec.id, Retries: rec.count})
		return nil
	}
	o, err := r.object(rec.id)
	if o == nil {
		return err
	}
	switch rec.kind {
	case recEntry:
		return r.entry(o, &rec.entry)
	case recRoot:
		o.root, o.hasRoot, o.want = rec.root, true, rec.bytes
		r.check(rec.id, o)
		return nil
	}
	if !o.known {
		if err := r.room(len(rec.data)); err != nil {
			return err
		}
		data := append([]byte(nil), rec.data...)
		o.early = append(o.early, orphan{rec.offset, data})
		r.buffered += int64(len(data))
		return nil
	}
	return r.data(rec.id, o, rec.offset, rec.data)
}

// object returns the object that a record is of; nil: it has ended. Most are of
// the one that the record before was of.
func (r *Receiver) object(id uint64) (*incoming, error) {
	if r.latest != nil && id == r.latestID {
		return r.latest, nil
	}
	if r.ended(id) {
		return nil, nil
	}
	o := r.open[id]
	if o == nil {
		if len(r.open)+len(r.high) > maxTracked {
			return nil, fmt.Errorf("%w: too many objects", ErrFull)
		}
		o = &incoming{}
		r.open[id] = o
	}
	r.latestID, r.latest = id, o
	return o, nil
}

func (r *Receiver) entry(o *incoming, e *Entry) error {
	if e.hasRoot {
		o.root, o.hasRoot, o.want = e.root, true, e.bytes
	}
	if o.known {
		r.check(e.ID, o)
		return nil
	}
	if err := r.room(len(e.Detail)); err != nil {
		return err
	}
	r.buffered += int64(len(e.Detail))
	o.e, o.known = *e, true
	if e.Kind != File {
		o.finishing = true
		r.cfg.Make(o.e)
		return nil
	}
	bs := hashtree.BlockSizeFor(e.Size)
	o.geo, _ = hashtree.NewGeometry(e.Size, bs) // checked by the parser
	o.blocks, o.done = map[int]*inBlock{}, map[int]struct{}{}
	if multi(e.Size) {
		o.tree, _ = hashtree.New(e.Size, bs)
	}
	if e.ask || o.tree != nil {
		o.opening = true
		r.cfg.Open(o.e, e.ask)
	}
	early := o.early
	o.early = nil
	for i, p := range early {
		r.buffered -= int64(len(p.data))
		if err := r.data(e.ID, o, p.offset, p.data); err != nil {
			if errors.Is(err, ErrFull) { // was acknowledged: it has to stay
				o.early = append(o.early, early[i])
				r.buffered += int64(len(p.data))
				continue
			}
			return err
		}
	}
	r.check(e.ID, o)
	return nil
}

// room refuses to buffer n bytes more when memory is out.
func (r *Receiver) room(n int) error {
	if r.buffered+int64(n) > r.cfg.Memory*2 {
		return ErrFull
	}
	return nil
}

// data places a slice, which may span blocks.
func (r *Receiver) data(id uint64, o *incoming, offset int64, data []byte) error {
	if offset+int64(len(data)) > o.e.Size || len(data) == 0 {
		return fmt.Errorf("%w: slice %d+%d of a file of %d bytes", ErrRecord, offset, len(data), o.e.Size)
	}
	for len(data) > 0 {
		i := int(offset / int64(o.geo.BlockSize()))
		from, size := o.geo.Span(i)
		at := int(offset - from)
		n := min(len(data), size-at)
		if err := r.slice(id, o, i, size, at, data[:n]); err != nil {
			return err
		}
		offset += int64(n)
		data = data[n:]
	}
	return nil
}

func (r *Receiver) slice(id uint64, o *incoming, i, size, at int, data []byte) error {
	b, err := r.block(o, i, size)
	if err != nil {
		return err
	}
	if b == nil {
		r.repeated += int64(len(data))
		return nil
	}
	news := b.add(int32(at), int32(at+len(data)))
	r.received += int64(news)
	o.got += int64(news)
	o.progress += int64(news)
	r.progress += int64(news)
	r.repeated += int64(len(data) - news)
	if news > 0 {
		copy(b.data[at:], data) // what was here before is the same
	}
	if len(b.spans) == 1 && b.spans[0] == (span{0, int32(size)}) {
		b.full, o.latest = true, nil
		r.full(id, o, i, b)
	}
	return nil
}

// block returns the block that a slice is of; nil: all of it is here.
func (r *Receiver) block(o *incoming, i, size int) (*inBlock, error) {
	if o.latest != nil && i == o.latestAt {
		return o.latest, nil
	}
	if _, ok := o.done[i]; ok {
		return nil, nil
	}
	b := o.blocks[i]
	if b == nil {
		if err := r.room(size); err != nil {
			return nil, err
		}
		b = &inBlock{data: r.cfg.Pool.Get(size)}
		r.buffered += int64(size)
		o.blocks[i] = b
	}
	if b.full {
		return nil, nil
	}
	o.latestAt, o.latest = i, b
	return b, nil
}

// full passes a complete block on, when the application is ready for it.
func (r *Receiver) full(id uint64, o *incoming, i int, b *inBlock) {
	if o.tree == nil {
		r.check(id, o)
		return
	}
	if !o.opened {
		return
	}
	delete(o.blocks, i)
	o.done[i] = struct{}{}
	o.tree.Clear(i)
	o.writing++
	r.waiting += int64(len(b.data))
	r.cfg.Write(id, i, b.data)
}

// Opened takes the application's answer to Open: the file is wanted. It
// reports false when the object has ended meanwhile.
func (r *Receiver) Opened(a Opening) bool {
	o := r.open[a.ID]
	if o == nil || !o.opening || o.opened {
		return false
	}
	o.opened = true
	for _, h := range slices.Concat(a.Have, a.Holes) {
		for i, leaf := range h.Leaves {
			if o.tree != nil && h.First+i < o.geo.Blocks() {
				o.tree.Set(h.First+i, leaf)
				_, n := o.geo.Span(h.First + i)
				o.progress += int64(n)
				r.progress += int64(n)
			}
		}
	}
	if o.e.ask {
		r.answer(a)
	}
	if o.tree != nil {
		for _, i := range slices.Sorted(maps.Keys(o.blocks)) {
			if b := o.blocks[i]; b.full {
				r.full(a.ID, o, i, b)
			}
		}
	}
	r.check(a.ID, o)
	return true
}

// answer sends the have-list of an asked object.
func (r *Receiver) answer(a Opening) {
	for _, h := range a.Have {
		for len(h.Leaves) > 0 {
			n := min(len(h.Leaves), 1024)
			leaves := make([]control.Leaf, n)
			for i := range leaves {
				leaves[i] = control.Leaf(h.Leaves[i])
			}
			r.cfg.Control(control.TypeHave, control.AppendHave(nil, control.Have{ID: a.ID, First: uint64(h.First), Leaves: leaves}))
			h.First += n
			h.Leaves = h.Leaves[n:]
		}
	}
	r.cfg.Control(control.TypeHave, control.AppendHave(nil, control.Have{ID: a.ID, Last: true}))
}

// Written says that a block was written, or not, and what its leaf is. A
// failure is followed by Ended.
func (r *Receiver) Written(id uint64, index int, leaf hashtree.Hash, ok bool) {
	o := r.open[id]
	if o == nil {
		return
	}
	o.writing--
	if ok {
		o.tree.Set(index, leaf)
		r.check(id, o)
	}
}

// check ends the receiving of an object once all of it is here.
func (r *Receiver) check(id uint64, o *incoming) {
	if !o.known || !o.hasRoot || o.finishing || o.e.Kind != File || o.opening && !o.opened {
		return
	}
	switch {
	case o.e.Size == 0:
		o.finishing = true
		r.cfg.Small(o.e, o.root, nil, o.opened)
	case o.tree == nil:
		b := o.blocks[0]
		if b == nil || !b.full {
			return
		}
		o.finishing = true
		delete(o.blocks, 0)
		o.done[0] = struct{}{}
		r.waiting += int64(len(b.data))
		r.cfg.Small(o.e, o.root, b.data, o.opened)
	case o.got >= o.want && o.writing == 0 && o.tree.Missing() == 0 && len(o.blocks) == 0:
		root, err := o.tree.Root()
		if err != nil {
			return
		}
		o.finishing = true
		if root != o.root {
			r.cfg.Abandon(id, true)
			r.End(control.Verdict{ID: id, Outcome: control.Retry, Code: "mismatch", Message: "what was written is not what was read"})
			return
		}
		r.cfg.Commit(id, root)
	}
}

// Free takes a buffer back that Small or Write handed over, once for each.
func (r *Receiver) Free(id uint64, data []byte) {
	r.buffered -= int64(len(data))
	r.waiting -= int64(len(data))
	if o := r.open[id]; o != nil {
		o.freed += int64(len(data))
		r.freed += int64(len(data))
	}
	r.cfg.Pool.Put(data)
}

// End gives an object its verdict: the application's answer to Small, Commit
// and Make, and a failure or a skip at any time. It reports false when the
// object has ended before.
func (r *Receiver) End(v control.Verdict) bool {
	o := r.open[v.ID]
	if o == nil {
		return false
	}
	if v.Outcome == control.Committed {
		r.durable += o.e.Size
	} else {
		r.freed -= o.freed
	}
	if v.Outcome == control.Retry {
		r.retries++
	}
	r.close(v.ID, o)
	r.verdicts = control.AppendVerdict(r.verdicts, v)
	if len(r.verdicts) > 32<<10 {
		r.Flush()
	}
	r.maybeDone()
	return true
}

// Finish takes the sender's word that nothing more will come. It may come twice, as
// a frame and among the data, and an older one last.
func (r *Receiver) Finish(f control.Finish) {
	if r.ending && !f.Stopped && (f.Objects < r.finish.Objects || f.Retries < r.finish.Retries || r.finish.Stopped) {
		return
	}
	r.finish, r.ending = f, true
	if r.cfg.Ending != nil {
		r.cfg.Ending()
	}
	r.maybeDone()
}

// Ending reports whether the sender has said that nothing more will come.
func (r *Receiver) Ending() bool { return r.ending }

// maybeDone ends the session when the sender's count is that of what ended. A
// Retry that the sender has not heard of yet makes the counts differ.
func (r *Receiver) maybeDone() {
	all := r.closed == r.finish.Objects && r.retries == r.finish.Retries
	if r.ending && !r.done && (all || r.finish.Stopped) {
		r.done = true
		r.cfg.Done(r.finish.Stopped)
	}
}

// Withdraw forgets an object at the sender's wish.
func (r *Receiver) Withdraw(id uint64) {
	if r.ended(id) {
		return
	}
	o := r.open[id]
	if o == nil {
		o = &incoming{}
	}
	if o.opening {
		r.cfg.Abandon(id, false)
	}
	r.freed -= o.freed
	r.close(id, o)
	r.maybeDone()
}

// close frees what an object holds and remembers that it ended.
func (r *Receiver) close(id uint64, o *incoming) {
	r.buffered -= int64(len(o.e.Detail))
	for _, b := range o.blocks {
		r.buffered -= int64(len(b.data))
		r.cfg.Pool.Put(b.data)
	}
	for _, p := range o.early {
		r.buffered -= int64(len(p.data))
	}
	r.progress -= o.progress
	delete(r.open, id)
	o.latest = nil
	if id == r.latestID {
		r.latest = nil
	}
	r.closed++
	r.high[id] = struct{}{}
	for {
		if _, ok := r.high[r.low+1]; !ok {
			return
		}
		r.low++
		delete(r.high, r.low)
	}
}

func (r *Receiver) ended(id uint64) bool {
	if id <= r.low {
		return true
	}
	_, ok := r.high[id]
	return ok
}

// Flush sends the verdicts that wait.
func (r *Receiver) Flush() {
	if len(r.verdicts) > 0 {
		r.cfg.Control(control.TypeVerdicts, r.verdicts)
		r.verdicts = r.verdicts[:0]
	}
}

// Progress is the report for the sender.
func (r *Receiver) Progress() control.Progress {
	return control.Progress{Freed: uint64(max(r.freed, 0)), Buffered: uint64(max(r.buffered, 0)), Durable: uint64(r.durable)}
}

// ReceiverStats are counters of a Receiver.
type ReceiverStats struct {
	Received int64 // data bytes, each once
	Repeated int64 // data bytes that were here already
	Buffered int64
	Waiting  int64 // buffered bytes that the application has and has not freed
	Open     int   // objects without a verdict
	Progress int64 // bytes of these that came or were here
}

// Stats returns the counters.
func (r *Receiver) Stats() ReceiverStats {
	return ReceiverStats{Received: r.received, Repeated: r.repeated, Buffered: r.buffered, Waiting: r.waiting, Open: len(r.open), Progress: r.progress}
}

// add records [from, to) and returns how many of its bytes are new.
func (b *inBlock) add(from, to int32) int {
	i := len(b.spans) // most slices continue the last span
	for i > 0 && b.spans[i-1].to >= from {
		i--
	}
	j := i
	merged := span{from, to}
	covered := int32(0)
	for j < len(b.spans) && b.spans[j].from <= to {
		s := b.spans[j]
		covered += max(0, min(s.to, to)-max(s.from, from))
		merged.from, merged.to = min(merged.from, s.from), max(merged.to, s.to)
		j++
	}
	if i == j {
		b.spans = append(b.spans, span{})
		copy(b.spans[i+1:], b.spans[i:])
		b.spans[i] = merged
	} else {
		b.spans[i] = merged
		b.spans = append(b.spans[:i+1], b.spans[j:]...)
	}
	return int(to - from - covered)
}
