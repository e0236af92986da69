package main

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner/azure/armsim"
)

// azureSpec is a template's, of two sizes.
func azureSpec(w wire) map[string]any {
	spec := maps.Clone(w.offering)
	delete(spec, "provider")
	spec["instance_types"] = []string{"Standard_D4s_v5", "Standard_D8s_v5"}
	return spec
}

// A manager as it is shipped has a cluster on Azure: refused templates name their
// field, nodes are launched where there is room, ended and leave nothing behind.
func TestClusterOnAzureLaunchesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w, sim := wireAzure(t, armsim.Secret)
	p := managing(t, w.change)
	spec := azureSpec(w)
	spec["subnets"], spec["instance_types"] = []string{w.badSubnet}, []string{"Standard_D4s_v5", "Standard_Z9"}
	if status, body := p.template("azure", spec); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.subnets[0]"`) || !strings.Contains(body, `"body.spec.instance_types[1]"`) {
		t.Errorf("a template with a subnet and a size that are not there: %d %s", status, body)
	}
	p.must(http.StatusCreated, func() (int, string) { return p.template("azure", azureSpec(w)) })
	w.exhaust()
	for _, n := range p.two() {
		if n.InstanceType != "Standard_D8s_v5" || !strings.HasPrefix(n.Zone, armsim.Region+"-") || !strings.HasPrefix(n.InstanceID, "godwit-") {
			t.Errorf("launched %+v", n)
		}
	}
	if machines := sim.Machines(); len(machines) != 2 || len(sim.Unused()) > 0 {
		t.Errorf("%v for two nodes, and unused: %v", machines, sim.Unused())
	}
	p.leave(w.living, w.left)
}

func TestTemplateOfAWrongSecretIsRefused(t *testing.T) {
	t.Parallel()
	w, sim := wireAzure(t, "wrong")
	p := managing(t, w.change)
	status, body := p.template("azure", azureSpec(w))
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.provider"`) || !strings.Contains(body, "AADSTS7000215") {
		t.Errorf("%d %s", status, body)
	}
	if sim.Creations() > 0 {
		t.Error("a machine was asked for")
	}
}
