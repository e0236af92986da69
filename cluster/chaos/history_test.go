package chaos

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

const (
	installation = "inst"
	interval     = 5 * time.Second
	// harmTime is how long things go wrong.
	harmTime = 12 * time.Minute
	// boundPasses is within how many steps all must have settled once nothing goes
	// wrong any more: what was refused last rests for five minutes (a quota), a
	// machine that never becomes a node is given up after its launch timeout of
	// five, its replacement boots in two, and what the others did meanwhile is
	// drained for two; 5 s a step, and half as much again.
	boundPasses = 252
	// boundParts is how long a stranded part may stay: half an hour in which it may
	// belong to a machine that is being made, and two looks, ten minutes apart.
	boundParts = 51 * time.Minute
)

// cloud is a simulator and how its provider is opened.
type cloud interface {
	handler() http.Handler
	// open is a new manager's provider.
	open(wire) (provisioner.Provider, func(), error)
	// spec is of a template of its provider, with changes.
	spec(changes map[string]any) (provider string, spec json.RawMessage)
	machines() []machine
	// unused are the disks, interfaces and addresses without a machine, and what is
	// wrong with those of pools: one that stays associated, a machine without, one of
	// somebody else that was touched.
	unused() []string
	// pool makes so many addresses, two at least, of which nodes take theirs, and
	// returns what a template says of it.
	pool(n int) map[string]any
	// harm does something bad and says what. calm ends what lasts.
	harm(rng *rand.Rand) string
	calm()
	// kill ends a machine from within or below; reclaim takes spot back.
	kill(machine)
	reclaim(machine)
	bad
}

// history is one seed's.
type history struct {
	seed   uint64
	cloud  cloud
	sweeps bool // no harm but one crash

	mutex    sync.Mutex // of all that follows
	rng      *rand.Rand // of the history's own goroutine
	drawn    map[string]uint64
	start    time.Time
	lines    []string
	faults   []string
	met      map[string]int
	db       *store
	policy   policy.Policy
	nodes    map[string]*node
	retired  map[string]bool
	lead     *manager
	managers []*manager
	upAt     time.Time
	calm     bool
	edits    int
	scripted bool            // nobody dies, nothing goes wrong but by the script
	failing  string          // what keeps machines from becoming nodes; empty: nothing
	denied   bool            // the cloud knows the manager no more
	rested   map[string]bool // rows that end from the warm pool: they don't run while they do
}

// play must run in a bubble of virtual time.
func play(seed uint64, c cloud) *history {
	h := newHistory(seed, c)
	h.begin(c.spec(nil))
	h.run()
	h.end()
	return h
}

func newHistory(seed uint64, c cloud) *history {
	h := &history{
		seed: seed, cloud: c, sweeps: seed%5 == 0, rng: rand.New(rand.NewPCG(seed, 0xc4a05)), //nolint:gosec // a simulation must be repeatable
		drawn: map[string]uint64{}, start: time.Now(), met: map[string]int{}, nodes: map[string]*node{}, retired: map[string]bool{}, rested: map[string]bool{},
	}
	h.policy = policy.Default()
	h.policy.MaxNodes, h.policy.MinAvailable = 3+h.rng.IntN(4), 1+h.rng.IntN(2)
	if warms(seed) {
		h.policy.WarmNodes = 1
	}
	h.policy.ScaleInWindowS, h.policy.DrainTimeoutS, h.policy.LaunchTimeoutS, h.policy.LostGraceS = 60, 120, 300, 60
	h.policy.LaunchLimit = policy.LaunchLimit{Count: 3, PerSeconds: 60}
	return h
}

// begin elects the first manager over a cluster of a template.
func (h *history) begin(provider string, spec json.RawMessage) {
	h.db = &store{
		h:        h,
		cluster:  statestore.Cluster{ID: "c", Name: "chaos", TemplateID: "t", PolicyVersion: 1},
		template: statestore.Template{ID: "t", Name: "t", Provider: provider, Version: 1, Spec: spec},
		policy:   statestore.PolicyVersion{ClusterID: "c", Version: 1, Policy: asJSON(h.policy)},
		rows:     map[string]*statestore.Node{}, open: map[string]statestore.Condition{}, decisions: map[string]*statestore.Decision{},
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.elect()
}

// warms says that the history's policy keeps a stopped node.
func warms(seed uint64) bool { return seed%2 == 0 }

// pass lets one interval go by, and looks at what became of it.
func (h *history) pass(look func([]machine)) {
	time.Sleep(interval)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	machines := h.cloud.machines()
	h.live(machines)
	h.manage()
	look(machines)
	h.owned(machines)
}

// run is a history of harm and of what comes after it.
func (h *history) run() {
	var calmAt time.Time
	stepsAtCalm, settled, done := 0, 0, false
	for !done {
		h.pass(func(machines []machine) {
			if !h.calm {
				h.operate()
				if !h.sweeps {
					h.hurt(machines)
				}
				if time.Since(h.start) >= harmTime {
					calmAt, stepsAtCalm = time.Now(), h.db.steps
					h.soothe()
				}
				done = len(h.faults) > 0
				return
			}
			open, passes, parts := h.unsettled(machines), h.db.steps-stepsAtCalm, h.cloud.unused()
			if settled++; open != "" {
				settled = 0
			}
			if settled == 1 && h.met["longest way, passes"] == 0 {
				h.met["longest way, passes"] = passes
			}
			if open != "" && passes > boundPasses && h.met["longest way, passes"] == 0 {
				h.fault("%d passes after the harm: %s", passes, open)
			}
			if time.Since(calmAt) > boundParts && (len(parts) > 0 || open != "") {
				h.fault("%s after the harm: parts without a machine %v; %s", time.Since(calmAt), parts, open)
			}
			done = len(h.faults) > 0 || settled > 6 && len(parts) == 0
		})
	}
}

// soothe ends all harm.
func (h *history) soothe() {
	h.calm = true
	h.cloud.calm()
	h.db.cluster.DesiredOverride = nil
	h.tell("calm")
}

// end leaves nothing running in the bubble.
func (h *history) end() {
	h.mutex.Lock()
	all := h.managers
	for _, m := range all {
		m.die()
	}
	h.mutex.Unlock()
	for _, m := range all {
		<-m.ended
		m.close()
	}
	time.Sleep(5 * time.Minute) // a call that knows no context ends with its client's own limit
}

// quiet says that nothing may go wrong now.
func (h *history) quiet() bool { return h.calm || h.sweeps || h.scripted }

// operate is an operator who wants more and fewer nodes, and edits the template.
func (h *history) operate() {
	if h.rng.IntN(20) == 0 {
		n := h.policy.MinAvailable + h.rng.IntN(h.policy.MaxNodes-h.policy.MinAvailable+1)
		h.db.cluster.DesiredOverride = &n
		h.tell("%d nodes are wanted", n)
	}
	if h.rng.IntN(60) == 0 {
		h.edits++
		_, h.db.template.Spec = h.cloud.spec(map[string]any{"tags": map[string]string{"edit": fmt.Sprint(h.edits)}})
		h.db.template.Version++
		h.tell("an operator edits the template")
	}
}

// hurt is what goes wrong with the cloud and its machines.
func (h *history) hurt(machines []machine) {
	if h.rng.IntN(8) == 0 {
		if what := h.cloud.harm(h.rng); what != "" {
			h.tell("harm: %s", what)
			kind, _, _ := strings.Cut(what, ":")
			h.meet0(kind)
		}
	}
	for _, m := range machines {
		switch {
		case m.ending || !m.running:
		case h.rng.IntN(250) == 0:
			h.tell("%s of %s dies", m.id, m.node)
			h.meet0("machine died")
			h.cloud.kill(m)
		case m.spot && h.rng.IntN(80) == 0:
			h.tell("%s of %s is taken back", m.id, m.node)
			h.meet0("spot taken back")
			h.cloud.reclaim(m)
		}
	}
}

// draw is a number below n that the seed, a word, and how often it was used
// give: whichever goroutine comes first.
func (h *history) draw(word string, n int) int {
	sum := fnv.New64a()
	h.drawn[word]++
	_, _ = fmt.Fprintf(sum, "%d %s %d", h.seed, word, h.drawn[word])
	return int(rand.New(rand.NewPCG(sum.Sum64(), h.seed)).Uint64N(uint64(n))) //nolint:gosec // small
}

func (h *history) drawOnce(word string, n int) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.draw(word, n)
}

func (h *history) harmed(word string, oneIn int) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return !h.quiet() && h.draw(word, oneIn) == 0
}

// tell and meet0 want the lock; told and meet take it.
func (h *history) tell(format string, values ...any) {
	h.lines = append(h.lines, fmt.Sprintf("%9s  ", time.Since(h.start).Round(time.Millisecond))+fmt.Sprintf(format, values...))
}

func (h *history) told(format string, values ...any) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.tell(format, values...)
}

func (h *history) meet0(what string) { h.met[what]++ }

func (h *history) meet(what string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.meet0(what)
}

func (h *history) fault(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	h.tell("BROKEN: %s", text)
	h.faults = append(h.faults, fmt.Sprintf("after %s: %s", time.Since(h.start), text))
}
