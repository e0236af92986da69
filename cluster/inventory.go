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
	Took      time.Duration
	Instances []provisioner.Instance
	byNode    map[string]int // the node's own, see ofNode
	byID      map[string]int
	// Err is the failure of the last call; the instances are then of the one
	// before.
	Err error
}

func (i *inventory) get(provider string) listing {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.lists[provider]
}

func (i *inventory) put(provider string, asked time.Time, took time.Duration, instances []provisioner.Instance, err error) {
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
		AskedAt: asked, Took: took, Instances: instances,
		byNode: make(map[string]int, len(instances)), byID: make(map[string]int, len(instances)),
	}
	for n := range instances {
		instance := &instances[n]
		next.byID[instance.ID] = n
		if instance.State == provisioner.Terminating {
			continue
		}
		if known, twin := next.byNode[instance.NodeID]; !twin || instance.LaunchedAt.Before(instances[known].LaunchedAt) {
			next.byNode[instance.NodeID] = n
		}
	}
	i.lists[provider] = next
}

// ofNode returns the instance that carries a node's tag and still lives. With
// several (a duplicate that only a broken token promise can make), the oldest.
func (l listing) ofNode(nodeID string) (provisioner.Instance, bool) {
	n, ok := l.byNode[nodeID]
	if !ok {
		return provisioner.Instance{}, false
	}
	return l.Instances[n], true
}

// find returns the instance with the id.
func (l listing) find(id string) (provisioner.Instance, bool) {
	n, ok := l.byID[id]
	if !ok {
		return provisioner.Instance{}, false
	}
	return l.Instances[n], true
}

// A provider is listed for at most a third of the time: a list of thousands
// takes many calls, and the quota for calls is for launches too.
const (
	listShare   = 2
	longestRest = 10 * time.Second
)

// fresh says that it is too early for the next list.
func (l listing) fresh(now time.Time, every time.Duration) bool {
	return now.Sub(l.AskedAt) < max(every, min(listShare*l.Took, longestRest))
}

// takeStock asks each provider for its list when the last one is old: one for
// all clusters and for everyone who wants to know. The calls run as effects: a
// slow cloud does not hold up decisions.
func (r *Reconciler) takeStock(ctx context.Context) {
	now := r.now()
	for _, name := range r.providers {
		provider := r.config.Providers[name]
		if r.inventory.get(name).fresh(now, r.config.ListEvery) {
			continue
		}
		r.effect(ctx, "list "+name, "list instances", func(ctx context.Context) error {
			asked := r.now()
			instances, err := provider.List(ctx, provisioner.Owner{Installation: r.config.Installation})
			r.inventory.put(name, asked, r.now().Sub(asked), instances, err)
			return err
		})
	}
}
