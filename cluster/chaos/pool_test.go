package chaos

import (
	"maps"
	"strings"
	"testing"

	"github.com/godwit/godwit/statestore"
)

// pooled says that the history's nodes take their addresses from a pool.
func pooled(seed uint64) bool { return seed%3 == 2 }

// poolSize is enough for what a policy of a history wants in the end, and not for
// its most: pools run out on the way.
const poolSize = 4

// both are the changes of a template of a pool and further ones.
func both(pool, more map[string]any) map[string]any {
	all := maps.Clone(pool)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, more)
	return all
}

// With two addresses of three that are wanted two nodes run, the condition names the
// pool, and little is asked meanwhile. What a node that dies had its replacement gets.
func TestPoolThatIsTooSmallIsSaid(t *testing.T) {
	onEach(t, func(t *testing.T, h *history) {
		pool := h.cloud.pool(2)
		h.policy.MinAvailable = 3
		h.begin(h.cloud.spec(pool))
		said := false
		wait := func() {
			t.Helper()
			for range boundPasses {
				h.pass(func([]machine) {})
				if said = h.tells("capacity_short", "address pool", "has no free address"); said && h.serving() == 2 {
					return
				}
			}
			t.Fatalf("%d nodes serve; the condition names the pool: %v", h.serving(), said)
		}
		wait()
		h.with(func() { h.cloud.kill(h.cloud.machines()[0]) })
		h.pass(func([]machine) {})
		wait()
		h.with(func() { h.policy.MinAvailable = 2; h.db.policy.Policy = asJSON(h.policy); h.db.policy.Version++ })
		h.settles(boundPasses)
		if wrong := h.cloud.unused(); len(wrong) > 0 {
			t.Error(strings.Join(wrong, "; "))
		}
		h.end()
	})
}

func (h *history) serving() (n int) {
	h.with(func() {
		for _, row := range h.db.living() {
			if row.State == statestore.NodeRunning {
				n++
			}
		}
	})
	return n
}

// mismatched are the machines that run without an address of the pool, and the
// addresses that stay with what is no more. has is which a machine has, by its id.
func mismatched(has map[string]string, machines []machine) (wrong []string) {
	for _, m := range machines {
		if has[m.id] == "" && m.running {
			wrong = append(wrong, m.id+" has no address")
		}
		delete(has, m.id)
	}
	for machine, address := range has {
		if machine != "" {
			wrong = append(wrong, address+" stays with "+machine)
		}
	}
	return wrong
}
