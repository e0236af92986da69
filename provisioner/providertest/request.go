package providertest

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/godwit/godwit/provisioner"
)

// Owner of what Request asks for.
var Owner = provisioner.Owner{Installation: "inst", Cluster: "cluster"}

// Spec is a template of these fields with changes; a change to nil leaves the
// field out.
func Spec(t *testing.T, fields, changes map[string]any) json.RawMessage {
	t.Helper()
	all := maps.Clone(fields)
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Request is a launch of the node n of a template.
func Request(n string, raw json.RawMessage) provisioner.LaunchRequest {
	return provisioner.LaunchRequest{
		ClientToken: "token-" + n, NodeID: "node-" + n, NodeName: "name-" + n, Owner: Owner, Spec: raw,
		Bootstrap: provisioner.Bootstrap{ManagerURLs: []string{"https://10.0.0.1:8443"}, CASHA256: "00", NodeID: "node-" + n, Cluster: "c", JoinToken: "join-secret"},
		Tags:      map[string]string{"node": "name-" + n},
	}
}

// Launch launches what must not fail.
func Launch(t *testing.T, p provisioner.Provider, r provisioner.LaunchRequest) provisioner.Instance {
	t.Helper()
	i, err := p.Launch(t.Context(), r)
	if err != nil {
		t.Fatalf("launch: %v", err)
	}
	return i
}
