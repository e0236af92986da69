package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// inventory is what the providers last listed of this installation.
type inventory struct {
	mutex sync.Mutex
	lists map[string]listing // by provider
}

// listing is one provider's answer. It is never changed once published.
type listing struct {
	// AskedAt is when the call began: what was launched later may be missing.
	AskedAt   time.Time
	Instances []provisioner.Instance
	byNode    map[string][]provisioner.Instance
	byID      map[string]provisioner.Instance
	// Err is the failure of the last call; the instances are then of the one
	// before.
	Err error
}

func (i *inventory) get(provider string) listing {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.lists[provider]
}

func (i *inventory) put(provider string, asked time.Time, instances []provisioner.Instance, err error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.lists == nil {
		i.lists = map[string]listing{}
	}
	if err != nil {
		old := i.lists[provider]
		old.Err = err
		i.lists[provider] = old
		return
	}
	next := listing{
		AskedAt: asked, Instances: instances,
		byNode: map[string][]provisioner.Instance{}, byID: map[string]provisioner.Instance{},
	}
	for _, instance := range instances {
		next.byNode[instance.NodeID] = append(next.byNode[instance.NodeID], instance)
		next.byID[instance.ID] = instance
	}
	i.lists[provider] = next
}

// ofNode returns the instance that carries a node's tag and still lives. With
// several (a duplicate that only a broken token promise can make), the oldest.
func (l listing) ofNode(nodeID string) (provisioner.Instance, bool) {
	var found provisioner.Instance
	for _, instance := range l.byNode[nodeID] {
		if instance.State != provisioner.Terminating && (found.ID == "" || instance.LaunchedAt.Before(found.LaunchedAt)) {
			found = instance
		}
	}
	return found, found.ID != ""
}

// takeStock asks each provider for its list when the last one is old. The calls
// run as effects: a slow cloud does not hold up decisions.
func (r *Reconciler) takeStock(ctx context.Context) {
	now := r.now()
	for name, provider := range r.config.Providers {
		if now.Sub(r.inventory.get(name).AskedAt) < r.config.ListEvery {
			continue
		}
		r.effect(ctx, "list "+name, "list instances", func(ctx context.Context) error {
			asked := r.now()
			instances, err := provider.List(ctx, provisioner.Owner{Installation: r.config.Installation})
			r.inventory.put(name, asked, instances, err)
			return err
		})
	}
}
