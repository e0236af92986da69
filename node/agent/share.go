package agent

import (
	"context"
	"maps"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/fleet/share"
	"github.com/godwit/godwit/node/service"
	"github.com/godwit/godwit/transfer"
)

// soon is how long a report waits after a session that came or went, for others to be in it, too.
const soon = 200 * time.Millisecond

// takeShare puts a grant in force: first in the service, so that nothing is confirmed that is not so.
func (a *Agent) takeShare(ctx context.Context, g share.Grant) (any, error) {
	a.sharing.Lock()
	defer a.sharing.Unlock()
	a.mu.Lock()
	next, now := a.holding, time.Now()
	var sent time.Time
	if g.Boot == a.boot {
		sent = a.sent[g.Seq]
	}
	a.mu.Unlock()
	if err := next.Take(g, sent, now); err != nil {
		return nil, command.Errorf(command.CodeRefused, "%v", err)
	}
	if err := a.whileUp(func() error { return a.service.Share(ctx, sharesOf(next)) }); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holding = next
	return command.Nothing{}, nil
}

func sharesOf(h share.Holding) service.Shares {
	g, left, rise := h.Grant(time.Now())
	return service.Shares{Grant: g, Left: left, Rise: rise}
}

// linksOf are the links of a configuration, for the service.
func linksOf(c command.Config) []service.Link {
	links := make([]service.Link, len(c.Links))
	for i, l := range c.Links {
		links[i] = service.Link{Name: l.Name, Tenants: l.AccessKeys, Default: l.Default, In: l.In, Out: l.Out}
	}
	return links
}

// noteSent remembers when a report was made: leases are reckoned from there. a.mu is held.
func (a *Agent) noteSent(seq uint64, now time.Time) {
	if a.sent == nil {
		a.sent = map[uint64]time.Time{}
	}
	maps.DeleteFunc(a.sent, func(_ uint64, at time.Time) bool { return now.Sub(at) > 2*share.Lease })
	a.sent[seq] = now
}

// reportSoon asks for a report about a session that came or went, where the others' shares hang on it.
func (a *Agent) reportSoon(e transfer.SessionEvent) {
	if e.Kind != transfer.SessionStarted && e.Kind != transfer.SessionEnded {
		return
	}
	a.mu.Lock()
	linked := len(a.state.Config.Links) > 0
	a.mu.Unlock()
	if linked && a.waiting.CompareAndSwap(false, true) {
		time.AfterFunc(soon, func() {
			a.waiting.Store(false)
			a.reportNow()
		})
	}
}

// links is what reports say of them; a.mu is held.
func (a *Agent) links(loads []transfer.LinkLoad, now time.Time) *report.Links {
	g, left, _ := a.holding.Grant(now)
	out := &report.Links{Grant: g.ID, GrantSeq: g.Seq, LeftMs: left.Milliseconds()}
	uses := map[share.Key]*report.LinkUse{}
	of := func(k share.Key) *report.LinkUse {
		u := uses[k]
		if u == nil {
			u = &report.LinkUse{Link: k.Link, In: k.In}
			uses[k] = u
			out.Uses = append(out.Uses, u)
		}
		return u
	}
	for _, l := range g.Parts {
		u := of(l.Key)
		u.ShareBps, u.SafeBps = l.Share, l.Safe
	}
	for _, l := range loads {
		for in, way := range map[bool]transfer.LinkUse{true: l.Receive, false: l.Send} {
			if way.Cap == 0 {
				continue
			}
			u := of(share.Key{Link: l.Name, In: in})
			u.CapBps, u.RateBps = float64(way.Cap), float64(way.Rate)
			u.Greedy, u.Modest, u.WantedBps = uint32(way.Greedy), uint32(way.Modest), way.Wanted // sessions of one node
		}
	}
	return out
}
