package job

import (
	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
)

// SenderConfig is what a Sender needs. The callbacks must not call back.
type SenderConfig struct {
	// Memory bounds bytes that are read and not acknowledged yet.
	Memory int64
	// Window is the receiver's: first sendings run at most so far ahead of
	// what it reports as freed.
	Window int64
	// Ask makes files wait for the receiver's answer.
	Ask bool
	// End makes the end a record among the data as well: a packet that is lost on
	// the control connection holds up what is behind it, the data path repairs sooner.
	// Nothing that has to come before a Finish frame may then follow the last object.
	End bool

	// Control queues a frame for the receiver.
	Control func(t control.Type, body []byte)
	// Release gives back the buffer of a Block.
	Release func(data []byte)
	// Ended tells how an object ended. e.ID is that of its last attempt.
	Ended func(e Entry, outcome control.Outcome, code, message string)
}

const (
	// readAhead bounds bytes read and not sent yet. When half of that is sent, readers
	// are woken: who is wakes a processor, and then reads several blocks.
	readAhead = 8 << 20
	readAgain = readAhead / 2
	// maxOpen bounds objects without a verdict; the scan waits.
	maxOpen = 1 << 16
	// maxAttempts is how often a file is sent whose hash comes out different.
	maxAttempts = 3
	// wholeRead is how many bytes of small files one Read list may hold.
	wholeRead = 1 << 20
)

// Read asks the application for one block.
type Read struct {
	ID     uint64
	Source any  // of the Entry
	Last   bool // no block of this object is left to ask for
	Index  int
	Offset int64
	Length int
}

// Block answers a Read: the bytes, whose ownership goes to the Sender until
// Release, and their leaf hash.
type Block struct {
	ID    uint64
	Index int
	Data  []byte
	Leaf  hashtree.Hash
	Hole  bool // zeros that the entry's Detail tells of: not sent
}

// outgoing is one object on its way.
type outgoing struct {
	e       Entry
	geo     hashtree.Geometry
	tree    *hashtree.Tree // files of several blocks
	attempt int

	have     map[int]hashtree.Hash // what the receiver says it has
	toRead   int                   // next block to ask for
	returned int                   // blocks that came back
	unread   int64                 // bytes of blocks not asked for yet
	answered bool                  // may be read: not asked, or the answer is in
	entryOut bool                  // the entry was packed
	entryOK  bool                  // the entry was acknowledged
	rootOK   bool
	issued   int64 // data bytes sent for the first time
	progress int64 // the same, and what the receiver had
	dead     bool  // ended: records of it are dropped
	end      bool  // no object, but the word that there are no more: e.ID of them, after e.bytes retries

	self   outBlock    // stands for the object itself in pieces
	blocks []*outBlock // those not yet acknowledged, for release at an early end
}

// outBlock is one block in memory.
type outBlock struct {
	o    *outgoing
	off  int64
	data []byte
	sent int // bytes packed for the first time
	left int // bytes not acknowledged
	at   int // in o.blocks

	fetched int // bytes brought into the cache, to be packed
}

// Sender is the sending half of a job in one session. It is a flow.Source.
type Sender struct {
	cfg    SenderConfig
	nextID uint64
	open   map[uint64]*outgoing

	toRead  queue[*outgoing] // may be read, in order
	entries queue[*outgoing] // entries and roots that stand alone
	ready   queue[*outBlock] // blocks to send
	resend  queue[uint32]    // tokens of lost packets

	slots slots

	retained int64 // bytes read or asked for, not released
	unsent   int64 // of those, not packed yet
	unread   int64 // bytes of open objects that nobody was asked to read yet
	issued   int64 // data bytes sent for the first time, early ends taken out
	freed    int64 // as the receiver reported

	sent, resent int64 // data bytes ever
	progress     int64 // of open objects
	inflight     int   // slots that wait for their fate
	added        uint64
	announced    uint64 // objects whose entry was sent
	unasked      int    // announced objects that wait for an answer
	reading      int    // blocks that the application reads
	retries      uint64 // Retry verdicts
	said         control.Finish
	ending       *outgoing // the same as a record; nil: none
	scanDone     bool
	stopped      bool
	finishing    bool
	left         bool // something remains for another session
}

// NewSender makes a Sender.
func NewSender(cfg SenderConfig) *Sender {
	return &Sender{cfg: cfg, open: map[uint64]*outgoing{}}
}

// Room reports whether the scan may add more objects now.
func (s *Sender) Room() bool { return len(s.open) < maxOpen && !s.stopped }

// Add takes an object from the scan and returns its number.
func (s *Sender) Add(e Entry) uint64 { return s.add(e, 1) }

func (s *Sender) add(e Entry, attempt int) uint64 {
	s.nextID++
	s.added++
	e.ID = s.nextID
	e.hasRoot, e.bytes = false, 0
	o := &outgoing{e: e, attempt: attempt, answered: true}
	o.self.o = o
	s.open[e.ID] = o
	if e.Kind != File {
		o.rootOK = true
		s.entries.push(o)
		return e.ID
	}
	bs := hashtree.BlockSizeFor(e.Size)
	geo, err := hashtree.NewGeometry(e.Size, bs)
	if err != nil {
		s.end(o, control.Failed, "io", "the file is too large")
		return e.ID
	}
	o.geo = geo
	switch {
	case e.Size == 0:
		o.e.hasRoot, o.e.root = true, hashtree.Sum(nil)
		s.entries.push(o)
		return e.ID
	case multi(e.Size):
		o.tree, _ = hashtree.New(e.Size, bs) // its only error was checked above
	}
	o.unread = e.Size
	s.unread += e.Size
	if s.cfg.Ask && attempt == 1 {
		o.answered = false
		s.unasked++
		o.e.ask = true
		s.entries.push(o)
		return e.ID
	}
	s.toRead.push(o)
	return e.ID
}

// Entry returns an object that has not ended.
func (s *Sender) Entry(id uint64) (Entry, bool) {
	if o := s.open[id]; o != nil {
		return o.e, true
	}
	return Entry{}, false
}

// ScanDone says that no more objects will be added.
func (s *Sender) ScanDone() { s.scanDone = true; s.maybeFinish() }

// Reads appends what the application should read next to dst: one block of a
// large file, or a handful of small files. Nothing is appended while memory
// is short.
func (s *Sender) Reads(dst []Read) []Read {
	var bytes int64
	for !s.stopped && !s.toRead.empty() && bytes < wholeRead {
		o := s.toRead.front()
		if o.dead || o.toRead >= o.geo.Blocks() {
			s.toRead.pop()
			continue
		}
		off, n := o.geo.Span(o.toRead)
		if !s.fits(n) {
			break
		}
		if bytes > 0 && bytes+int64(n) > wholeRead {
			break
		}
		dst = append(dst, Read{ID: o.e.ID, Source: o.e.Source, Last: o.toRead == o.geo.Blocks()-1, Index: o.toRead, Offset: off, Length: n})
		o.toRead++
		s.reading++
		bytes += int64(n)
		s.retained += int64(n)
		s.unsent += int64(n)
		s.unread -= int64(n)
		o.unread -= int64(n)
		if o.toRead == o.geo.Blocks() {
			s.toRead.pop()
		}
	}
	if len(dst) == 0 && s.scanDone {
		s.maybeFinish() // what was left to read had ended
	}
	return dst
}

// Deliver takes a block that was read.
func (s *Sender) Deliver(b Block) {
	s.reading--
	o := s.open[b.ID]
	if o == nil || s.stopped {
		s.unsent -= int64(len(b.Data))
		s.release(b.Data)
		return
	}
	o.returned++
	last := o.returned == o.geo.Blocks()
	if o.tree != nil {
		o.tree.Set(b.Index, b.Leaf)
	}
	if leaf, ok := o.have[b.Index]; b.Hole || ok && leaf == b.Leaf {
		s.unsent -= int64(len(b.Data))
		o.progress += int64(len(b.Data))
		s.progress += int64(len(b.Data))
		s.release(b.Data)
	} else {
		off, n := o.geo.Span(b.Index)
		blk := &outBlock{o: o, off: off, data: b.Data, left: n, at: len(o.blocks)}
		o.blocks = append(o.blocks, blk)
		o.e.bytes += int64(n)
		s.ready.push(blk)
	}
	if last {
		o.e.hasRoot, o.e.root = true, b.Leaf
		if o.tree != nil {
			o.e.root, _ = o.tree.Root() // all leaves are known
		}
	}
	if last && (o.tree != nil || o.entryOut) {
		s.entries.push(o) // the root follows
	}
}

// Unread says that an object cannot be read (any more): it is withdrawn and
// ends as failed, unless the application adds it anew.
func (s *Sender) Unread(r Read, code, message string) {
	s.reading--
	s.retained -= int64(r.Length)
	s.unsent -= int64(r.Length)
	if o := s.open[r.ID]; o != nil {
		s.withdraw(o)
		s.end(o, control.Failed, code, message)
	}
}

// Renew says that the source is not what Add said: what was sent of it is
// withdrawn, and the file starts over as e.
func (s *Sender) Renew(r Read, e Entry) {
	s.reading--
	s.retained -= int64(r.Length)
	s.unsent -= int64(r.Length)
	if o := s.open[r.ID]; o != nil {
		s.withdraw(o)
		s.drop(o)
		s.add(e, o.attempt)
	}
}

// withdraw makes the receiver forget what it has of o.
func (s *Sender) withdraw(o *outgoing) {
	if o.entryOut {
		body, err := control.AppendJSON(nil, control.TypeWithdraw, control.Withdraw{ID: o.e.ID})
		if err == nil {
			s.cfg.Control(control.TypeWithdraw, body[4:])
		}
	}
}

// Have takes the receiver's answer to an announced object.
func (s *Sender) Have(h control.Have) {
	o := s.open[h.ID]
	if o == nil || o.answered {
		return
	}
	for i, leaf := range h.Leaves {
		if o.have == nil {
			o.have = map[int]hashtree.Hash{}
		}
		if at := h.First + uint64(i); at < uint64(o.geo.Blocks()) {
			o.have[int(at)] = leaf
		}
	}
	if h.Last {
		o.answered = true
		s.unasked--
		s.toRead.push(o)
	}
}

// Verdict takes the end of an object from the receiver.
func (s *Sender) Verdict(v control.Verdict) {
	o := s.open[v.ID]
	if o == nil {
		return
	}
	if v.Outcome == control.Retry {
		s.retries++
	}
	if v.Outcome == control.Retry && s.stopped {
		s.drop(o)
		s.left = true
		s.maybeFinish()
		return
	}
	if v.Outcome == control.Retry && o.attempt < maxAttempts {
		e, attempt := o.e, o.attempt
		s.drop(o)
		e.ask = false
		s.add(e, attempt+1)
		return
	}
	if v.Outcome == control.Retry {
		v.Outcome = control.Failed
	}
	s.end(o, v.Outcome, v.Code, v.Message)
}

// Progress takes the receiver's report.
func (s *Sender) Progress(p control.Progress) { s.freed = int64(min(p.Freed, 1<<62)) }

// Stop starts no more objects and no more blocks: what was begun is
// finished, then the session ends with objects left. The application stops
// reading.
func (s *Sender) Stop() {
	if s.stopped {
		return
	}
	s.stopped = true
	var begun *outBlock
	for first := true; !s.ready.empty(); first = false {
		b := s.ready.pop()
		switch {
		case b.data == nil:
		case first && b.sent > 0:
			begun = b
		default:
			s.unsent -= int64(len(b.data))
			s.forget(b)
		}
	}
	if begun != nil {
		s.ready.push(begun)
	}
	s.entries.clear()
	s.toRead.clear()
	s.maybeFinish()
}

// end closes an object with its outcome.
func (s *Sender) end(o *outgoing, outcome control.Outcome, code, message string) {
	if outcome == control.Committed {
		o.issued = 0 // all of it arrived: it stays in both counts
	}
	s.drop(o)
	s.cfg.Ended(o.e, outcome, code, message)
	s.maybeFinish()
}

// drop forgets an object and takes what it issued out of the window.
func (s *Sender) drop(o *outgoing) {
	o.dead = true
	if !o.answered {
		s.unasked--
	}
	delete(s.open, o.e.ID)
	s.issued -= o.issued
	s.progress -= o.progress
	s.unread -= o.unread
	for len(o.blocks) > 0 {
		b := o.blocks[len(o.blocks)-1]
		s.unsent -= int64(len(b.data) - b.sent)
		s.forget(b)
	}
}

// forget frees the memory of a block.
func (s *Sender) forget(b *outBlock) {
	last := len(b.o.blocks) - 1
	moved := b.o.blocks[last]
	b.o.blocks[b.at], moved.at = moved, b.at
	b.o.blocks[last] = nil
	b.o.blocks = b.o.blocks[:last]
	s.release(b.data)
	b.data = nil
}

func (s *Sender) release(data []byte) {
	s.retained -= int64(len(data))
	s.cfg.Release(data)
}

// maybeFinish tells the receiver that nothing more will come, as soon as that is
// certain but for retries: while the last packets travel, so that the receiver
// can end the session when they have landed. A sender that stopped waits for
// what it began.
func (s *Sender) maybeFinish() {
	done := s.scanDone && len(s.open) == 0
	if s.stopped {
		done = done || s.inflight == 0 && s.ready.empty() && s.resend.empty()
	} else {
		done = done || s.scanDone && s.sentOnce()
	}
	if !done {
		return
	}
	f := control.Finish{Objects: s.announced, Retries: s.retries, Stopped: s.stopped && s.unfinished()}
	if s.finishing && f == s.said {
		return
	}
	s.finishing, s.said = true, f
	if s.ending != nil {
		s.ending.dead = true
		s.ending = nil
	}
	if s.cfg.End && !f.Stopped && f.Objects > 0 {
		s.ending = &outgoing{end: true, e: Entry{ID: f.Objects, bytes: int64(f.Retries)}}
		s.ending.self.o = s.ending
		s.entries.push(s.ending)
	}
	body, err := control.AppendJSON(nil, control.TypeFinish, f)
	if err == nil {
		s.cfg.Control(control.TypeFinish, body[4:])
	}
}

// sentOnce reports whether all of every object added was sent at least once.
func (s *Sender) sentOnce() bool {
	return s.toRead.empty() && s.reading == 0 && s.unasked == 0 && s.ready.empty() && s.entries.empty()
}

// Complete calls each for the files and links without a verdict all of which
// was sent: the receiver may have committed them.
func (s *Sender) Complete(each func(Entry)) {
	for _, o := range s.open {
		if o.e.Kind != Dir && o.entryOut && o.progress == o.e.Size {
			each(o.e)
		}
	}
}

// Wants reports whether Reads may have something that is worth waking a reader for.
// Who reads asks Reads until that has no more.
func (s *Sender) Wants() bool {
	if s.stopped || s.toRead.empty() || s.unsent > readAgain {
		return false
	}
	o := s.toRead.front()
	if o.dead || o.toRead >= o.geo.Blocks() {
		return true // to be taken off
	}
	_, n := o.geo.Span(o.toRead)
	return s.fits(n)
}

// fits reports whether n bytes more may be read.
func (s *Sender) fits(n int) bool {
	return s.retained == 0 || s.retained+int64(n) <= s.cfg.Memory && s.unsent+int64(n) <= readAhead
}

// Left is how many bytes are still to be packed for the first time, most of them;
// negative: nobody knows, for there may be more objects. See flow.Source.
func (s *Sender) Left() int64 {
	switch {
	case s.stopped:
		return s.unsent
	case !s.scanDone:
		return -1
	default:
		return s.unread + s.unsent
	}
}

// Stopped reports whether Stop left objects behind.
func (s *Sender) Stopped() bool { return s.stopped && s.unfinished() }

func (s *Sender) unfinished() bool { return s.left || len(s.open) > 0 || !s.scanDone }

// Finished reports whether a Finish frame was sent.
func (s *Sender) Finished() bool { return s.finishing }

// SenderStats are counters of a Sender.
type SenderStats struct {
	Sent     int64 // data bytes packed, resent ones included
	Resent   int64
	Retained int64 // bytes in memory
	Ahead    int64 // bytes sent that the receiver has not freed
	Open     int   // objects without a verdict
	Progress int64 // bytes of these that were sent once, or were there already
}

// Stats returns the counters.
func (s *Sender) Stats() SenderStats {
	return SenderStats{Sent: s.sent, Resent: s.resent, Retained: s.retained, Ahead: s.issued - s.freed, Open: len(s.open), Progress: s.progress}
}
