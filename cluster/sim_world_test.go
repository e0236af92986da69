package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

const (
	stepTime = 5 * time.Second
	loadTime = 19 * time.Minute // load and faults
	calmTime = 10 * time.Minute // then neither: all must settle
	warmTime = 20 * time.Minute // and the warm pool be filled again
	rollTime = 45 * time.Minute // and a rollout end, also one that fails
	simInst  = "installation"
)

// world is one history: everything outside the reconciler, and the managers.
type world struct {
	seed   uint64
	rng    *rand.Rand
	start  time.Time
	now    time.Time
	lines  []string
	faults []string
	met    map[string]int

	db    *simStore
	cloud *simCloud
	// sky is another cloud, in worlds whose template offers both; else nil.
	sky   *simCloud
	nodes map[string]*simNode // by node id, of joined instances
	// retired node ids: their credentials are worthless.
	retired map[string]bool
	clients []*simClient
	serial  int
	policy  policy.Policy

	lead *simManager
	// deposed managers do not know it: their effects may still come.
	deposed []*simManager
	// managers are all that ever were.
	managers []*simManager
	check    checker
	// quiet worlds have no faults and no load but those that a test makes.
	quiet bool
	// obedient worlds have load, a provider that does what it is told, and
	// managers that live.
	obedient bool
	// mixed worlds have two clouds and a template that offers both.
	mixed bool
	// spot of four machines are bought as spot, which the clouds do not stop; where
	// all four are, the template wants no others.
	spot int
	// troubledAt is when anything last went wrong that was not the manager's doing.
	troubledAt time.Time
	// touches counts what reaches outside, of all managers; at the one numbered
	// crashAt the manager that makes it dies. 0: none does.
	touches, crashAt int
}

// simManager is one manager process.
type simManager struct {
	w     *world
	r     *cluster.Reconciler
	term  statestore.Term
	queue []*delayed
	// crashIn counts down the outside effects until this manager dies; 0: never.
	crashIn int
	// downUntil: the next manager is not there before.
	upAt time.Time
	// skew of its clock: managers share the database's, give or take the way there.
	skew time.Duration
	// current is the effect that runs now; nil in a step.
	current *delayed
}

type crash struct{}

func play(seed uint64) *world {
	w := newWorld(seed)
	w.policy.MaxNodes = 4 + w.rng.IntN(6)
	w.policy.MinAvailable = 1 + w.rng.IntN(2)
	w.policy.WarmNodes = w.rng.IntN(3)
	w.policy.DisruptionBudget = w.rng.IntN(3)
	w.obedient, w.mixed, w.spot = seed%4 == 0, seed%3 == 1, int(seed%5)%3
	w.policy.Rollout = rolloutPolicy(seed)
	w.begin()
	length := loadTime + calmTime
	if w.db.on {
		length += rollTime
	}
	if w.policy.WarmNodes > 0 {
		length += warmTime
	}
	for settled := 0; w.now.Sub(w.start) < length && len(w.faults) == 0 && settled < 12; {
		w.step()
		if settled++; !w.calm() || !w.check.settled() {
			settled = 0 // it must be so for a minute
		}
	}
	if len(w.faults) == 0 {
		w.check.end()
	}
	w.stop()
	return w
}

// stop leaves no coroutine behind.
func (w *world) stop() {
	for _, m := range w.managers {
		m.die()
	}
}

// newWorld is empty; change its policy and begin.
func newWorld(seed uint64) *world {
	w := &world{
		seed:  seed,
		rng:   rand.New(rand.NewPCG(seed, 0x60d717)), //nolint:gosec // a simulation must be repeatable
		start: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		met:   map[string]int{}, nodes: map[string]*simNode{}, retired: map[string]bool{},
	}
	w.now = w.start
	w.policy = policy.Default()
	w.policy.ScaleInWindowS, w.policy.DrainTimeoutS = 120, 240
	w.policy.LaunchTimeoutS, w.policy.LostGraceS = 300, 60
	w.policy.LaunchLimit = policy.LaunchLimit{Count: 4, PerSeconds: 60}
	return w
}

func (w *world) begin() {
	w.db = newSimStore(w)
	w.db.template.Provider, w.db.template.Spec = w.offered(), w.spec()
	w.cloud = newSimCloud(w, "sim")
	if w.mixed {
		w.sky = newSimCloud(w, "sky")
	}
	w.check.w, w.check.rested = w, map[string]bool{}
	w.elect()
}

func (w *world) step() {
	w.now = w.now.Add(stepTime)
	w.advance()
	w.rollsNow()
	w.manage()
	w.check.step()
}

// calm says that faults and load are over.
func (w *world) calm() bool { return w.quiet || w.now.Sub(w.start) >= loadTime }

// chance is true once in n steps on average, and never in the calm.
func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 && !w.calm() && !w.obedient }

// trouble notes that something goes wrong, and until when.
func (w *world) trouble(until time.Time) {
	if until.After(w.troubledAt) {
		w.troubledAt = until
	}
}

func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1))
}

func (w *world) tell(format string, values ...any) {
	w.lines = append(w.lines, fmt.Sprintf("%7s  ", w.now.Sub(w.start))+fmt.Sprintf(format, values...))
}

func (w *world) meet(what string) { w.met[what]++ }

func (w *world) fault(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	w.tell("BROKEN: %s", text)
	w.faults = append(w.faults, fmt.Sprintf("after %s: %s", w.now.Sub(w.start), text))
}

func (w *world) story() string { return strings.Join(w.lines, "\n") }

func (w *world) ending(n int) string { return strings.Join(w.lines[max(0, len(w.lines)-n):], "\n") }

// elect starts a new manager under the next term.
func (w *world) elect() {
	m := &simManager{w: w, term: w.db.elect(), upAt: w.now}
	if !w.calm() && !w.obedient {
		m.skew = w.between(-2*time.Second, 2*time.Second)
		m.crashIn = 1 + w.rng.IntN([]int{60, 600, 6000}[w.rng.IntN(3)])
	}
	var err error
	providers := map[string]provisioner.Provider{}
	for _, c := range w.clouds() {
		providers[c.name] = cloudOf{c, m}
	}
	m.r, err = cluster.New(cluster.Config{
		Store: storeOf{w.db, m}, Fleet: fleetOf{w, m}, Enrolment: enrolmentOf{w, m},
		Providers:    providers,
		Installation: simInst, Interval: stepTime, OrphanAge: 30 * time.Second,
		Now: func() time.Time { return w.now.Add(m.skew) }, Spawn: m.spawn, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.fault("new manager: %v", err)
		return
	}
	w.lead = m
	w.managers = append(w.managers, m)
	w.tell("manager of term %d leads", m.term)
}

// delayed is an effect under way: a coroutine that stops at calls to the
// outside, so that effects and steps interleave, and always in the same way.
type delayed struct {
	at    time.Time
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

// spawn starts an effect at once or later, as goroutines do.
func (m *simManager) spawn(f func()) {
	c := &delayed{at: m.w.now.Add(m.w.between(0, 10*time.Second))}
	stopped := false
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		defer func() {
			if stopped {
				_ = recover() // its manager is dead
			}
		}()
		f()
	})
	stop := c.stop
	c.stop = func() { stopped = true; stop() }
	m.queue = append(m.queue, c)
	if m.current == nil && m.w.rng.IntN(2) == 0 {
		m.resume(len(m.queue) - 1)
	}
}

// resume lets one effect go on until its next slow call or its end.
func (m *simManager) resume(i int) {
	c := m.queue[i]
	m.queue = slices.Delete(slices.Clone(m.queue), i, i+1)
	m.current = c
	_, more := c.next()
	m.current = nil
	if more {
		m.queue = append(m.queue, c)
	}
}

// die ends the effects that are under way where they are.
func (m *simManager) die() {
	for _, c := range m.queue {
		c.stop()
	}
	m.r, m.queue, m.current = nil, nil, nil
}

// touch is called before and after everything that reaches outside.
func (m *simManager) touch() {
	switch c := m.current; {
	case c != nil && m.w.rng.IntN(2) == 0:
		// A slow call: steps and other effects go on meanwhile.
		c.at = m.w.now.Add(m.w.between(0, 10*time.Second))
		m.current = nil
		if !c.yield(struct{}{}) {
			panic(crash{})
		}
		m.current = c
	case c == nil && len(m.queue) > 0 && m.w.rng.IntN(4) == 0:
		m.resume(m.w.rng.IntN(len(m.queue)))
	}
	m.w.touches++
	if m.w.touches == m.w.crashAt {
		panic(crash{})
	}
	if m.crashIn == 0 || m.w.calm() {
		return
	}
	m.crashIn--
	if m.crashIn == 0 {
		panic(crash{})
	}
}

// live runs part of a manager's life and says whether it survived.
func (m *simManager) live(f func()) (survived bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ours := p.(crash); !ours {
				panic(p)
			}
			survived = false
		}
	}()
	f()
	return true
}

// manage lets the leader step, and those that do not know better do their worst.
func (w *world) manage() {
	for _, old := range w.deposed {
		if old.r == nil {
			continue
		}
		old.live(old.due)
		if w.rng.IntN(3) == 0 {
			old.live(func() { _ = old.r.Step(context.Background(), old.term) })
		}
	}
	if len(w.deposed) > 0 && w.rng.IntN(20) == 0 {
		w.deposed[0].die()
		w.deposed = w.deposed[1:]
	}
	m := w.lead
	if w.now.Before(m.upAt) {
		return
	}
	if m.r == nil {
		w.elect()
		m = w.lead
	}
	if w.chance(200) {
		w.tell("manager of term %d is deposed and does not know", m.term)
		w.meet("deposed")
		w.trouble(w.now)
		m.crashIn = 0
		w.deposed = append(w.deposed, m)
		w.elect()
		m = w.lead
	}
	alive := m.live(m.due) && m.live(func() {
		if err := m.r.Step(context.Background(), m.term); err != nil {
			w.tell("step: %v", err)
		}
	})
	if !alive {
		m.die()
		m.upAt = w.now.Add(w.between(2*time.Second, 40*time.Second))
		w.tell("manager of term %d crashes", m.term)
		w.meet("crash")
		w.check.down()
		w.trouble(m.upAt)
	}
}

// due lets the effects go on whose calls have come back.
func (m *simManager) due() {
	for _, c := range slices.Clone(m.queue) {
		if i := slices.Index(m.queue, c); i >= 0 && !m.w.now.Before(c.at) {
			m.resume(i)
		}
	}
}

type enrolmentOf struct {
	w *world
	m *simManager
}

func (e enrolmentOf) Bootstrap(_ context.Context, term statestore.Term, n statestore.Node, _ string, _ time.Duration) (provisioner.Bootstrap, error) {
	e.m.touch()
	if err := e.w.db.writable(term); err != nil {
		return provisioner.Bootstrap{}, err
	}
	return provisioner.Bootstrap{NodeID: n.ID, JoinToken: "join-" + n.ID + n.Offering, ManagerURLs: []string{fmt.Sprint("https://manager-", term)}}, nil
}

func (e enrolmentOf) Retire(_ context.Context, nodeID, _ string) error {
	e.m.touch()
	if e.w.db.away() {
		return statestore.ErrUnavailable
	}
	e.w.retired[nodeID] = true
	if n := e.w.nodes[nodeID]; n != nil {
		e.w.check.ends(n)
		e.w.breaks(n)
	}
	e.m.touch()
	return nil
}

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
