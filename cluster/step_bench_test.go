package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// BenchmarkStep10000Nodes is one step of one cluster of 10,000 running nodes
// with ten sessions each, all of which have just reported; the store is memory,
// so this is the manager's own work.
func BenchmarkStep10000Nodes(b *testing.B) {
	h := newHerd(10_000, 10)
	r, err := cluster.New(cluster.Config{
		Store: h, Fleet: herdFleet{h}, Enrolment: enrolmentOf{}, Providers: map[string]provisioner.Provider{"sim": h},
		Installation: simInst, Now: func() time.Time { return h.now }, Spawn: func(f func()) { f() }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	for range 5 { // settle
		h.tick()
		if err := r.Step(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
	h.stored = 0
	b.ReportAllocs()
	for b.Loop() {
		h.tick()
		if err := r.Step(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(h.stored)/float64(b.N), "stored-B/op")
}

// herd is a big steady cluster: store, fleet and provider in one.
type herd struct {
	cluster.Store // what is not needed
	provisioner.Provider

	now       time.Time
	cluster   statestore.Cluster
	policy    statestore.PolicyVersion
	rows      []statestore.Node
	reports   []*cluster.Report
	instances []provisioner.Instance
	stored    int
}

func newHerd(nodes, sessions int) *herd {
	h := &herd{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), cluster: statestore.Cluster{ID: "c", Name: "big", TemplateID: "t"}}
	p := policy.Default()
	p.MaxNodes, p.MinAvailable = nodes, nodes/2
	h.policy = statestore.PolicyVersion{ClusterID: "c", Version: 1, Policy: mustJSON(p)}
	long := h.now.Add(-time.Hour)
	for i := range nodes {
		id := fmt.Sprintf("n%05d", i)
		row := statestore.Node{
			ID: id, ClusterID: "c", Name: id, Provider: "sim", State: statestore.NodeRunning, StateSince: long, RequestedAt: long,
			InstanceID: "i" + id, TransferPort: 4433, PublicAddress: "192.0.2.1", Pool: statestore.PoolLow,
		}
		report := &cluster.Report{
			NodeID: id, Healthy: true, Port: 4433,
			Usage: policy.Usage{SendBps: int64(sessions) * 50e6, SendCapBps: nodeBps, ReceiveCapBps: nodeBps, CPU: 0.3},
		}
		for s := range sessions {
			report.Sessions = append(report.Sessions, policy.Session{
				ID: fmt.Sprint(id, "-", s), Direction: policy.Send, WantedBps: 50e6, RateBps: 50e6, Since: long, Movable: true, RemainingBytes: 1e9,
			})
		}
		h.rows, h.reports = append(h.rows, row), append(h.reports, report)
		h.instances = append(h.instances, provisioner.Instance{
			ID: row.InstanceID, NodeID: id, Owner: provisioner.Owner{Installation: simInst, Cluster: "c"}, State: provisioner.Running, LaunchedAt: long,
		})
	}
	return h
}

func (h *herd) tick() {
	h.now = h.now.Add(2 * time.Second)
	for i := range h.reports {
		h.reports[i].At = h.now
	}
}

func (h *herd) Clusters(context.Context) ([]statestore.Cluster, error) {
	return []statestore.Cluster{h.cluster}, nil
}

func (h *herd) Template(context.Context, string) (statestore.Template, error) {
	return statestore.Template{ID: "t", Provider: "sim", Version: 1, Spec: json.RawMessage(`{}`)}, nil
}

func (h *herd) Policy(context.Context, string) (statestore.PolicyVersion, error) {
	return h.policy, nil
}

func (h *herd) LiveNodes(context.Context, string) ([]statestore.Node, error) {
	return append([]statestore.Node(nil), h.rows...), nil
}

func (h *herd) MoveNode(_ context.Context, _ statestore.Term, id string, _ []statestore.NodeState, to statestore.NodeState, _ string, change func(*statestore.Node)) (statestore.Node, error) {
	for i := range h.rows {
		if h.rows[i].ID == id {
			row := &h.rows[i]
			if change != nil {
				change(row)
			}
			row.State = to
			return *row, nil
		}
	}
	return statestore.Node{}, statestore.ErrNotFound
}

func (h *herd) Reported(context.Context, map[string]time.Time) error { return nil }

func (h *herd) NoFuture(context.Context, statestore.Term) (int64, error) { return 0, nil }

func (h *herd) SetMemory(_ context.Context, _ statestore.Term, _ string, memory json.RawMessage) error {
	h.stored += len(memory)
	return nil
}

func (h *herd) AppendDecision(_ context.Context, _ statestore.Term, d statestore.Decision) (statestore.Decision, error) {
	h.stored += len(d.Plan) + len(d.Snapshot) + len(d.Reasons)
	return d, nil
}

func (h *herd) AmendDecision(context.Context, statestore.Term, string, func(*statestore.Decision) error) error {
	return nil
}

func (h *herd) SetResult(context.Context, statestore.Term, string, json.RawMessage) error { return nil }

func (h *herd) OpenConditions(context.Context) ([]statestore.Condition, error) { return nil, nil }

func (h *herd) RaiseCondition(context.Context, statestore.Term, statestore.Condition) error {
	return nil
}

func (h *herd) PutLoad(_ context.Context, _ statestore.Term, c statestore.LoadChunk) error {
	h.stored += len(c.Data)
	return nil
}

func (h *herd) PutForecast(_ context.Context, _ statestore.Term, _ string, data []byte) error {
	h.stored += len(data)
	return nil
}

func (h *herd) Forecast(context.Context, string) ([]byte, error) {
	return nil, statestore.ErrNotFound
}

func (h *herd) Forget(context.Context, time.Time, time.Time) error { return nil }

type herdFleet struct{ h *herd }

func (f herdFleet) Reports() []*cluster.Report { return f.h.reports }

func (f herdFleet) Drain(context.Context, string, string) error { return nil }

func (f herdFleet) Undrain(context.Context, string) error { return nil }

func (f herdFleet) Move(context.Context, string, []string, string) (int, error) { return 0, nil }

func (f herdFleet) Forget(string) {}

func (h *herd) List(context.Context, provisioner.Owner) ([]provisioner.Instance, error) {
	return h.instances, nil
}

func (h *herd) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: "sim"}
}
