package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// manager is one process: a reconciler and a provider that knows nothing of
// those before it.
type manager struct {
	h      *history
	term   statestore.Term
	cancel context.CancelFunc
	close  func()
	ended  chan struct{}
	// touches count what it does outside; at the one numbered dieAt it dies. 0: it
	// lives.
	touches, dieAt int
	dead           bool
}

// touch is called before and after everything that reaches outside, and says
// whether the manager is dead: then nothing it does has an effect any more.
func (m *manager) touch() bool {
	m.h.mutex.Lock()
	defer m.h.mutex.Unlock()
	m.touches++
	if !m.dead && m.touches == m.dieAt && !m.h.calm {
		m.h.tell("the manager of term %d dies", m.term)
		m.h.meet0("crash")
		m.die()
	}
	return m.dead
}

// Write puts a line of its log into the story.
func (m *manager) Write(line []byte) (int, error) {
	m.h.mutex.Lock()
	defer m.h.mutex.Unlock()
	_, text, _ := strings.Cut(strings.TrimSpace(string(line)), "level=")
	m.h.tell("term %d: %s", m.term, text)
	return len(line), nil
}

// die with the history's lock held.
func (m *manager) die() {
	m.dead = true
	m.cancel()
}

// elect starts a manager under the next term; with the lock held.
func (h *history) elect() {
	h.db.term++
	ctx, cancel := context.WithCancel(context.Background())
	m := &manager{h: h, term: h.db.term, cancel: cancel, ended: make(chan struct{})}
	if !h.calm {
		m.dieAt = h.dieAt(int(m.term))
	}
	provider, closing, err := h.cloud.open(wire{m, h.cloud.handler()})
	if err != nil {
		h.fault("provider: %v", err)
	}
	m.close = closing
	r, err := cluster.New(cluster.Config{
		Store: storeOf{h.db, m}, Fleet: fleetOf{h, m}, Enrolment: enrolmentOf{h, m},
		Providers:    map[string]provisioner.Provider{h.db.template.Provider: provider},
		Installation: installation, Interval: interval, Log: slog.New(slog.NewTextHandler(m, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		h.fault("reconciler: %v", err)
	}
	h.tell("the manager of term %d leads", m.term)
	h.lead, h.managers = m, append(h.managers, m)
	go func() {
		defer close(m.ended)
		err := r.Lead(ctx, m.term)
		if errors.Is(err, statestore.ErrFenced) {
			h.meet("fenced")
		}
		h.mutex.Lock()
		defer h.mutex.Unlock()
		m.die() // what it still has under way has no effect
	}()
}

// sweepsOver is how many touches a manager makes in a history without harm until
// the cluster stands.
const sweepsOver = 300

// dieAt is at which of its touches the manager of a term dies. In every fifth
// history nothing else goes wrong, and the crash of the first manager is swept
// over its touches.
func (h *history) dieAt(term int) int {
	if h.scripted {
		return 0
	}
	if h.sweeps {
		if term == 1 {
			return 1 + int(h.seed/5)*3%sweepsOver
		}
		return 0
	}
	return 1 + h.draw("die", []int{80, 800, 8000}[h.draw("how soon", 3)])
}

// manage replaces who is dead after a while, and now and then who is not.
func (h *history) manage() {
	m := h.lead
	switch {
	case m.dead && h.upAt.IsZero():
		h.upAt = time.Now().Add(time.Duration(h.rng.IntN(40)) * time.Second)
	case m.dead && !time.Now().Before(h.upAt):
		h.upAt = time.Time{}
		h.elect()
	case !m.dead && !h.quiet() && h.rng.IntN(120) == 0:
		h.tell("the manager of term %d is replaced and does not know", m.term)
		h.meet0("deposed")
		h.elect()
	}
}

type enrolmentOf struct {
	h *history
	m *manager
}

func (e enrolmentOf) Bootstrap(_ context.Context, _ statestore.Term, n statestore.Node, cluster string, _ time.Duration) (provisioner.Bootstrap, error) {
	if e.m.touch() {
		return provisioner.Bootstrap{}, errDead
	}
	return provisioner.Bootstrap{
		NodeID: n.ID, JoinToken: "join-" + n.ID, Cluster: cluster, CASHA256: "00", ManagerURLs: []string{fmt.Sprintf("https://manager-%d:8443", e.m.term)},
	}, nil
}

func (e enrolmentOf) Retire(_ context.Context, id, _ string) error {
	if e.m.touch() {
		return errDead
	}
	e.h.mutex.Lock()
	defer e.h.mutex.Unlock()
	e.h.retired[id] = true
	return nil
}
