package transferd

import (
	"sync"
	"time"

	"github.com/godwit/godwit/fleet/share"
	"github.com/godwit/godwit/node/service"
	"github.com/godwit/godwit/transfer"
)

// links keeps the server's shared links at what the node holds of them, also while nobody says anything: leases end here,
// where the sessions are. The zero value has none.
type links struct {
	mu      sync.Mutex
	server  *transfer.Server // nil before the first configuration
	list    []service.Link
	holding share.Holding
	timer   *time.Timer
}

// follow takes the links of a configuration, and what is held of them if that is newer.
func (l *links) follow(server *transfer.Server, list []service.Link, held service.Shares) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server, l.list = server, list
	l.take(held)
}

func (l *links) hold(held service.Shares) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(held)
}

func (l *links) take(held service.Shares) {
	now := time.Now()
	if mine, _, _ := l.holding.Grant(now); held.Grant.ID > mine.ID {
		l.holding.Hold(held.Grant, held.Left, held.Rise, now)
	}
	l.apply()
}

// apply brings the server to what is held now, and comes back when that changes by itself; l.mu is held.
func (l *links) apply() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.server == nil {
		return
	}
	now := time.Now()
	part := func(name string, in, limited bool) int64 {
		if !limited {
			return 0
		}
		return max(l.holding.Part(share.Key{Link: name, In: in}, now), 1)
	}
	shared := make([]transfer.SharedLink, len(l.list))
	for i, c := range l.list {
		shared[i] = transfer.SharedLink{
			Name: c.Name, Tenants: c.Tenants, Default: c.Default, Receive: part(c.Name, true, c.In), Send: part(c.Name, false, c.Out),
		}
	}
	l.server.SetLinks(shared)
	if next := l.holding.Next(now); len(shared) > 0 && !next.IsZero() {
		l.timer = time.AfterFunc(next.Sub(now), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.apply()
		})
	}
}

// stop ends the timer for good.
func (l *links) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = nil
	if l.timer != nil {
		l.timer.Stop()
	}
}

// Share implements service.Backend.
func (d *daemon) Share(s service.Shares) { d.links.hold(s) }
