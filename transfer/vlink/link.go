// Package vlink divides the bandwidth of one link among the sessions that use
// it: max-min fair over what each of them wants, so that what one leaves goes
// to the others. It is a pure calculation on numbers that its users report;
// the rates are bits per second.
package vlink

import (
	"math"
	"sort"
	"sync"
)

// Unlimited is the share of a member of a link without a cap.
const Unlimited = int64(math.MaxInt64)

// Link is one virtual link. The zero value has no cap. It is safe for
// concurrent use.
type Link struct {
	mu      sync.Mutex
	cap     int64 // 0: none
	members map[*Member]struct{}
}

// Member is one user of a link.
type Member struct {
	link   *Link
	floor  int64
	demand int64
	share  int64
}

// New makes a link of limit bit/s; 0 means no cap.
func New(limit int64) *Link { return &Link{cap: max(limit, 0), members: map[*Member]struct{}{}} }

// SetCap changes the cap; 0 means none.
func (l *Link) SetCap(limit int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cap = max(limit, 0)
	l.divide()
}

// Cap is the cap; 0 means none.
func (l *Link) Cap() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cap
}

// Join adds a user that wants everything until it says otherwise.
func (l *Link) Join() *Member {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &Member{link: l, demand: Unlimited}
	if l.members == nil {
		l.members = map[*Member]struct{}{}
	}
	l.members[m] = struct{}{}
	l.divide()
	return m
}

// Leave gives the member's share back. It may be called again.
func (m *Member) Leave() {
	m.link.mu.Lock()
	defer m.link.mu.Unlock()
	delete(m.link.members, m)
	m.link.divide()
}

// SetDemand says how much the member could use now (Unlimited or <= 0: all
// there is) and a floor that it is given first where the cap allows.
func (m *Member) SetDemand(demand, floor int64) {
	if demand <= 0 {
		demand = Unlimited
	}
	m.link.mu.Lock()
	defer m.link.mu.Unlock()
	if demand == m.demand && floor == m.floor {
		return
	}
	m.demand, m.floor = demand, min(max(floor, 0), demand)
	m.link.divide()
}

// Share is what the member may use now, Unlimited without a cap.
func (m *Member) Share() int64 {
	m.link.mu.Lock()
	defer m.link.mu.Unlock()
	return m.share
}

// Demand is what the members want: how many of them all there is, how many less,
// and what these want together, bit/s.
func (l *Link) Demand() (greedy, modest int, wanted int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for m := range l.members {
		if m.demand == Unlimited {
			greedy++
			continue
		}
		modest++
		wanted += m.demand
	}
	return greedy, modest, wanted
}

// divide fills shares from the smallest demand up: whoever wants less than an
// equal part gets it all and leaves the rest to the others. Floors come first.
// A member that wants little still may use the equal part: it is a limit, not
// a grant, and demand follows use with a delay.
func (l *Link) divide() {
	if len(l.members) == 0 {
		return
	}
	if l.cap == 0 {
		for m := range l.members {
			m.share = Unlimited
		}
		return
	}
	all := make([]*Member, 0, len(l.members))
	var floors int64
	for m := range l.members {
		all = append(all, m)
		floors += m.floor
	}
	scale := 1.0
	if floors > l.cap {
		scale = float64(l.cap) / float64(floors)
	}
	left := l.cap
	for _, m := range all {
		m.share = int64(float64(m.floor) * scale)
		left -= m.share
	}
	// Water-filling: raise the lowest shares together until demand or cap.
	sort.Slice(all, func(i, j int) bool {
		return all[i].demand < all[j].demand
	})
	level := waterLevel(all, left)
	for _, m := range all {
		m.share = max(m.share, min(m.demand, level))
	}
}

// waterLevel finds the level to which left can raise all members, none above
// its demand, those above it by their floor untouched.
func waterLevel(all []*Member, left int64) int64 {
	lo, hi := int64(0), left
	for _, m := range all {
		hi = max(hi, m.share+left)
	}
	cost := func(level int64) (sum int64) {
		for _, m := range all {
			if to := min(m.demand, level); to > m.share {
				sum += to - m.share
				if sum > left {
					return sum
				}
			}
		}
		return sum
	}
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if cost(mid) <= left {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}
