package statestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Node is one transfer node from the intent to launch it until long after its
// end. The row is written before each effect.
type Node struct {
	ID         string
	ClusterID  string
	Name       string
	State      NodeState
	StateSince time.Time
	Pool       NodePool

	// Provider is where the node is launched, and Offering the name of that offering
	// where its template has several. They are settled once InstanceID is.
	Provider     string
	Offering     string
	InstanceID   string // unique within Provider; empty until launched
	InstanceType string
	Spot         bool
	OnDemand     bool // launched for the warm pool: not as spot that cannot be stopped
	Region       string
	Zone         string

	PublicAddress  string // address that clients use, without port
	PrivateAddress string
	ControlAddr    string // host:port of the node's own API
	TransferPort   int    // TCP and UDP
	CertSHA256     string // hex pin of the serving certificate

	SoftwareVersion string
	TemplateID      string // launched from
	TemplateVersion int64
	ConfigVersion   int64 // running with
	Generation      int64 // of the rollout it belongs to

	// LaunchToken makes the cloud call idempotent; set by Create from the id.
	LaunchToken string
	// LaunchRequest is what Provider was first asked with, kept to the byte until
	// its answer is recorded, so that a repeated launch asks the same.
	LaunchRequest json.RawMessage

	OrderAction NodeOrder
	OrderBy     string
	OrderAt     *time.Time

	DrainDeadline *time.Time
	DrainReason   string
	FailureReason string

	RequestedAt  time.Time
	LaunchedAt   *time.Time // state launching was entered
	JoinedAt     *time.Time // it showed its join token
	RunningAt    *time.Time // first entered
	DrainingAt   *time.Time // last entered; nil after an un-drain
	TerminatedAt *time.Time
	LastReportAt *time.Time
}

// Nodes are the rows of Node.
type Nodes struct{ *handle }

var nodeColumns = strings.Join(nodeColumnList, ", ")

var nodeColumnList = []string{
	"id", "cluster_id", "name", "state", "state_since", "pool",
	"provider", "offering", "instance_id", "instance_type", "spot", "on_demand", "region", "zone",
	"public_address", "private_address", "control_addr", "transfer_port", "cert_sha256",
	"software_version", "template_id", "template_version", "config_version", "generation", "launch_token", "launch_request",
	"order_action", "order_by", "order_at", "drain_deadline", "drain_reason", "failure_reason",
	"requested_at", "launched_at", "joined_at", "running_at", "draining_at", "terminated_at", "last_report_at",
}

func (n *Node) args() pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": n.ID, "cluster_id": n.ClusterID, "name": n.Name, "state": string(n.State),
		"state_since": n.StateSince, "pool": string(n.Pool), "provider": n.Provider, "offering": n.Offering,
		"instance_id": n.InstanceID, "instance_type": n.InstanceType, "spot": n.Spot, "on_demand": n.OnDemand,
		"region": n.Region, "zone": n.Zone, "public_address": n.PublicAddress,
		"private_address": n.PrivateAddress, "control_addr": n.ControlAddr,
		"transfer_port": n.TransferPort, "cert_sha256": n.CertSHA256,
		"software_version": n.SoftwareVersion, "template_id": n.TemplateID, "template_version": n.TemplateVersion,
		"config_version": n.ConfigVersion, "generation": n.Generation, "launch_token": n.LaunchToken,
		"launch_request": n.LaunchRequest,
		"order_action":   string(n.OrderAction), "order_by": n.OrderBy, "order_at": n.OrderAt,
		"drain_deadline": n.DrainDeadline, "drain_reason": n.DrainReason, "failure_reason": n.FailureReason,
		"requested_at": n.RequestedAt, "launched_at": n.LaunchedAt, "joined_at": n.JoinedAt,
		"running_at": n.RunningAt, "draining_at": n.DrainingAt, "terminated_at": n.TerminatedAt,
		"last_report_at": n.LastReportAt,
	}
}

// Create writes the intent to have a node, in state requested. ID and Name may
// be empty (the name is then made from the id). It is the leader's write.
func (t Nodes) Create(ctx context.Context, term Term, n Node, why string) (Node, error) {
	var out Node
	err := t.fenced(ctx, term, func(h *handle) error {
		var err error
		out, err = n.create(ctx, h, term, why)
		return err
	})
	return out, err
}

// CreateMany writes many such intents in one transaction, all or none. Ids and
// names are made for them.
func (t Nodes) CreateMany(ctx context.Context, term Term, like Node, count int, why string) ([]Node, error) {
	var out []Node
	like.ID, like.Name = "", ""
	err := t.fenced(ctx, term, func(h *handle) error {
		out = make([]Node, 0, count)
		for range count {
			n, err := like.create(ctx, h, term, why)
			if err != nil {
				return err
			}
			out = append(out, n)
		}
		return nil
	})
	return out, err
}

// create fills and inserts a row.
func (n Node) create(ctx context.Context, h *handle, term Term, why string) (Node, error) { //nolint:gocritic // filled here, not at the caller's
	now := h.now()
	if n.ID == "" {
		n.ID = NewIDAt(now)
	}
	if n.Name == "" {
		n.Name = "node-" + n.ID[len(n.ID)-6:]
	}
	n.State, n.StateSince, n.RequestedAt = NodeRequested, now, now
	n.LaunchToken = "godwit-" + n.ID
	out, err := one[Node](ctx, h, "node "+n.Name, `INSERT INTO nodes (`+nodeColumns+`)
		VALUES (@`+strings.Join(nodeColumnList, ", @")+`) RETURNING `+nodeColumns, n.args())
	if err != nil {
		return Node{}, err
	}
	return out, addNodeEvent(ctx, h, out, "", why, term)
}

// Transition is one move of one node's row; see Nodes.Transition.
type Transition struct {
	ID     string
	From   []NodeState
	To     NodeState
	Why    string
	Change func(*Node) // may be nil
}

// Transition moves a node from one of the states to another by compare-and-set
// and notes it in the node's time line with the reason why. change, which may
// be nil, sets further fields in the same write; states, their times and the
// identity of the row are not its to set. A StateError (ErrState) tells that
// the node is elsewhere, ErrFenced that the term has ended.
//
// The new state may equal the old one, to write fields under the fence; that
// leaves StateSince and the time line alone.
func (t Nodes) Transition(ctx context.Context, term Term, id string, from []NodeState, to NodeState, why string, change func(*Node)) (Node, error) {
	var out Node
	err := t.fenced(ctx, term, func(h *handle) error {
		var err error
		out, err = Transition{id, from, to, why, change}.apply(ctx, h, term)
		return err
	})
	return out, err
}

// TransitionAll makes many transitions in one transaction, all or none, and
// returns the rows by id. Nodes that are elsewhere or gone are left out: they
// have been overtaken, and do not keep the others.
func (t Nodes) TransitionAll(ctx context.Context, term Term, moves []Transition) (map[string]Node, error) {
	var out map[string]Node
	ordered := slices.Clone(moves)
	slices.SortFunc(ordered, func(a, b Transition) int { return strings.Compare(a.ID, b.ID) }) // one order of locks
	err := t.fenced(ctx, term, func(h *handle) error {
		out = make(map[string]Node, len(moves))
		for _, m := range ordered {
			n, err := m.apply(ctx, h, term)
			switch {
			case errors.Is(err, ErrState), errors.Is(err, ErrNotFound):
			case err != nil:
				return err
			default:
				out[m.ID] = n
			}
		}
		return nil
	})
	return out, err
}

func (m Transition) apply(ctx context.Context, h *handle, term Term) (Node, error) {
	old, err := one[Node](ctx, h, "node "+m.ID,
		`SELECT `+nodeColumns+` FROM nodes WHERE id = $1 FOR NO KEY UPDATE`, m.ID)
	if err != nil {
		return Node{}, err
	}
	if !slices.Contains(m.From, old.State) || old.State == NodeTerminated && m.To != NodeTerminated {
		return Node{}, &StateError{Object: "node " + m.ID, Found: string(old.State), Wanted: strs(m.From)}
	}
	n := old
	if m.Change != nil {
		m.Change(&n)
	}
	keep(&n, &old)
	moved := m.To != old.State
	if moved {
		n.enter(m.To, h.now())
	}
	out, err := saveNode(ctx, h, &n)
	if err != nil || !moved {
		return out, err
	}
	return out, addNodeEvent(ctx, h, out, old.State, m.Why, term)
}

// enter sets the state and the times that go with it.
func (n *Node) enter(to NodeState, now time.Time) {
	from := n.State
	n.State, n.StateSince = to, now
	switch to {
	case NodeLaunching:
		n.LaunchedAt = &now
	case NodeRunning:
		if n.RunningAt == nil {
			n.RunningAt = &now
		}
		if from == NodeDraining {
			n.DrainingAt, n.DrainDeadline, n.DrainReason = nil, nil, ""
		}
	case NodeDraining:
		n.DrainingAt = &now
	case NodeStopping:
		n.DrainingAt, n.DrainDeadline, n.DrainReason = nil, nil, ""
	case NodeTerminated:
		n.TerminatedAt, n.Pool = &now, ""
	}
	if to != NodeRunning {
		n.Pool = ""
	}
	if to != NodeLaunching {
		n.LaunchRequest = nil
	}
}

// keep restores what a change must not touch.
func keep(n, old *Node) {
	n.ID, n.ClusterID, n.LaunchToken = old.ID, old.ClusterID, old.LaunchToken
	if old.InstanceID != "" {
		n.Provider, n.Offering = old.Provider, old.Offering
	}
	n.State, n.StateSince = old.State, old.StateSince
	n.RequestedAt, n.LaunchedAt, n.RunningAt = old.RequestedAt, old.LaunchedAt, old.RunningAt
	n.DrainingAt, n.TerminatedAt = old.DrainingAt, old.TerminatedAt
}

func saveNode(ctx context.Context, h *handle, n *Node) (Node, error) {
	set := make([]string, 0, len(nodeColumnList))
	for _, c := range nodeColumnList[2:] {
		set = append(set, c+" = @"+c)
	}
	return one[Node](ctx, h, "node "+n.ID,
		`UPDATE nodes SET `+strings.Join(set, ", ")+` WHERE id = @id RETURNING `+nodeColumns, n.args())
}

// Update writes facts that any manager may learn (addresses at join, version,
// certificate pin). It takes no term and cannot move the state. A terminated
// node is refused with ErrState.
func (t Nodes) Update(ctx context.Context, id string, change func(*Node)) (Node, error) {
	var out Node
	err := t.tx(ctx, func(h *handle) error {
		old, err := one[Node](ctx, h, "node "+id,
			`SELECT `+nodeColumns+` FROM nodes WHERE id = $1 FOR NO KEY UPDATE`, id)
		if err != nil {
			return err
		}
		if old.State == NodeTerminated {
			return &StateError{Object: "node " + id, Found: string(old.State), Wanted: []string{"alive"}}
		}
		n := old
		change(&n)
		keep(&n, &old)
		n.Provider, n.Offering = old.Provider, old.Offering
		out, err = saveNode(ctx, h, &n)
		return err
	})
	return out, err
}

// Order notes what an operator asks of the node; the leader obeys. OrderNone
// takes it back.
func (t Nodes) Order(ctx context.Context, id string, order NodeOrder, by string) (Node, error) {
	return t.Update(ctx, id, func(n *Node) {
		now := t.now()
		n.OrderAction, n.OrderBy, n.OrderAt = order, by, &now
		if order == OrderNone {
			n.OrderBy, n.OrderAt = "", nil
		}
	})
}

// Reported raises LastReportAt of many nodes in one statement; times never go
// back and unknown ids are ignored.
func (t Nodes) Reported(ctx context.Context, at map[string]time.Time) error {
	ids, times := make([]string, 0, len(at)), make([]time.Time, 0, len(at))
	for id := range at {
		ids = append(ids, id)
	}
	slices.Sort(ids) // one order of locks for all managers
	for _, id := range ids {
		times = append(times, at[id])
	}
	_, err := t.exec(ctx, "node reports",
		`UPDATE nodes n SET last_report_at = r.at
		 FROM unnest($1::text[], $2::timestamptz[]) AS r(id, at)
		 WHERE n.id = r.id AND n.state <> 'terminated' AND (n.last_report_at IS NULL OR n.last_report_at < r.at)`,
		ids, times)
	return err
}

// NoFuture brings times of living nodes that are still to come to now, and says
// of how many: a manager whose clock was ahead wrote them, and until then every
// wait that begins with them would not. It is the leader's write.
func (t Nodes) NoFuture(ctx context.Context, term Term) (n int64, err error) {
	err = t.fenced(ctx, term, func(h *handle) error {
		n, err = h.exec(ctx, "nodes of the future", `UPDATE nodes SET
			drain_deadline = CASE WHEN draining_at > $1 THEN $1 + (drain_deadline - draining_at) ELSE drain_deadline END,
			state_since = least(state_since, $1), requested_at = least(requested_at, $1), launched_at = least(launched_at, $1),
			draining_at = least(draining_at, $1), last_report_at = least(last_report_at, $1)
			WHERE state <> 'terminated' AND greatest(state_since, requested_at, launched_at, draining_at, last_report_at) > $1`, h.now())
		return err
	})
	return n, err
}

// Forget deletes nodes terminated before the time, with their time lines.
func (t Nodes) Forget(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "old nodes", `DELETE FROM nodes WHERE state = 'terminated' AND terminated_at < $1`, before)
}

// Get returns the node with the id.
func (t Nodes) Get(ctx context.Context, id string) (Node, error) {
	return one[Node](ctx, t.handle, "node "+id, `SELECT `+nodeColumns+` FROM nodes WHERE id = $1`, id)
}

// ByName returns the newest node of the name, ended or not.
func (t Nodes) ByName(ctx context.Context, name string) (Node, error) {
	return one[Node](ctx, t.handle, "node "+name, `SELECT `+nodeColumns+` FROM nodes WHERE name = $1 ORDER BY id DESC LIMIT 1`, name)
}

// Failed returns nodes that failed or were lost and have not recovered, whose state is from since or later, newest first:
// those that ended since as well. An empty clusterID means all.
func (t Nodes) Failed(ctx context.Context, clusterID string, since time.Time, limit int) ([]Node, error) {
	return all[Node](ctx, t.handle, "nodes", `SELECT `+nodeColumns+` FROM nodes
		WHERE ($1 = '' OR cluster_id = $1) AND state_since >= $2 AND (failure_reason <> '' OR state IN ('failed', 'lost'))
		ORDER BY state_since DESC, id DESC LIMIT $3`, clusterID, since, limit)
}

// ByInstance returns the node of a provider's instance.
func (t Nodes) ByInstance(ctx context.Context, provider, instanceID string) (Node, error) {
	return one[Node](ctx, t.handle, fmt.Sprintf("node of %s instance %s", provider, instanceID),
		`SELECT `+nodeColumns+` FROM nodes WHERE provider = $1 AND instance_id = $2 AND instance_id <> ''`,
		provider, instanceID)
}

// Alive returns every node of the cluster that is not terminated, by id. An
// empty clusterID means all clusters.
func (t Nodes) Alive(ctx context.Context, clusterID string) ([]Node, error) {
	return all[Node](ctx, t.handle, "nodes", `SELECT `+nodeColumns+` FROM nodes
		WHERE state <> 'terminated' AND ($1 = '' OR cluster_id = $1) ORDER BY id`, clusterID)
}

// NodeFilter narrows Nodes.List; zero fields match everything.
type NodeFilter struct {
	ClusterID string
	States    []NodeState
}

// List pages through nodes, newest first.
func (t Nodes) List(ctx context.Context, f NodeFilter, p Page) (List[Node], error) {
	after, err := p.after("nodes")
	if err != nil {
		return List[Node]{}, err
	}
	rows, err := all[Node](ctx, t.handle, "nodes", `SELECT `+nodeColumns+` FROM nodes
		WHERE ($1 = '' OR id < $1) AND ($2 = '' OR cluster_id = $2)
		  AND (cardinality($3::text[]) = 0 OR state = ANY($3))
		ORDER BY id DESC LIMIT $4`, after, f.ClusterID, strs(f.States), p.limit()+1)
	return paged("nodes", rows, p.limit(), func(r Node) string { return r.ID }), err
}
