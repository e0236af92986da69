package transfer

import (
	"time"

	"github.com/godwit/godwit/transfer/vlink"
)

// SharedLink is a virtual link that sessions of some tenants share beside the
// node's own bandwidth. Sessions get the least that their links leave them.
type SharedLink struct {
	Name    string
	Tenants []string // whose sessions are on it
	Default bool     // also sessions of tenants that no link names
	// What the sessions may have together, bit/s; 0 means no limit. A single
	// session is always left 64 kb/s.
	Send, Receive int64
}

// LinkLoad is what the sessions on a [SharedLink] do, and what they ask for.
type LinkLoad struct {
	Name    string  `json:"name"`
	Send    LinkUse `json:"send"`
	Receive LinkUse `json:"receive"`
}

// LinkUse is one direction of a [LinkLoad].
type LinkUse struct {
	Cap    int64 `json:"cap"`    // bit/s; 0: none
	Rate   int64 `json:"rate"`   // bit/s of data now
	Greedy int   `json:"greedy"` // sessions that use all they are left
	Modest int   `json:"modest"` // sessions that use less
	Wanted int64 `json:"wanted"` // what the modest ones could use together, bit/s
}

// leastShare is what the slowest flow sends (package congestion's least rate),
// bit/s: a smaller share would not be kept.
const leastShare = 64_000

// sharedLinks are the links of a server, in order; it is not changed once made.
type sharedLinks struct {
	list     []*sharedLink
	byTenant map[string]*sharedLink
	usual    *sharedLink // of tenants that no link names; nil: none
}

// sharedLink stays the same while its name is among the links.
type sharedLink struct {
	name          string
	send, receive *vlink.Link
}

func (l *sharedLink) way(d Direction) *vlink.Link {
	if d == Push {
		return l.receive
	}
	return l.send
}

// of is the link of a tenant's sessions; nil: none.
func (t *sharedLinks) of(tenant string) *sharedLink {
	if t == nil {
		return nil
	}
	if l := t.byTenant[tenant]; l != nil {
		return l
	}
	return t.usual
}

// SetLinks replaces the shared links. Live sessions follow within a tenth of a
// second or so. Of several links that name a tenant, or that are default, the
// first counts. Calls must not overlap.
func (s *Server) SetLinks(links []SharedLink) {
	before := map[string]*sharedLink{}
	if t := s.shared.Load(); t != nil {
		for _, l := range t.list {
			before[l.name] = l
		}
	}
	next := &sharedLinks{byTenant: map[string]*sharedLink{}}
	for _, c := range links {
		l := before[c.Name]
		if l == nil {
			l = &sharedLink{name: c.Name, send: vlink.New(0), receive: vlink.New(0)}
		}
		l.send.SetCap(c.Send)
		l.receive.SetCap(c.Receive)
		next.list = append(next.list, l)
		for _, tenant := range c.Tenants {
			if next.byTenant[tenant] == nil {
				next.byTenant[tenant] = l
			}
		}
		if c.Default && next.usual == nil {
			next.usual = l
		}
	}
	s.shared.Store(next)
}

// Links is what the sessions on the shared links do now, in the order of
// [Server.SetLinks].
func (s *Server) Links() []LinkLoad {
	t := s.shared.Load()
	if t == nil || len(t.list) == 0 {
		return nil
	}
	rates := map[*vlink.Link]int64{}
	for _, x := range s.Sessions() {
		if l := t.of(x.Tenant); l != nil {
			rates[l.way(x.Direction)] += x.Rate
		}
	}
	use := func(l *vlink.Link) LinkUse {
		u := LinkUse{Cap: l.Cap(), Rate: rates[l]}
		u.Greedy, u.Modest, u.Wanted = l.Demand()
		return u
	}
	out := make([]LinkLoad, len(t.list))
	for i, l := range t.list {
		out[i] = LinkLoad{Name: l.name, Send: use(l.send), Receive: use(l.receive)}
	}
	return out
}

// seat is a session's place on the node's bandwidth and on the shared link that
// its tenant has now, if any.
type seat struct {
	own    *vlink.Member
	link   *sharedLink
	shared *vlink.Member // nil without link
}

func (x *serverSession) sit(own *vlink.Link) *seat {
	s := &seat{own: own.Join()}
	x.follow(s)
	return s
}

// follow brings the seat to the link that the session's tenant has now.
func (x *serverSession) follow(s *seat) {
	l := x.server.shared.Load().of(x.grant.Tenant)
	if l == s.link {
		return
	}
	if s.shared != nil {
		s.shared.Leave()
	}
	s.link, s.shared = l, nil
	if l != nil {
		s.shared = l.way(Direction(x.hello.Direction)).Join()
	}
}

func (s *seat) leave() {
	s.own.Leave()
	if s.shared != nil {
		s.shared.Leave()
	}
}

// bound is a target within what the links leave now: a new flow begins with a
// burst, which is less where a target is known. Zero means none.
func (s *seat) bound(target int64) int64 {
	share := s.own.Share()
	if s.shared != nil {
		share = min(share, s.shared.Share())
	}
	if share != vlink.Unlimited && (target == 0 || share < target) {
		target = max(share, leastShare)
	}
	return target
}

// balance takes the session's share of the links that it is on; under the
// session's lock.
func (x *serverSession) balance(s *session, at *seat, now time.Duration) {
	x.follow(at)
	rate := x.pulse.add(now, s.figures(now).sent)
	share := claim(s, at.own, rate, now)
	if at.shared != nil {
		share = min(share, claim(s, at.shared, rate, now))
	}
	if share == vlink.Unlimited {
		share = 0
	} else {
		share = max(share, leastShare)
	}
	if share != s.share {
		s.share = share
		s.setRates()
	}
	x.mu.Lock()
	x.status.Share = share
	x.status.Capped = share > 0 && rate > share*3/4 && (s.target == 0 || share < s.target)
	x.mu.Unlock()
}

// claim tells one link what the session could use of it and returns what it is
// left. A session that uses its share wants more; one that does not leaves the
// rest to others, with room to grow.
func claim(s *session, m *vlink.Member, rate int64, now time.Duration) int64 {
	share := m.Share()
	want := s.target
	if share != vlink.Unlimited && rate < share*3/4 && now > time.Second {
		modest := max(2*rate, share/4, 1_000_000)
		if want == 0 || modest < want {
			want = modest
		}
	}
	m.SetDemand(want, s.floor)
	return m.Share()
}
