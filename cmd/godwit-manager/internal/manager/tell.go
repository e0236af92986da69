package manager

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/statestore"
)

const (
	// tellEvery paces the look for nodes that run with something else than what is stored.
	tellEvery = 2 * time.Second
	// tellAgain is how long a node may take to confirm what it was told.
	tellAgain = 15 * time.Second
	// tellAtOnce bounds the nodes that are being told together.
	tellAtOnce = 64
)

// teller sends each node of this manager its configuration when the node (re)starts and when something of it changed:
// an operator's edit, signing keys that rotate, log levels. A node that missed it, or does not confirm it, is told
// again; one that refuses it is left alone until there is something else to tell.
type teller struct {
	*enlightener
	fleet *fleet.Fleet
	now   func() time.Time
	wake  chan struct{}
	told  map[string]told
	at    map[string]place
	level *slog.LevelVar // of this manager's own log; may be nil
	began slog.Level     // as it was started

	mu sync.Mutex
	// answering are the nodes of each cluster, by its name, as of the last round.
	answering map[string][]answering
}

// answering is what a node was told to prove, and why it does not.
type answering struct {
	node   string
	proofs map[string]string // by token
	why    string
}

// place is where a node belongs; it never changes.
type place struct{ cluster, name string }

// told is what a node was told last.
type told struct {
	boot, print string
	at          time.Time
	refused     bool
	proofs      map[string]string
	why         string // it cannot answer for them now
}

func newTeller(e *enlightener, f *fleet.Fleet, level *slog.LevelVar) *teller {
	began := slog.LevelInfo
	if level != nil {
		began = level.Level()
	}
	return &teller{
		level: level, began: began,
		enlightener: e, fleet: f, now: time.Now, wake: make(chan struct{}, 1), told: map[string]told{}, at: map[string]place{}}
}

// Wake asks for a round at once. It does not block.
func (t *teller) Wake() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run tells until ctx ends.
func (t *teller) run(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-t.wake:
		}
		if err := t.round(ctx); err != nil && ctx.Err() == nil {
			t.log.DebugContext(ctx, "nodes were not compared with their configuration; they will be", "error", err)
		}
	}
}

// message is one node's configuration on its way.
type message struct {
	node   string
	boot   string
	print  string
	config command.Config
}

// round compares every node that reports with what is stored, and tells those that differ.
func (t *teller) round(ctx context.Context) error {
	g, err := t.gather(ctx)
	if err != nil {
		return err
	}
	t.follow(g.levels.Manager)
	now := t.now()
	var due []message
	seen, here := map[string]bool{}, map[string]string{} // the names of the clusters of nodes that are to be compared
	for _, v := range t.fleet.Snapshot() {
		seen[v.ID] = true
		if v.Stale(now) {
			continue
		}
		c, err := t.configOf(ctx, g, v.ID)
		if errors.Is(err, statestore.ErrNotFound) {
			continue // its row went; the reconciler cuts it off
		}
		if err != nil {
			return err
		}
		here[v.ID] = g.clusters[c.ClusterID].Name
		mark := fingerprint(c)
		last := t.told[v.ID]
		same := last.boot == v.Boot && last.print == mark
		if same && (last.refused || v.Facts.GetConfigVersion() >= c.Version || now.Sub(last.at) < tellAgain) {
			continue
		}
		due = append(due, message{v.ID, v.Boot, mark, c})
	}
	for id := range t.told {
		if !seen[id] {
			delete(t.told, id)
			delete(t.at, id)
		}
	}
	t.send(ctx, due)
	t.note(here)
	return nil
}

// note keeps what nodes prove now, by the cluster's name.
func (t *teller) note(here map[string]string) {
	by := map[string][]answering{}
	for id, cluster := range here {
		last := t.told[id]
		by[cluster] = append(by[cluster], answering{t.at[id].name, last.proofs, last.why})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answering = by
}

// answered says whether every node of a cluster that this manager tells answers with the proof of a token, and if not,
// why. Safe for concurrent use.
func (t *teller) answered(cluster, name, token string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	nodes := t.answering[cluster]
	if len(nodes) == 0 {
		return fmt.Errorf("cluster %s has no node that could answer for %s", cluster, name)
	}
	for _, n := range nodes {
		switch _, told := n.proofs[token]; {
		case !told:
			return fmt.Errorf("node %s was not told yet", n.node)
		case n.why != "":
			return fmt.Errorf("node %s: %s", n.node, n.why)
		}
	}
	return nil
}

// follow brings this manager's own log to the level that is set; an empty one is that of the start.
func (t *teller) follow(name string) {
	if t.level == nil {
		return
	}
	level := t.began
	if name != "" && level.UnmarshalText([]byte(name)) != nil {
		level = t.began
	}
	if t.level.Level() != level {
		t.level.Set(level)
		t.log.Info("log level", "level", level.String())
	}
}

// configOf is gathered.config for a node whose place may not be known yet.
func (t *teller) configOf(ctx context.Context, g gathered, node string) (command.Config, error) {
	p, known := t.at[node]
	if !known {
		row, err := t.store.Nodes.Get(ctx, node)
		if err != nil {
			return command.Config{}, err
		}
		p = place{row.ClusterID, row.Name}
		t.at[node] = p
	}
	return g.config(node, p, t.now())
}

// fingerprint changes when a node must be told. What is left of an override's time does not count.
func fingerprint(c command.Config) string {
	c.LogOverrideFor = 0
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", c)) // of secrets too
	return string(sum[:])
}

func (t *teller) send(ctx context.Context, due []message) {
	var mu sync.Mutex
	var running sync.WaitGroup
	slots := make(chan struct{}, tellAtOnce)
	for _, m := range due {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			err := t.fleet.Command(ctx, m.node, command.Configure, m.config, nil)
			var refusal *command.Error
			known := errors.As(err, &refusal)
			last := told{m.boot, m.print, t.now(), known && refusal.Code == command.CodeInvalid, m.config.Proofs, ""}
			switch {
			case last.refused:
				t.log.WarnContext(ctx, "node refuses its configuration", "node", m.node, "version", m.config.Version, "error", err)
			case known && refusal.Code == command.CodeUnavailable:
				last.print, last.why = "", err.Error() // it will be told again
			case err != nil:
				t.log.DebugContext(ctx, "node was not told its configuration; it will be", "node", m.node, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			t.told[m.node] = last
		})
	}
	running.Wait()
}
