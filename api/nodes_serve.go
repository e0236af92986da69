package api

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/statestore"
)

// nodeView joins a node's row with what it last reported.
func (s *Server) nodeView(p *picture, n *statestore.Node) Node {
	out := Node{
		ID: n.ID, Name: n.Name, Cluster: p.clusterRef(n.ClusterID), State: string(n.State), Pool: string(n.Pool), Since: n.StateSince,
		Provider: n.Provider, Offering: n.Offering, InstanceID: n.InstanceID, Region: n.Region, Zone: n.Zone,
		InstanceType: n.InstanceType, Spot: n.Spot, TemplateVersion: n.TemplateVersion, ConfigVersion: n.ConfigVersion, Address: n.PublicAddress, Port: n.TransferPort,
		CertSHA256: n.CertSHA256, Version: n.SoftwareVersion, DrainReason: n.DrainReason, DrainDeadline: n.DrainDeadline,
		FailureReason: n.FailureReason, RequestedAt: n.RequestedAt, RunningAt: n.RunningAt, EndedAt: n.TerminatedAt,
		ReportedAt: n.LastReportAt, Services: []Service{},
	}
	if out.Address == "" {
		out.Address = n.PrivateAddress
	}
	if n.State == statestore.NodeTerminated {
		return out
	}
	v, live := s.fleet.Node(n.ID)
	if !live || v.Facts == nil {
		return out
	}
	f := v.Facts
	at := v.At.UTC()
	out.ReportedAt, out.Sessions, out.MaxSessions = &at, len(v.Sessions), int(f.GetMaxSessions())
	out.SendCapBps, out.ReceiveCapBps = int64(f.GetSendCapBps()), int64(f.GetReceiveCapBps())
	if f.GetAgentVersion() != "" {
		out.Version = f.GetAgentVersion()
	}
	for _, sv := range f.GetServices() {
		out.Services = append(out.Services, serviceView(sv))
	}
	if !v.Stale(s.now()) {
		out.SendBps, out.ReceiveBps = int64(f.GetSendBps()), int64(f.GetReceiveBps())
		out.Utilization = p.utilization(n.ID, v)
	}
	return out
}

func serviceView(sv *report.Service) Service {
	out := Service{
		Name: sv.GetName(), State: sv.GetState(), Healthy: sv.GetState() == "healthy",
		Restarts: int(sv.GetRestarts()), LastError: sv.GetDetail(),
	}
	if out.LastError == "" {
		out.LastError = sv.GetLastError()
	}
	ms := sv.GetStartedUnixMs()
	if ms == 0 { // of a node that is one release older
		ms = sv.GetSinceUnixMs()
	}
	if ms > 0 {
		at := time.UnixMilli(ms).UTC()
		out.StartedAt = &at
	}
	return out
}

// utilization shows the raw signals of the last report, and the value and signal that the last decision used. Before the
// first decision the largest raw signal stands in.
func (p *picture) utilization(id string, v *fleet.NodeView) *Utilization {
	f := v.Facts
	u := &Utilization{
		Send: ratio(f.GetSendBps(), f.GetSendCapBps()), Receive: ratio(f.GetReceiveBps(), f.GetReceiveCapBps()),
		CPU: f.GetCpuMachine(), Buffer: f.GetBufferFill(), Sessions: ratio(float64(len(v.Sessions)), float64(f.GetMaxSessions())),
	}
	if a, ok := p.pools[id]; ok && a.Signal != "" {
		u.Value, u.Signal = a.Utilization, string(a.Signal)
		return u
	}
	for _, sig := range []struct {
		name  string
		value float64
	}{{"send", u.Send}, {"receive", u.Receive}, {"cpu", u.CPU}, {"buffer", u.Buffer}, {"sessions", u.Sessions}} {
		if u.Signal == "" || sig.value > u.Value {
			u.Value, u.Signal = sig.value, sig.name
		}
	}
	return u
}

func ratio(x, limit float64) float64 {
	if limit <= 0 {
		return 0
	}
	return x / limit
}

func (s *Server) flockNode(p *picture, n *statestore.Node) FlockNode {
	out := FlockNode{ID: n.ID, Name: n.Name, ClusterID: n.ClusterID, State: string(n.State), Pool: string(n.Pool)}
	v, live := s.fleet.Node(n.ID)
	if !live || v.Facts == nil || v.Stale(s.now()) {
		return out
	}
	u := p.utilization(n.ID, v)
	out.Utilization, out.Signal, out.Sessions = u.Value, u.Signal, len(v.Sessions)
	out.SendBps, out.ReceiveBps = int64(v.Facts.GetSendBps()), int64(v.Facts.GetReceiveBps())
	return out
}

// listNodes lists from the picture, newest first; ended ones come from the store.
func (s *Server) listNodes(ctx context.Context, in *nodesIn) (*body[Page[Node]], error) {
	clusterID, err := s.clusterID(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	for _, st := range in.State {
		if !statestore.NodeState(st).Valid() {
			return nil, invalid("query.state", "%q is no state of a node", st)
		}
	}
	p := s.flock.current()
	match := func(n *statestore.Node) bool {
		return (clusterID == "" || n.ClusterID == clusterID) && (len(in.State) == 0 || slices.Contains(in.State, string(n.State))) &&
			(len(in.Pool) == 0 || slices.Contains(in.Pool, string(n.Pool))) && matches(in.Search, n.Name, n.ID, n.InstanceID, n.PublicAddress)
	}
	if in.Ended || slices.Contains(in.State, string(statestore.NodeTerminated)) {
		return s.listAllNodes(ctx, in, clusterID, match)
	}
	after, err := idCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	out := Page[Node]{Items: []Node{}}
	for i := len(p.nodes) - 1; i >= 0; i-- {
		n := &p.nodes[i]
		if after != "" && n.ID >= after || !match(n) {
			continue
		}
		if len(out.Items) == in.Limit {
			out.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(out.Items[in.Limit-1].ID))
			break
		}
		out.Items = append(out.Items, s.nodeInList(p, n, in.History))
	}
	return ok(out), nil
}

func (s *Server) listAllNodes(ctx context.Context, in *nodesIn, clusterID string, match func(*statestore.Node) bool) (*body[Page[Node]], error) {
	filter := statestore.NodeFilter{ClusterID: clusterID}
	for _, st := range in.State {
		filter.States = append(filter.States, statestore.NodeState(st))
	}
	l, err := s.store.Nodes.List(ctx, filter, in.page())
	if err != nil {
		return nil, cursorError(err)
	}
	p := s.flock.current()
	out := Page[Node]{Items: []Node{}, NextCursor: l.Next}
	for i := range l.Items {
		if match(&l.Items[i]) {
			out.Items = append(out.Items, s.nodeInList(p, &l.Items[i], in.History))
		}
	}
	return ok(out), nil
}

// nodeInList leaves the history out unless it is asked for: for a page of nodes it outweighs all the rest.
func (s *Server) nodeInList(p *picture, n *statestore.Node, history bool) Node {
	v := s.nodeView(p, n)
	if history {
		v.History = s.series.node(n.ID)
	}
	return v
}

func idCursor(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	id, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", invalid("query.cursor", "is not one that this list gave")
	}
	if _, err := statestore.IDTime(string(id)); err != nil {
		return "", invalid("query.cursor", "is not one that this list gave")
	}
	return string(id), nil
}

// matches reports whether one of the texts holds the search, whatever the case. An empty search matches.
func matches(search string, texts ...string) bool {
	if search == "" {
		return true
	}
	search = strings.ToLower(search)
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), search) })
}

// findNode takes an id, or the name of a node that is not ended.
func (s *Server) findNode(ctx context.Context, t *statestore.Tables, name string) (statestore.Node, error) {
	n, err := t.Nodes.Get(ctx, name)
	if !errors.Is(err, statestore.ErrNotFound) {
		return n, err
	}
	for _, alive := range s.flock.current().nodes {
		if alive.Name == name {
			return t.Nodes.Get(ctx, alive.ID)
		}
	}
	// Events and decisions go on naming a node that has ended.
	if n, err = t.Nodes.ByName(ctx, name); errors.Is(err, statestore.ErrNotFound) {
		return n, notFound("node", name)
	}
	return n, err
}

func (s *Server) getNode(ctx context.Context, in *nodeIn) (*body[Node], error) {
	n, err := s.findNode(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	view := s.nodeView(s.flock.current(), &n)
	view.History = s.series.node(n.ID)
	return ok(view), nil
}

func (s *Server) listNodeEvents(ctx context.Context, in *nodeEventsIn) (*body[Page[NodeEvent]], error) {
	n, err := s.findNode(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Nodes.Events(ctx, n.ID, in.page())
	return paged(l, err, func(e statestore.NodeEvent) NodeEvent {
		return NodeEvent{ID: e.ID, At: e.At, From: string(e.FromState), To: string(e.ToState), Text: e.Reason}
	})
}

func (s *Server) drainNode(ctx context.Context, in *drainIn) (*body[Node], error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return s.order(ctx, in.ID, statestore.OrderDrain, reason, func(n statestore.Node) error {
		switch n.State {
		case statestore.NodeRunning, statestore.NodeDraining, statestore.NodeRequested, statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeStarting:
			return nil
		}
		return conflict("node %s is %s; only a node that runs or is on its way can be drained", n.Name, n.State)
	})
}

func (s *Server) undrainNode(ctx context.Context, in *nodeIn) (*body[Node], error) {
	return s.order(ctx, in.ID, statestore.OrderUndrain, "", func(n statestore.Node) error {
		// An order to drain that is not yet carried out can be taken back, too.
		if n.State == statestore.NodeDraining || n.OrderAction == statestore.OrderDrain {
			return nil
		}
		return conflict("node %s is %s, not draining", n.Name, n.State)
	})
}

func (s *Server) terminateNode(ctx context.Context, in *terminateIn) (*body[Node], error) {
	order, reason := statestore.OrderTerminate, ""
	if in.Body != nil {
		reason = in.Body.Reason
		if in.Body.Force {
			order = statestore.OrderKill
		}
	}
	return s.order(ctx, in.ID, order, reason, func(n statestore.Node) error {
		if n.State == statestore.NodeTerminated || n.State == statestore.NodeTerminating {
			return conflict("node %s is %s already", n.Name, n.State)
		}
		v, live := s.fleet.Node(n.ID)
		if live && len(v.Sessions) > 0 && order != statestore.OrderKill {
			return conflict("node %s serves %d sessions; drain it, or force: they resume on another node", n.Name, len(v.Sessions))
		}
		return nil
	})
}

// order writes down what the leader is to do with a node.
func (s *Server) order(ctx context.Context, name string, order statestore.NodeOrder, reason string, check func(statestore.Node) error) (*body[Node], error) {
	var n statestore.Node
	err := s.change(ctx, string(order), "node", func(tx *statestore.Tables, a *trail) error {
		old, err := s.findNode(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := check(old); err != nil {
			return err
		}
		by := a.by.actor()
		if reason != "" {
			by += ": " + reason
		}
		n, err = tx.Nodes.Order(ctx, old.ID, order, by)
		a.id, a.before = old.ID, map[string]any{"name": old.Name, "state": old.State}
		a.after = map[string]any{"order": order, "reason": reason}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return ok(s.nodeView(s.flock.current(), &n)), nil
}
