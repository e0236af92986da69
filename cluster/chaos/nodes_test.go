package chaos

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// machine is one of the cloud, as it is.
type machine struct {
	id, node, zone        string
	running, ending, spot bool
}

// node is the software on a machine that runs.
type node struct {
	machine     string
	joinsAt     time.Time // zero: never
	joined      bool
	draining    bool
	silentUntil time.Time
	report      *cluster.Report
}

// live lets machines become nodes and nodes report; with the lock held.
func (h *history) live(machines []machine) {
	now, alive := time.Now().UTC(), map[string]bool{}
	for _, m := range machines {
		if !m.running || m.ending {
			continue
		}
		n := h.nodes[m.node]
		if n == nil || n.machine != m.id {
			n = &node{machine: m.id, joinsAt: now.Add(time.Duration(10+h.rng.IntN(50)) * time.Second)}
			if !h.quiet() && h.rng.IntN(10) == 0 {
				n.joinsAt = time.Time{}
				h.meet0("never joins")
			}
			h.nodes[m.node] = n
		}
		alive[m.node] = true
		if h.failing != "" {
			if row := h.db.rows[m.node]; row != nil && row.State == statestore.NodeBooting {
				row.FailureReason = h.failing // as the join's end writes it
			}
			continue
		}
		if !n.joined && !n.joinsAt.IsZero() && !now.Before(n.joinsAt) {
			n.joined = h.mayJoin(m.node)
		}
		if !h.quiet() && h.rng.IntN(300) == 0 {
			n.silentUntil = now.Add(time.Duration(10+h.rng.IntN(110)) * time.Second)
			h.meet0("silent")
		}
		if n.joined && !h.retired[m.node] && !now.Before(n.silentUntil) {
			n.report = &cluster.Report{
				NodeID: m.node, At: now, Healthy: true, Draining: n.draining, Port: 4433, CertSHA256: "pin",
				Usage: policy.Usage{SendCapBps: 1e9, ReceiveCapBps: 1e9},
			}
		}
	}
	maps.DeleteFunc(h.nodes, func(id string, _ *node) bool { return !alive[id] })
}

// mayJoin is what the real join demands of a row.
func (h *history) mayJoin(id string) bool {
	row := h.db.rows[id]
	if row == nil || h.retired[id] {
		return false
	}
	switch row.State {
	case statestore.NodeRequested, statestore.NodeTerminating, statestore.NodeTerminated, statestore.NodeFailed:
		return false
	case statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeRunning, statestore.NodeDraining, statestore.NodeLost,
		statestore.NodeStarting, statestore.NodeStopped, statestore.NodeStopping:
	}
	return true
}

// fleetOf is the fleet as one manager sees it.
type fleetOf struct {
	h *history
	m *manager
}

func (f fleetOf) Reports() []*cluster.Report {
	f.h.mutex.Lock()
	defer f.h.mutex.Unlock()
	var reports []*cluster.Report
	for _, id := range slices.Sorted(maps.Keys(f.h.nodes)) {
		if r := f.h.nodes[id].report; r != nil {
			reports = append(reports, r)
		}
	}
	return reports
}

func (f fleetOf) command(id string, draining bool) error {
	if f.m.touch() {
		return errDead
	}
	f.h.mutex.Lock()
	defer f.h.mutex.Unlock()
	n := f.h.nodes[id]
	if n == nil || !n.joined || time.Now().Before(n.silentUntil) {
		return errors.New("the node does not answer")
	}
	n.draining = draining
	return nil
}

func (f fleetOf) Drain(_ context.Context, id, _ string) error { return f.command(id, true) }

func (f fleetOf) Undrain(_ context.Context, id string) error { return f.command(id, false) }

func (f fleetOf) Move(context.Context, string, []string, string) (int, error) { return 0, nil }

func (f fleetOf) Forget(string) {}
