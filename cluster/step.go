package cluster

import "github.com/godwit/godwit/statestore"

// step is what one step of all clusters has seen, in the order in which it
// matters: lists, then reports, then rows.
type step struct {
	term  statestore.Term
	lists map[string]listing // by provider
	heard heard
	rows  map[string]*statestore.Node // living ones, by id
	known map[string]bool             // clusters whose rows were read
}

func (r *Reconciler) newStep(term statestore.Term) *step {
	s := &step{
		term: term, lists: make(map[string]listing, len(r.config.Providers)), rows: map[string]*statestore.Node{}, known: map[string]bool{},
	}
	for name := range r.config.Providers {
		s.lists[name] = r.inventory.get(name)
	}
	s.heard = hear(r.config.Fleet)
	return s
}

// read takes a cluster's rows down.
func (s *step) read(b *round) {
	s.known[b.cluster.ID] = true
	for _, n := range b.nodes {
		s.rows[n.ID] = n
	}
}
