package share_test

import (
	"errors"
	"testing"
	"time"

	"github.com/godwit/godwit/fleet/share"
)

// pair is a manager and nodes that hear each other at once.
type pair struct {
	t        *testing.T
	now      time.Time
	ledger   *share.Ledger
	capacity int64
	seq      uint64
	demand   map[string]share.Demand
	silent   map[string]bool
	held     map[string]*share.Holding
	last     map[string]*share.Report
}

func newPair(t *testing.T, nodes ...string) *pair {
	p := &pair{
		t: t, now: epoch, capacity: 640, demand: map[string]share.Demand{}, silent: map[string]bool{},
		held: map[string]*share.Holding{}, last: map[string]*share.Report{},
	}
	p.ledger = share.NewLedger(share.Lease, p.now, 0)
	for _, n := range nodes {
		p.held[n] = &share.Holding{}
	}
	return p
}

// settle lets time pass, everybody report, and grants go out until there are none.
func (p *pair) settle(passed time.Duration) (grants int) {
	p.now = p.now.Add(passed)
	p.seq++
	var rows []share.Node
	for id, h := range p.held {
		if !p.silent[id] {
			g, left, _ := h.Grant(p.now)
			p.last[id] = &share.Report{Boot: id, Seq: p.seq, At: p.now, Held: g, LeftMs: left.Milliseconds(), Demands: map[share.Key]share.Demand{uplink: p.demand[id]}}
		}
		rows = append(rows, share.Node{ID: id, Since: epoch.Add(-time.Hour), Last: p.last[id]})
	}
	for range 10 {
		orders := p.ledger.Round(p.now, map[share.Key]int64{uplink: p.capacity}, rows)
		for _, o := range orders {
			if p.silent[o.Node] {
				continue
			}
			grants++
			if err := p.held[o.Node].Take(o.Grant, p.now.Add(-time.Millisecond), p.now); err != nil {
				p.t.Fatal(err)
			}
			p.ledger.Confirm(o.Node, o.Grant.ID)
		}
		if len(orders) == 0 {
			return grants
		}
	}
	return grants
}

func (p *pair) want(why string, node string, want int64) {
	p.t.Helper()
	if got := p.held[node].Part(uplink, p.now); got < want-3 || got > want+3 {
		p.t.Errorf("%s: %s may let through %d, want %d", why, node, got, want)
	}
}

func TestSharesFollowDemandAndCapacityAtOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t, "a", "b")
	p.demand["a"], p.demand["b"] = share.Demand{Greedy: 1}, share.Demand{Greedy: 1}
	p.settle(0)
	p.want("both want all", "a", 320)
	p.want("both want all", "b", 320)
	p.demand["b"] = share.Demand{}
	p.settle(time.Second)
	p.want("the other has ended", "a", 630)
	p.capacity = 64
	p.settle(time.Second)
	p.want("there is less", "a", 63)
	if n := p.settle(time.Second); n != 0 {
		t.Errorf("%d grants though nothing changed", n)
	}
}

func TestALostNodesShareComesBackWhenItsLeaseIsOver(t *testing.T) {
	t.Parallel()
	p := newPair(t, "a", "b")
	p.demand["a"], p.demand["b"] = share.Demand{Greedy: 1}, share.Demand{Greedy: 3}
	p.settle(0)
	p.want("one session of four", "a", 160)
	p.silent["b"] = true
	for range 15 {
		p.settle(time.Second)
	}
	p.want("b holds its lease still", "a", 160)
	for range 10 {
		p.settle(time.Second)
	}
	p.want("all but b's safe part", "a", 480)
	p.want("b, which is cut off, has its safe part", "b", 160)
	delete(p.held, "b")
	p.settle(time.Second)
	p.want("b has ended", "a", 640)
}

func TestAManagerThatTakesOverRaisesNothingBeforeItKnows(t *testing.T) {
	t.Parallel()
	p := newPair(t, "a", "b")
	p.demand["a"], p.demand["b"] = share.Demand{Greedy: 1}, share.Demand{Greedy: 3}
	p.settle(0)
	p.ledger = share.NewLedger(share.Lease, p.now, 1<<32)
	p.last = map[string]*share.Report{}
	p.silent["b"] = true
	p.settle(time.Second)
	p.want("what it held before", "a", 160)
	p.silent["b"] = false
	p.demand["b"] = share.Demand{Greedy: 1}
	p.settle(time.Second)
	p.want("all are known", "a", 320)
}

func TestANodeRefusesGrantsThatAreOldOrLate(t *testing.T) {
	t.Parallel()
	var h share.Holding
	line := share.Line{Key: uplink, Part: share.Part{Share: 100, Safe: 40}}
	g := share.Grant{ID: 7, LeaseMs: share.Lease.Milliseconds(), Parts: []share.Line{line}}
	for name, sent := range map[string]time.Time{"of a report that it does not know": {}, "of one a lease ago": epoch.Add(-share.Lease)} {
		if err := h.Take(g, sent, epoch); !errors.Is(err, share.ErrLate) {
			t.Errorf("a grant %s: %v", name, err)
		}
	}
	if err := h.Take(g, epoch.Add(-5*time.Second), epoch); err != nil {
		t.Fatal(err)
	}
	if err := h.Take(g, epoch, epoch); !errors.Is(err, share.ErrOld) {
		t.Errorf("a grant that it has: %v", err)
	}
	for after, want := range map[time.Duration]int64{0: 100, 14 * time.Second: 100, 16 * time.Second: 40, time.Hour: 40} {
		if got := h.Part(uplink, epoch.Add(after)); got != want {
			t.Errorf("after %v: %d, want %d", after, got, want)
		}
	}
	if got := h.Next(epoch); !got.Equal(epoch.Add(15 * time.Second)) {
		t.Errorf("next change at %v", got)
	}
	if got := h.Part(share.Key{Link: "other"}, epoch); got != 0 {
		t.Errorf("a link that nothing was granted of: %d", got)
	}
	// A small share does not grow when the lease ends, but a lease later.
	small := share.Grant{ID: 8, LeaseMs: g.LeaseMs, Parts: []share.Line{{Key: uplink, Part: share.Part{Share: 5, Safe: 40}}}}
	if err := h.Take(small, epoch, epoch); err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]int64{0: 5, 21 * time.Second: 5, 39 * time.Second: 5, 41 * time.Second: 40} {
		if got := h.Part(uplink, epoch.Add(after)); got != want {
			t.Errorf("small, after %v: %d, want %d", after, got, want)
		}
	}
}
