package cluster_test

import (
	"encoding/json"
	"fmt"

	"github.com/godwit/godwit/provisioner/mixed"
	"github.com/godwit/godwit/statestore"
)

// offered is the provider of the world's template.
func (w *world) offered() string {
	if w.mixed {
		return mixed.Name
	}
	return "sim"
}

// spec is the world's template in its version, as an operator would have it.
func (w *world) spec() json.RawMessage {
	v := w.db.template.Version
	switch {
	case !w.mixed && w.spot == 4:
		return json.RawMessage(fmt.Sprintf(`{"version":%d,"spot_percent":100,"spot_fallback":false}`, v))
	case !w.mixed:
		return json.RawMessage(fmt.Sprintf(`{"version":%d}`, v))
	case w.spot == 4: // the other cloud sells no spot
		return json.RawMessage(fmt.Sprintf(
			`{"offerings":[{"provider":"sim","version":%d,"spot_percent":100,"spot_fallback":false},{"name":"dear","provider":"sky","version":%d}]}`, v, v))
	}
	prefer := []string{"order", "price", "balance"}[int(v)%3]
	return json.RawMessage(fmt.Sprintf(
		`{"prefer":%q,"offerings":[{"provider":"sim","version":%d,"price_per_hour":2},{"name":"dear","provider":"sky","version":%d,"price_per_hour":3}]}`, prefer, v, v))
}

// instanceOf is the machine that a row says it has, where it says that it is.
func (w *world) instanceOf(row *statestore.Node) *simInstance {
	for _, c := range w.clouds() {
		if c.name == row.Provider {
			return c.instances[row.InstanceID]
		}
	}
	return nil
}
