package cluster

import (
	"maps"
	"sync"
)

// notes are what others than the reconciler found of clusters, by who found it.
// The leader makes conditions of them.
type notes struct {
	mutex sync.Mutex
	by    map[string]map[conditionKey]string
}

// set replaces all that a finder found before.
func (n *notes) set(finder string, found map[conditionKey]string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.by == nil {
		n.by = map[string]map[conditionKey]string{}
	}
	n.by[finder] = found
}

// all that is found now.
func (n *notes) all() map[conditionKey]string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	out := map[conditionKey]string{}
	for _, found := range n.by {
		maps.Copy(out, found)
	}
	return out
}
