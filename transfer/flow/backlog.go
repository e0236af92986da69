package flow

import "time"

const (
	// catchUpMost is how long a host may be late before it counts as one that cannot
	// take what comes: what lies in its socket then is a queue like any other.
	catchUpMost = 100 * time.Millisecond
	// clockOrigin is what the clock of reports shows when the flow begins: datagrams
	// may have reached the host before.
	clockOrigin = 10 * time.Second
)

// backlog is what lies in the receiving host's socket: its delay is the host's own,
// and neither the path's speed nor its queue. The zero value is a host that is on time.
type backlog struct {
	waited time.Duration // by the datagram in hand
	behind time.Duration // by the last one that was taken
	late   time.Duration // since when they are taken later than they came; 0: they are not
	clock  time.Duration // of the last report
}

// came is when the datagram in hand reached this host.
func (b *backlog) came(now time.Duration) time.Duration { return now - b.waited }

// take enters the datagram in hand and reports whether the time it took says something
// of the path: a host that was busy for a moment is catching up.
func (b *backlog) take(now time.Duration) (telling bool) {
	b.behind = b.waited
	if b.waited == 0 {
		b.late = 0
	} else if b.late == 0 {
		b.late = now
	}
	return b.late == 0 || now-b.late >= catchUpMost
}

// report is the clock of a report at now, whose last datagram was taken at last: the
// moment up to which all that reached this host is in the books. A host that was busy
// has more in its socket, and by the time that it writes the path would seem to deliver
// in an instant what came in all the while. It never goes back.
func (b *backlog) report(now, last time.Duration) time.Duration {
	b.clock = max(b.clock, clockOrigin+now-max(b.behind-(now-last), 0))
	return b.clock
}
