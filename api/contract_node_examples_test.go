package api_test

import (
	"net/http"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

var nodeExamples = map[string]func(*scene) ask{
	"list-nodes":       func(s *scene) ask { return ask{query: "cluster=" + s.node().ClusterID} },
	"get-node":         func(s *scene) ask { return ask{at: at{"node": s.node().ID}} },
	"list-node-events": func(s *scene) ask { return ask{at: at{"node": s.node().ID}} },
	"drain-node":       func(s *scene) ask { return ask{at: at{"node": s.node().ID}, body: `{"reason":"tidy up"}`} },
	"undrain-node":     func(s *scene) ask { return ask{at: at{"node": s.draining().ID}} },
	"terminate-node":   func(s *scene) ask { return ask{at: at{"node": s.node().ID}, body: `{"force":true}`} },
}

// draining is a node that an operator drains.
func (s *scene) draining() statestore.Node {
	s.t.Helper()
	n := s.node()
	s.must(http.StatusAccepted, "POST", "/api/v1/nodes/"+n.ID+"/drain", nil, s.admin)
	n, err := s.store.Nodes.Transition(s.t.Context(), storetest.Term(s.t, s.store), n.ID,
		[]statestore.NodeState{statestore.NodeRunning}, statestore.NodeDraining, "asked for", func(*statestore.Node) {})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
