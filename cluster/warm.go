package cluster

import (
	"context"
	"encoding/json"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/mixed"
	"github.com/godwit/godwit/provisioner/offering"
	"github.com/godwit/godwit/statestore"
)

// driveStop stops the instance of a node on its way to the warm pool; the row is
// stopped once the provider says that the instance is.
func (r *Reconciler) driveStop(ctx context.Context, b *round, n *statestore.Node) {
	id, term, memory := n.ID, b.term, b.memory
	r.effect(ctx, "stop "+id, "stop a node", func(ctx context.Context) error {
		node, provider, err := r.warmNode(ctx, term, id, statestore.NodeStopping)
		if err != nil {
			return err
		}
		// What it said before is not what it says when it comes back.
		r.config.Fleet.Forget(id)
		if err := provider.Stop(ctx, []string{node.InstanceID})[0].Err; err != nil {
			return r.warmFailed(ctx, term, memory, node, err)
		}
		instance, err := provider.Get(ctx, node.InstanceID)
		switch {
		case err != nil:
			return r.warmFailed(ctx, term, memory, node, err)
		case instance.State != provisioner.Stopped:
			return errEnding
		}
		_, err = r.config.Store.MoveNode(ctx, term, id, []statestore.NodeState{statestore.NodeStopping},
			statestore.NodeStopped, "its instance has stopped and is kept", nil)
		if err == nil {
			r.reserved.drop(id)
			r.log.Info("node stopped", "node", node.Name)
			r.config.Changed(node.ClusterID, "nodes")
		}
		return err
	})
}

// driveStart starts the instance of a node that leaves the warm pool, and starts
// it again should it stop before it has reported; policy bounds how long.
func (r *Reconciler) driveStart(ctx context.Context, b *round, n *statestore.Node) {
	list := r.inventory.get(n.Provider)
	if seen, ok := list.find(n.InstanceID); ok && list.AskedAt.After(n.StateSince) && seen.State == provisioner.Running && addressed(n, seen) {
		return // now it is the node's turn
	}
	id, term, memory := n.ID, b.term, b.memory
	r.effect(ctx, "start "+id, "start a node", func(ctx context.Context) error {
		node, provider, err := r.warmNode(ctx, term, id, statestore.NodeStarting)
		if err != nil {
			return err
		}
		instance, err := provider.Get(ctx, node.InstanceID)
		if err != nil {
			return r.warmFailed(ctx, term, memory, node, err)
		}
		switch instance.State {
		case provisioner.Running:
			if addressed(&node, instance) {
				return nil
			}
			// A cloud may give it another address than before.
			_, err := r.config.Store.MoveNode(ctx, term, id, []statestore.NodeState{statestore.NodeStarting},
				statestore.NodeStarting, "", func(row *statestore.Node) {
					row.PublicAddress, row.PrivateAddress = "", ""
					recordInstance(row, instance)
				})
			return err
		case provisioner.Stopped, provisioner.Pending: // pending: a start that a crash cut short
			if err := provider.Start(ctx, []string{node.InstanceID})[0].Err; err != nil {
				return r.warmFailed(ctx, term, memory, node, err)
			}
		case provisioner.Stopping, provisioner.Terminating:
		}
		return errEnding
	})
}

// driveRest stops the instance of a stopped node that runs all the same: a start
// that somebody took back came late, or somebody started it by other means.
func (r *Reconciler) driveRest(ctx context.Context, b *round, n *statestore.Node) {
	list := r.inventory.get(n.Provider)
	seen, ok := list.find(n.InstanceID)
	if !ok || !list.AskedAt.After(n.StateSince) || seen.State == provisioner.Stopped || seen.State == provisioner.Terminating {
		return
	}
	id, term := n.ID, b.term
	r.effect(ctx, "stop "+id, "stop a node again", func(ctx context.Context) error {
		node, provider, err := r.warmNode(ctx, term, id, statestore.NodeStopped)
		if err != nil {
			return err
		}
		r.log.Warn("a stopped node's instance runs; it is stopped again", "node", node.Name, "instance", node.InstanceID)
		r.config.Fleet.Forget(id)
		return provider.Stop(ctx, []string{node.InstanceID})[0].Err
	})
}

// warmNode reads the row again, under the fence: from here on its state stays as
// long as this effect's key is taken, unless an order or policy ends it.
func (r *Reconciler) warmNode(ctx context.Context, term statestore.Term, id string, state statestore.NodeState) (statestore.Node, provisioner.Provider, error) {
	node, err := r.config.Store.MoveNode(ctx, term, id, []statestore.NodeState{state}, state, "", nil)
	if err != nil {
		return node, nil, err
	}
	provider := r.config.Providers[node.Provider]
	if provider == nil {
		return node, nil, unknownProvider(node.Provider)
	}
	return node, provider, nil
}

// warmFailed acts on the class of a failed stop or start. An instance that is
// gone is replaced; a start that the provider refuses goes back to the pool, to
// be tried again later; the rest is repeated until policy gives the node up.
func (r *Reconciler) warmFailed(ctx context.Context, term statestore.Term, memory *memory, node statestore.Node, cause error) error {
	if provisioner.Interrupted(cause) {
		return cause
	}
	to, why := statestore.NodeFailed, cause.Error()
	switch provisioner.ClassOf(cause) {
	case provisioner.Transient, provisioner.Throttled:
		return cause
	case provisioner.NotFound:
		why = "its instance is gone"
	case provisioner.Capacity, provisioner.Quota, provisioner.Unauthorized, provisioner.InvalidTemplate, provisioner.Unsupported:
		if node.State == statestore.NodeStarting {
			to = statestore.NodeStopped
			memory.startFailed(r.now(), node.ID)
		}
	}
	memory.failed(r.now(), &node, why)
	r.log.Warn("warm node", "node", node.Name, "state", node.State, "err", cause)
	_, err := r.config.Store.MoveNode(ctx, term, node.ID, []statestore.NodeState{node.State}, to, why,
		func(row *statestore.Node) {
			if to == statestore.NodeFailed {
				row.FailureReason = why
			}
		})
	return err
}

// addressed says that the row has the instance's addresses.
func addressed(n *statestore.Node, instance provisioner.Instance) bool {
	same := func(row string, all []string) bool {
		if len(all) == 0 || row == "" {
			return true
		}
		for _, address := range all {
			if address == row {
				return true
			}
		}
		return false
	}
	return same(n.PublicAddress, instance.PublicAddresses) && same(n.PrivateAddress, instance.PrivateAddresses)
}

// canStop says that all the cluster's providers have a warm pool.
func (r *Reconciler) canStop(b *round) bool {
	for _, name := range menu(b.template).Providers() {
		if p := r.config.Providers[name]; p == nil || !p.Capabilities().StopStart {
			return false
		}
	}
	return true
}

// stopsSpot says that a provider stops and starts what was bought as spot.
func (r *Reconciler) stopsSpot(provider string) bool {
	p := r.config.Providers[provider]
	return p == nil || !p.Capabilities().Spot || p.Capabilities().StopSpot
}

// noStop says why a node's provider cannot stop it; "": it can, or stops nothing.
func (r *Reconciler) noStop(n *statestore.Node) string {
	if !n.Spot || r.stopsSpot(n.Provider) {
		return ""
	}
	return n.Provider + " does not stop spot instances"
}

// noRefill says why none of the nodes that are launched from a template could be
// stopped; "": some of them can.
func (r *Reconciler) noRefill(t statestore.Template) string {
	offered := menu(t).Offerings
	for _, o := range offered {
		if !r.spotAlone(o) {
			return ""
		}
	}
	return "all that the template offers is spot, which " + offered[0].Provider + " does not stop"
}

// spotAlone says that an offering's nodes are all bought as spot, at a provider
// that does not stop it.
func (r *Reconciler) spotAlone(o mixed.Offering) bool {
	var c offering.Choice
	return !r.stopsSpot(o.Provider) && json.Unmarshal(o.Spec, &c) == nil && c.OnlySpot()
}

// withheld are the offerings that are not asked for a node that is to be stopped.
func (r *Reconciler) withheld(l launching) map[string]bool {
	tried := map[string]bool{}
	for _, o := range menu(l.template).Offerings {
		if l.node.OnDemand && o.Name != "" && r.spotAlone(o) {
			tried[o.Name] = true
		}
	}
	return tried
}

// startFailed notes that the provider refused to start a stopped node.
func (m *memory) startFailed(now time.Time, nodeID string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.m.StartFailed == nil {
		m.m.StartFailed = map[string]time.Time{}
	}
	m.m.StartFailed[nodeID] = now
}

// keepStarts forgets failed starts of nodes that are not in the warm pool.
func (m *memory) keepStarts(nodes []*statestore.Node) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.m.StartFailed) == 0 {
		return
	}
	kept := map[string]time.Time{}
	for _, n := range nodes {
		if at, ok := m.m.StartFailed[n.ID]; ok && (n.State == statestore.NodeStopped || n.State == statestore.NodeStarting) {
			kept[n.ID] = at
		}
	}
	m.m.StartFailed = kept
}
