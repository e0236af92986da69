package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/gcp/gcesim"
)

// A manager as it is shipped has a cluster on Compute Engine: refused templates
// name their field, nodes are launched where there is room, ended and leave
// nothing behind.
func TestClusterOnComputeEngineLaunchesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	sim := gcesim.New(gcesim.Options{Step: 50 * time.Millisecond, ListLag: 200 * time.Millisecond})
	t.Cleanup(sim.Close)
	p := start(t, dataDir(t), func(cmd *exec.Cmd) {
		cmd.Args = append(cmd.Args, "--gcp-project", gcesim.Project)
		cmd.Env = append(cmd.Env, "GODWIT_TEST_GCP_ENDPOINT="+sim.URL)
	})
	if status, body := p.setUp(p.link(), "ada"); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	spec := map[string]any{
		"region": gcesim.Region, "image_family": "debian-12", "image_project": "debian-cloud",
		"instance_types": []string{"n2-standard-4", "z9-standard-4"}, "subnets": []string{"gone"}, "binary": "image",
	}
	create := func() (int, string) {
		return p.call("POST", "/api/v1/templates", map[string]any{"name": "cloud", "provider": "gcp", "spec": spec})
	}
	if status, body := create(); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.subnets[0]"`) || !strings.Contains(body, `"body.spec.instance_types[1]"`) {
		t.Errorf("a template with a subnetwork and a type that are not there: %d %s", status, body)
	}
	spec["subnets"], spec["instance_types"] = []string{"nodes"}, []string{"n2-standard-4", "n2d-standard-4"}
	if status, body := create(); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	for _, zone := range gcesim.Zones() {
		sim.Exhaust(gcesim.Offering{Zone: zone, Type: "n2-standard-4"}, true)
	}
	if status, body := p.call("POST", "/api/v1/clusters", map[string]any{"name": "cloud", "template": "cloud", "policy": map[string]int{"min_available": 2, "max_nodes": 2}}); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	var nodes struct {
		Items []struct {
			State        string `json:"state"`
			InstanceID   string `json:"instance_id"`
			InstanceType string `json:"instance_type"`
			Zone         string `json:"zone"`
		} `json:"items"`
	}
	p.until("two booting nodes", func() bool {
		status, body := p.call("GET", "/api/v1/nodes", nil)
		if err := json.Unmarshal([]byte(body), &nodes); status != http.StatusOK || err != nil {
			t.Fatalf("%d %s", status, body)
		}
		booting := 0
		for _, n := range nodes.Items {
			if n.State == "booting" {
				booting++
			}
		}
		return booting == 2
	})
	zones := map[string]bool{}
	for _, n := range nodes.Items {
		if n.State != "booting" {
			continue
		}
		zones[n.Zone] = true
		if n.InstanceType != "n2d-standard-4" || !strings.HasPrefix(n.InstanceID, n.Zone+"/godwit-") {
			t.Errorf("launched %+v", n)
		}
		zone, name, _ := strings.Cut(n.InstanceID, "/")
		if !strings.Contains(sim.UserData(zone, name), "bootstrap.json") {
			t.Errorf("%s is not told which node it is", n.InstanceID)
		}
	}
	if len(zones) != 2 || sim.Instances() != 2 {
		t.Errorf("%d instances in %v for two nodes", sim.Instances(), zones)
	}
	if status, body := p.call("DELETE", "/api/v1/clusters/cloud", nil); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	p.until("the end of all instances", func() bool { return sim.Instances() == 0 })
	if left := sim.Disks(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	p.stop()
}
