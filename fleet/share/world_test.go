package share_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/godwit/godwit/fleet/share"
)

const (
	capacity = int64(1e9)
	troubled = 10 * time.Minute // how long things go wrong
	calm     = 4 * time.Minute  // and then do not
)

var uplink = share.Key{Link: "uplink", In: true}

// world is one history on virtual time.
type world struct {
	rnd    *rand.Rand
	now    time.Duration
	queue  events
	nodes  []*node // by id, the ended too
	boss   *boss
	term   uint64
	story  []string
	faults []string
}

// event is something that happens at a time.
type event struct {
	at time.Duration
	n  int // in order of creation
	do func()
}

type events struct {
	list []event
	n    int
}

func (e *events) Len() int { return len(e.list) }
func (e *events) Less(i, j int) bool {
	a, b := e.list[i], e.list[j]
	return a.at < b.at || a.at == b.at && a.n < b.n
}
func (e *events) Swap(i, j int) { e.list[i], e.list[j] = e.list[j], e.list[i] }
func (e *events) Push(x any)    { e.list = append(e.list, x.(event)) }
func (e *events) Pop() any {
	last := e.list[len(e.list)-1]
	e.list = e.list[:len(e.list)-1]
	return last
}

func (w *world) after(d time.Duration, do func()) {
	w.queue.n++
	heap.Push(&w.queue, event{w.now + d, w.queue.n, do})
}

func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%8.3f ", w.now.Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) quiet() bool { return w.now > troubled }

// time is a duration between zero and most, short ones more often.
func (w *world) time(most time.Duration) time.Duration {
	x := w.rnd.Float64()
	return time.Duration(x * x * float64(most))
}

// node is one node with a clock of its own.
type node struct {
	w        *world
	id       string
	born     time.Duration
	pace     float64 // of its clock
	boot     int
	seq      uint64
	sent     map[uint64]time.Time
	held     share.Holding
	demand   share.Demand
	interval time.Duration
	dead     bool // lets nothing through
	ended    bool // its row, too
	deaf     bool // hears no grants
	mute     bool // nobody hears its reports or its answers
}

var epoch = time.Unix(1_800_000_000, 0)

func (n *node) clock() time.Time {
	return epoch.Add(time.Duration(float64(n.w.now) * n.pace))
}

func (n *node) bootName() string { return fmt.Sprintf("%s.%d", n.id, n.boot) }

// through is what the node lets through now.
func (n *node) through() int64 {
	if n.dead {
		return 0
	}
	return n.held.Part(uplink, n.clock())
}

// boss is one manager's rule.
type boss struct {
	w       *world
	ledger  *share.Ledger
	reports map[string]*share.Report
	heard   map[string][2]int // boot and sequence of the reports
	hangs   bool
	gone    bool
}

func (b *boss) clock() time.Time { return epoch.Add(b.w.now) }

func newWorld(seed uint64) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 77))}
	for range 1 + w.rnd.IntN(6) {
		w.join()
	}
	w.rule()
	w.after(0, w.trouble)
	w.every(250 * time.Millisecond) // leases end between other things
	return w
}

func (w *world) run() {
	for w.queue.Len() > 0 && w.now < troubled+calm && len(w.faults) == 0 {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
		w.check()
	}
	w.settled()
}

// check is the promise.
func (w *world) check() {
	var sum int64
	for _, n := range w.nodes {
		sum += n.through()
	}
	if sum <= capacity || len(w.faults) > 0 {
		return
	}
	f := fmt.Sprintf("at %.3f s nodes let through %d of %d:", w.now.Seconds(), sum, capacity)
	for _, n := range w.nodes {
		if p := n.through(); p > 0 {
			f += fmt.Sprintf(" %s %d", n.id, p)
		}
	}

	w.faults = append(w.faults, f)
}

// settled is the other promise: with nothing going wrong everybody has its part.
func (w *world) settled() {
	var demands []share.Demand
	var living []*node
	for _, n := range w.nodes {
		if !n.dead {
			living, demands = append(living, n), append(demands, n.demand)
		}
	}
	for i, want := range share.Divide(capacity, demands) {
		if got := living[i].through(); float64(got) < 0.94*float64(want) || float64(got) > 1.06*float64(want) {
			w.faults = append(w.faults, fmt.Sprintf("after %v of calm %s has %d, is due %d (%+v)", calm, living[i].id, got, want, living[i].demand))
		}
	}
}

func (w *world) join() {
	n := &node{
		w: w, id: fmt.Sprintf("n%02d", len(w.nodes)), born: w.now, pace: 1 + 0.02*(w.rnd.Float64()-0.5),
		sent: map[uint64]time.Time{}, interval: time.Second + w.time(share.ReportEvery-time.Second),
	}
	n.wish()
	w.nodes = append(w.nodes, n)
	w.tell("%s joins", n.id)
	w.after(w.time(2*time.Second), func() { n.report(n.boot) })
}

// wish changes what the sessions of a node ask for.
func (n *node) wish() {
	n.demand = share.Demand{}
	switch n.w.rnd.IntN(4) {
	case 0:
	case 1:
		n.demand = share.Demand{Modest: 1 + n.w.rnd.IntN(3), Wanted: n.w.rnd.Int64N(capacity)}
	default:
		n.demand.Greedy = 1 + n.w.rnd.IntN(3)
	}
}

// report goes on for one boot.
func (n *node) report(boot int) {
	w := n.w
	if n.dead || n.boot != boot {
		return
	}
	n.seq++
	n.sent[n.seq] = n.clock()
	held, left, _ := n.held.Grant(n.clock())
	r := share.Report{Boot: n.bootName(), Seq: n.seq, Held: held, LeftMs: left.Milliseconds(), Demands: map[share.Key]share.Demand{uplink: n.demand}}
	b := w.boss
	if !w.lost(n.mute) {
		w.after(w.delay(), func() {
			if last := b.heard[n.id]; boot < last[0] || boot == last[0] && r.Seq <= uint64(last[1]) {
				return // as fleet's index orders them
			}
			b.heard[n.id] = [2]int{boot, int(r.Seq)}
			r.At = b.clock()
			b.reports[n.id] = &r
		})
	}
	w.after(n.interval, func() { n.report(boot) })
}

// lost says that a message does not arrive.
func (w *world) lost(cut bool) bool { return cut || !w.quiet() && w.rnd.IntN(20) == 0 }

// delay is how long a message takes: some hang in a connection for a long time.
func (w *world) delay() time.Duration {
	if !w.quiet() && w.rnd.IntN(30) == 0 {
		return w.time(50 * time.Second)
	}
	return time.Millisecond + w.time(100*time.Millisecond)
}

// rule brings up another manager, which finds what nodes report.
func (w *world) rule() {
	if w.boss != nil {
		w.boss.gone = true
	}
	w.term++
	b := &boss{w: w, reports: map[string]*share.Report{}, heard: map[string][2]int{}}
	b.ledger = share.NewLedger(share.Lease, b.clock(), w.term<<32)
	w.boss = b
	w.tell("manager %d rules", w.term)
	b.round()
}

// round is what a manager does every second.
func (b *boss) round() {
	w := b.w
	if b.gone {
		return
	}
	w.after(time.Second, b.round)
	b.divide()
}

func (b *boss) divide() {
	if b.gone || b.hangs {
		return
	}
	var rows []share.Node
	for _, n := range b.w.nodes {
		if !n.ended {
			rows = append(rows, share.Node{ID: n.id, Since: epoch.Add(n.born), Last: b.reports[n.id]})
		}
	}
	for _, o := range b.ledger.Round(b.clock(), map[share.Key]int64{uplink: capacity}, rows) {
		b.send(o)
	}
}

func (b *boss) send(o share.Order) {
	w := b.w
	i := slices.IndexFunc(w.nodes, func(n *node) bool { return n.id == o.Node })
	n := w.nodes[i]
	if w.lost(n.deaf) {
		return
	}
	w.after(w.delay(), func() {
		if b.gone || n.dead { // its connections went with it
			return
		}
		var err error
		if o.Grant.Boot != n.bootName() {
			err = share.ErrLate
		} else {
			err = n.held.Take(o.Grant, n.sent[o.Grant.Seq], n.clock())
		}
		w.tell("%s takes %d of %d: %+v %v", n.id, o.Grant.ID&0xffffffff, o.Grant.ID>>32, o.Grant.Parts[0].Part, err)
		if w.lost(n.mute) {
			return
		}
		w.after(w.delay(), func() {
			if err != nil {
				b.ledger.Refuse(o.Node, o.Grant.ID)
				return
			}
			b.ledger.Confirm(o.Node, o.Grant.ID)
			b.divide()
		})
	})
}

// trouble goes on until it is quiet.
func (w *world) trouble() {
	if w.quiet() {
		for _, n := range w.nodes {
			n.deaf, n.mute = false, false
		}
		w.boss.hangs = false
		return
	}
	w.after(w.time(12*time.Second), w.trouble)
	living := slices.DeleteFunc(slices.Clone(w.nodes), func(n *node) bool { return n.dead })
	if len(living) == 0 {
		w.join()
		return
	}
	n := living[w.rnd.IntN(len(living))]
	switch w.rnd.IntN(16) {
	case 0:
		if len(living) < 9 {
			w.join()
		}
	case 1:
		n.dead = true
		w.tell("%s dies", n.id)
		w.after(w.time(2*time.Minute), func() { n.ended = true; w.tell("%s has ended", n.id) })
	case 2:
		n.boot++
		n.held = share.Holding{}
		n.seq, n.sent = 0, map[uint64]time.Time{}
		w.tell("%s restarts", n.id)
		boot := n.boot
		w.after(w.time(5*time.Second), func() { n.report(boot) })
	case 3, 4:
		deaf, mute := w.rnd.IntN(3) > 0, w.rnd.IntN(3) > 0
		n.deaf, n.mute = deaf, mute
		w.tell("%s is cut off: deaf %v, mute %v", n.id, deaf, mute)
		w.after(w.time(2*time.Minute), func() { n.deaf, n.mute = false, false; w.tell("%s is back", n.id) })
	case 5:
		w.rule()
	case 6:
		b := w.boss
		b.hangs = true
		w.tell("the manager hangs")
		w.after(w.time(time.Minute), func() { b.hangs = false; w.tell("the manager goes on") })
	default:
		n.wish()
		w.tell("%s wants %+v", n.id, n.demand)
	}
}

// every lets time pass.
func (w *world) every(d time.Duration) {
	w.after(d, func() { w.every(d) })
}
