package cluster

import (
	"encoding/json"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// Replaces compares two specifications of a provider, or of several, for which
// tags matter only at launch.
func Replaces(provider, was, is, offering string) bool {
	r := &Reconciler{config: Config{Providers: map[string]provisioner.Provider{"sim": tagsOnly{}, "sky": tagsOnly{}}}}
	return r.replaces(statestore.Template{Provider: provider, Spec: json.RawMessage(was)},
		statestore.Template{Provider: provider, Spec: json.RawMessage(is)}, offering)
}

type tagsOnly struct{ provisioner.Provider }

func (tagsOnly) Effect(field string) provisioner.Effect {
	return provisioner.EffectAmong(field, "tags")
}
