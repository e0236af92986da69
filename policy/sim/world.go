package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

// world is what is really there.
type world struct {
	c         Config
	rand      *rand.Rand
	start     time.Time
	now       time.Time
	serial    int
	carry     float64     // part of a session that is still to arrive
	instances []*instance // that exist, oldest first
	clients   []*client   // that are not done
	// noCapacity: launches fail until then. silentAll: no report arrives until then.
	noCapacity, silentAll time.Time
	story                 *story
}

// instance is a machine at the provider.
type instance struct {
	id        string
	launched  time.Time
	joinsAt   time.Time // zero: never
	joined    bool
	dead      bool
	gone      time.Time // when the provider has ended it; zero: not asked to
	sick      time.Time // a service is unhealthy until then
	silent    time.Time // its reports are lost until then
	disturbed time.Time // when a fault last hit it
	stops     time.Time // when it has stopped; zero: not asked to
	stopped   bool
	clients   []*client
}

func (i *instance) serves() bool { return i.joined && !i.dead && i.gone.IsZero() && i.stops.IsZero() }

// advance moves the world to w.now, one step after it was.
func (w *world) advance() {
	for _, i := range slices.Clone(w.instances) {
		if !i.gone.IsZero() && !w.now.Before(i.gone) {
			w.remove(i)
			continue
		}
		if !i.stops.IsZero() && !i.stopped && !w.now.Before(i.stops) {
			i.stopped, i.joined = true, false
			w.story.add(w.now, "%s is stopped", i.id)
		}
		if !i.stopped && i.stops.IsZero() && !i.joined && !i.joinsAt.IsZero() && !w.now.Before(i.joinsAt) && i.gone.IsZero() {
			i.joined = true
			w.story.add(w.now, "%s joins", i.id)
		}
		if i.serves() {
			w.serve(i)
		}
	}
	w.clients = slices.DeleteFunc(w.clients, func(c *client) bool { return c.left <= 0 })
	w.strike()
}

func (w *world) remove(i *instance) {
	w.instances = slices.DeleteFunc(w.instances, func(o *instance) bool { return o == i })
	w.story.add(w.now, "%s is gone", i.id)
}

// serve shares the node's cap in each direction max-min among its sessions.
func (w *world) serve(i *instance) {
	for _, d := range []policy.Direction{policy.Send, policy.Receive} {
		var sharing []*client
		for _, c := range i.clients {
			if c.direction == d && c.connected(w.now) {
				sharing = append(sharing, c)
			}
		}
		slices.SortStableFunc(sharing, func(a, b *client) int { return int(a.wanted - b.wanted) })
		left := w.c.NodeMbps * 1e6
		for k, c := range sharing {
			c.rate = min(c.wanted, left/float64(len(sharing)-k))
			left -= c.rate
			c.left -= c.rate / 8 * w.c.Step.Seconds()
		}
	}
	// The greedy client ends with the load, not with its bytes.
	if w.c.Shape == Greedy && w.now.Sub(w.start) >= w.c.LoadFor {
		for _, c := range i.clients {
			c.left = 0
		}
	}
	i.clients = slices.DeleteFunc(i.clients, func(c *client) bool { return c.left <= 0 })
}

// launch asks the provider for a machine; false: it has none. A sick one never joins.
func (w *world) launch(id string, sick bool) bool {
	if w.now.Before(w.noCapacity) || w.calm() && w.rand.Float64() < w.c.Faults.LaunchFails {
		return false
	}
	f := w.c.Faults
	boot := f.BootMin
	if f.BootMax > f.BootMin {
		boot += time.Duration(w.rand.Int64N(int64(f.BootMax - f.BootMin)))
	}
	i := &instance{id: id, launched: w.now, joinsAt: w.now.Add(boot)}
	if w.calm() && w.rand.Float64() < f.NeverJoins || sick {
		i.joinsAt = time.Time{}
	}
	w.instances = append(w.instances, i)
	return true
}

// stop stops a machine; it keeps its disks.
func (w *world) stop(i *instance) {
	i.stops = w.now.Add(time.Duration(5+w.rand.IntN(40)) * time.Second)
	w.drop(i, 5*time.Second)
}

// wake starts a stopped machine; false: the provider does not.
func (w *world) wake(i *instance) bool {
	if w.now.Before(w.noCapacity) || w.calm() && w.rand.Float64() < w.c.Faults.StartFails {
		return false
	}
	i.stops, i.stopped = time.Time{}, false
	i.joinsAt = w.now.Add(time.Duration(5+w.rand.IntN(25)) * time.Second)
	if w.calm() && w.rand.Float64() < w.c.Faults.NeverJoins {
		i.joinsAt = time.Time{}
	}
	return true
}

// up counts the machines that are not stopped.
func (w *world) up() int {
	n := 0
	for _, i := range w.instances {
		if !i.stopped {
			n++
		}
	}
	return n
}

// calm says that faults still happen: they end with the load, so that the end of
// a run shows where a cluster settles.
func (w *world) calm() bool { return w.now.Sub(w.start) < w.c.LoadFor }

// end stops a machine; its sessions break off and come back as new ones.
func (w *world) end(i *instance) {
	if i.gone.IsZero() {
		i.gone = w.now.Add(time.Duration(5+w.rand.IntN(40)) * time.Second)
	}
	w.drop(i, 5*time.Second)
}

// drop sends the clients of an instance looking for another node.
func (w *world) drop(i *instance, after time.Duration) {
	for _, c := range i.clients {
		c.on, c.rate, c.waits = nil, 0, w.now
		c.asked = time.Time{}
		c.retryAt = w.now.Add(after)
	}
	i.clients = nil
}

// strike lets faults happen.
func (w *world) strike() {
	if !w.calm() {
		return
	}
	f := w.c.Faults
	if i := w.victim(f.Death); i != nil {
		w.story.add(w.now, "%s dies with %d sessions", i.id, len(i.clients))
		i.dead, i.disturbed = true, w.now
		w.drop(i, 15*time.Second)
	}
	if i := w.victim(f.Silence); i != nil {
		i.silent, i.disturbed = w.now.Add(time.Duration(5+w.rand.IntN(70))*time.Second), w.now
		w.story.add(w.now, "reports of %s are lost until %s", i.id, w.story.clock(i.silent))
	}
	if i := w.victim(f.Sickness); i != nil {
		i.sick, i.disturbed = w.now.Add(time.Duration(2+w.rand.IntN(120))*time.Second), w.now
		w.story.add(w.now, "a service of %s is unhealthy until %s", i.id, w.story.clock(i.sick))
	}
	if w.happens(f.Capacity) {
		w.noCapacity = w.now.Add(time.Duration(5+w.rand.IntN(20)) * time.Minute)
		w.story.add(w.now, "no capacity until %s", w.story.clock(w.noCapacity))
	}
	if w.happens(f.Outage) {
		w.silentAll = w.now.Add(time.Duration(10+w.rand.IntN(110)) * time.Second)
		w.story.add(w.now, "no report arrives until %s", w.story.clock(w.silentAll))
	}
}

func (w *world) happens(mean time.Duration) bool {
	return mean > 0 && w.rand.Float64() < w.c.Step.Seconds()/mean.Seconds()
}

func (w *world) victim(mean time.Duration) *instance {
	if !w.happens(mean) || len(w.instances) == 0 {
		return nil
	}
	if i := w.instances[w.rand.IntN(len(w.instances))]; i.serves() {
		return i
	}
	return nil
}

// story is the log of a run on its own clock.
type story struct {
	start time.Time
	lines []string
}

func (s *story) add(at time.Time, format string, args ...any) {
	s.lines = append(s.lines, s.clock(at)+"  "+fmt.Sprintf(format, args...))
}

func (s *story) clock(at time.Time) string {
	d := at.Sub(s.start)
	return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}
