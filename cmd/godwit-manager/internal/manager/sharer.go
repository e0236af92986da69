package manager

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/fleet/share"
	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/statestore"
)

const (
	// shareEvery paces the look for leases to be renewed.
	shareEvery = time.Second
	// shareRest is the least time between two divisions: reports of many nodes come one by one.
	shareRest = 50 * time.Millisecond
	// rowsEvery is how old what is stored may be for it.
	rowsEvery = 2 * time.Second
	// grantTimeout is how long a node may take to confirm a grant before it is given anew.
	grantTimeout = 2 * time.Second
)

// sharer divides clusters' virtual links among their nodes while this manager leads; package share says how. It keeps
// everything in memory: nodes report what they hold.
type sharer struct {
	store *statestore.Store
	fleet *fleet.Fleet
	now   func() time.Time
	log   *slog.Logger
	wake  chan struct{}
}

func newSharer(store *statestore.Store, f *fleet.Fleet, now func() time.Time, log *slog.Logger) *sharer {
	return &sharer{store: store, fleet: f, now: now, log: log, wake: make(chan struct{}, 1)}
}

// Wake asks for a division at once: something that is stored has changed. It does not block.
func (s *sharer) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run divides in every term that the elector wins, until ctx ends.
func (s *sharer) run(ctx context.Context, elector *statestore.Elector) error {
	return elector.WhileLeading(ctx, s.lead)
}

// term is one term's rule over the links.
type term struct {
	*sharer
	number  statestore.Term
	began   time.Time
	links   []linked
	ledgers map[string]*share.Ledger // by cluster, also of those whose links went
	read    time.Time                // when links were
	answers chan answered
	sending sync.WaitGroup
	slots   chan struct{}
}

// linked is a cluster with links.
type linked struct {
	ledger   *share.Ledger
	capacity map[share.Key]int64
	nodes    []statestore.Node
}

// answered is what came of a grant.
type answered struct {
	ledger *share.Ledger
	node   string
	id     uint64
	err    error
}

func (s *sharer) lead(ctx context.Context, number statestore.Term) error {
	t := &term{sharer: s, number: number, began: s.now(), ledgers: map[string]*share.Ledger{}, answers: make(chan answered, tellAtOnce), slots: make(chan struct{}, tellAtOnce)}
	ctx, cancel := context.WithCancel(ctx)
	defer t.sending.Wait()
	defer cancel()
	news := s.fleet.Subscribe()
	defer news.Close()
	tick := time.NewTicker(shareEvery)
	defer tick.Stop()
	for {
		heard := news.C
		if len(t.links) == 0 {
			heard = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-heard:
			news.Changed()
		case <-s.wake:
			t.read = time.Time{}
		case a := <-t.answers:
			t.settle(a)
		}
		if err := t.refresh(ctx); err != nil {
			s.log.DebugContext(ctx, "links are divided by what was stored before", "error", err)
		}
		for _, l := range t.links {
			t.divide(ctx, l)
		}
		if err := t.rest(ctx); err != nil {
			return err
		}
	}
}

// rest lets answers and reports gather.
func (t *term) rest(ctx context.Context) error {
	timer := time.NewTimer(shareRest)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-t.answers:
			t.settle(a)
		case <-timer.C:
			return nil
		}
	}
}

// refresh reads anew which clusters have links, and their nodes.
func (t *term) refresh(ctx context.Context) error {
	if now := t.now(); now.Sub(t.read) < rowsEvery {
		return nil
	}
	var links []linked
	page := statestore.Page{Limit: 1000}
	for {
		l, err := t.store.Clusters.List(ctx, page)
		if err != nil {
			return err
		}
		for _, c := range l.Items {
			capacity := capacityOf(c)
			if len(capacity) == 0 {
				continue
			}
			nodes, err := t.store.Nodes.Alive(ctx, c.ID)
			if err != nil {
				return err
			}
			links = append(links, linked{t.ledger(c.ID), capacity, nodes})
		}
		if l.Next == "" {
			break
		}
		page.Cursor = l.Next
	}
	t.links, t.read = links, t.now()
	return nil
}

// ledger is the one that a cluster has in this term.
func (t *term) ledger(cluster string) *share.Ledger {
	if t.ledgers[cluster] == nil {
		t.ledgers[cluster] = share.NewLedger(share.Lease, t.began, uint64(max(t.number, 0))<<32) // above every grant of the terms before
	}
	return t.ledgers[cluster]
}

func capacityOf(c statestore.Cluster) map[share.Key]int64 {
	const mega = 1e6
	capacity := map[share.Key]int64{}
	for _, l := range configuration.Read(c.Config).Links {
		if l.InMbps > 0 {
			capacity[share.Key{Link: l.Name, In: true}] = int64(l.InMbps * mega)
		}
		if l.OutMbps > 0 {
			capacity[share.Key{Link: l.Name}] = int64(l.OutMbps * mega)
		}
	}
	return capacity
}

func (t *term) divide(ctx context.Context, l linked) {
	now := t.now()
	nodes := make([]share.Node, 0, len(l.nodes))
	for _, row := range l.nodes {
		v, heard := t.fleet.Node(row.ID)
		if n, may := holderOf(row, v, heard); may {
			nodes = append(nodes, n)
		}
	}
	for _, o := range l.ledger.Round(now, l.capacity, nodes) {
		t.send(ctx, l.ledger, o)
	}
}

// holderOf is a node as the ledger sees it, if it may hold a part.
func holderOf(row statestore.Node, v *fleet.NodeView, heard bool) (share.Node, bool) {
	n := share.Node{ID: row.ID}
	if row.JoinedAt != nil {
		n.Since = *row.JoinedAt
	}
	if heard {
		if v.Facts.GetLinks() == nil {
			return n, false // of a release that knows no links
		}
		n.Last = reported(v)
	}
	switch row.State {
	case statestore.NodeStopped, statestore.NodeTerminated:
		return n, false // no process of it runs
	default:
		return n, heard || row.JoinedAt != nil
	}
}

// reported is what a report says of links.
func reported(v *fleet.NodeView) *share.Report {
	links := v.Facts.GetLinks()
	r := &share.Report{
		Boot: v.Boot, Seq: v.Seq, At: v.At, LeftMs: links.GetLeftMs(), Demands: map[share.Key]share.Demand{},
		Held: share.Grant{ID: links.GetGrant(), Boot: v.Boot, Seq: links.GetGrantSeq()},
	}
	for _, u := range links.GetUses() {
		k := share.Key{Link: u.GetLink(), In: u.GetIn()}
		r.Demands[k] = demandOf(u)
		if u.GetShareBps() > 0 || u.GetSafeBps() > 0 {
			r.Held.Parts = append(r.Held.Parts, share.Line{Key: k, Part: share.Part{Share: max(u.GetShareBps(), 0), Safe: max(u.GetSafeBps(), 0)}})
		}
	}
	return r
}

// demandOf believes a node no more than makes sense.
func demandOf(u *report.LinkUse) share.Demand {
	const most = 1 << 20 // sessions
	return share.Demand{
		Greedy: int(min(u.GetGreedy(), most)), Modest: int(min(u.GetModest(), most)), Wanted: max(u.GetWantedBps(), 0),
	}
}

// send gives a node its grant and brings the answer back to the loop.
func (t *term) send(ctx context.Context, ledger *share.Ledger, o share.Order) {
	t.sending.Go(func() {
		select {
		case t.slots <- struct{}{}:
			defer func() { <-t.slots }()
		case <-ctx.Done():
			return
		}
		ctx, cancel := context.WithTimeout(ctx, grantTimeout)
		defer cancel()
		err := t.fleet.Command(ctx, o.Node, command.Share, o.Grant, nil)
		select {
		case t.answers <- answered{ledger, o.Node, o.Grant.ID, err}:
		case <-ctx.Done():
		}
	})
}

func (t *term) settle(a answered) {
	var refusal *command.Error
	switch {
	case a.err == nil:
		a.ledger.Confirm(a.node, a.id)
	case errors.As(a.err, &refusal) && refusal.Code == command.CodeRefused, errors.Is(a.err, command.ErrNotConnected):
		a.ledger.Refuse(a.node, a.id)
	default: // maybe it has it
		t.log.Debug("a node did not confirm its share", "node", a.node, "error", a.err)
	}
}
