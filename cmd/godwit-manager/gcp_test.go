package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner/gcp/gcesim"
)

// A manager as it is shipped has a cluster on Compute Engine: refused templates
// name their field, nodes are launched where there is room, ended and leave
// nothing behind.
func TestClusterOnComputeEngineLaunchesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w, sim := wireGCE(t)
	p := managing(t, w.change)
	spec := map[string]any{
		"region": gcesim.Region, "image_family": "debian-12", "image_project": "debian-cloud",
		"instance_types": []string{"n2-standard-4", "z9-standard-4"}, "subnets": []string{"gone"}, "binary": "image",
	}
	if status, body := p.template("gcp", spec); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.subnets[0]"`) || !strings.Contains(body, `"body.spec.instance_types[1]"`) {
		t.Errorf("a template with a subnetwork and a type that are not there: %d %s", status, body)
	}
	spec["subnets"], spec["instance_types"] = []string{"nodes"}, []string{"n2-standard-4", "n2d-standard-4"}
	p.must(http.StatusCreated, func() (int, string) { return p.template("gcp", spec) })
	for _, zone := range gcesim.Zones() {
		sim.Exhaust(gcesim.Offering{Zone: zone, Type: "n2-standard-4"}, true)
	}
	for _, n := range p.two() {
		if n.InstanceType != "n2d-standard-4" || !strings.HasPrefix(n.InstanceID, n.Zone+"/godwit-") {
			t.Errorf("launched %+v", n)
		}
		zone, name, _ := strings.Cut(n.InstanceID, "/")
		if !strings.Contains(sim.UserData(zone, name), "bootstrap.json") {
			t.Errorf("%s is not told which node it is", n.InstanceID)
		}
	}
	if n := sim.Instances(); n != 2 {
		t.Errorf("%d instances for two nodes", n)
	}
	p.leave(sim.Instances, sim.Disks)
}
