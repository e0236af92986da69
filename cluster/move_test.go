package cluster_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// moveResult is what a decision's result says of a move.
type moveResult struct {
	Action   policy.ActionKind
	Node     string
	Sessions []string
	Asked    *int
	Error    string
}

// moves are the moves that results tell of, as last written.
func (w *world) moves(t *testing.T) []moveResult {
	t.Helper()
	var moves []moveResult
	for _, raw := range w.db.results {
		var list []moveResult
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if m.Action == policy.ActionMove {
				moves = append(moves, m)
			}
		}
	}
	return moves
}

// crowd puts clients on a node that want a tenth of it each, for a long time.
func (w *world) crowd(n *simNode, clients int) {
	for i := range clients {
		c := &simClient{id: fmt.Sprintf("crowd%02d", i), wanted: nodeBps / 10, left: 1e12, movable: true, node: n, since: w.now}
		w.clients, n.sessions = append(w.clients, c), append(n.sessions, c)
	}
}

func (w *world) busiest() (most int) {
	for _, n := range w.sortedNodes() {
		most = max(most, len(n.sessions))
	}
	return most
}

func (w *world) connected() (n int) {
	for _, c := range w.clients {
		if c.node != nil {
			n++
		}
	}
	return n
}

func TestCrowdedSessionsMoveToNodesWithRoom(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	w.crowd(w.sortedNodes()[0], 20)
	w.until(t, 10*time.Minute, "at most eight tenths on each node", func() bool { return w.busiest() <= 8 && w.connected() == 20 })
	asked := 0
	for _, m := range w.moves(t) {
		if m.Asked != nil {
			asked += *m.Asked
		}
		if m.Error != "" {
			t.Errorf("%s could not be asked: %s", m.Node, m.Error)
		}
	}
	if asked < 12 || asked > 20 || w.met["came back"] > 0 {
		t.Errorf("%d sessions were asked to move, %d came back; twelve had to go", asked, w.met["came back"])
	}
	before := w.met["moved by request"]
	w.pass(3 * time.Minute)
	if w.met["moved by request"] != before || w.busiest() > 8 {
		t.Errorf("sessions go on moving when nobody is held: %d after %d, busiest %d", w.met["moved by request"], before, w.busiest())
	}
}

func TestAMoveThatIsNotHeardIsRecordedAndMadeAgain(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	n := w.sortedNodes()[0]
	w.crowd(n, 12)
	n.deaf = true
	w.until(t, 2*time.Minute, "a move that fails", func() bool {
		moves := w.moves(t)
		return len(moves) > 0 && moves[len(moves)-1].Error != ""
	})
	if n.deaf = false; len(n.sessions) != 12 {
		t.Fatalf("%d sessions are left on a node that heard nothing", len(n.sessions))
	}
	w.until(t, 3*time.Minute, "the move made again", func() bool { return w.busiest() <= 8 && w.connected() == 12 })
	if row := w.db.rows[n.id]; row.State != statestore.NodeRunning {
		t.Errorf("the node is %s", row.State)
	}
}
