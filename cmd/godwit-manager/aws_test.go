package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

// A manager as it is shipped, told of a region by flags and of credentials and
// the endpoint by AWS's own variables, has a cluster on EC2: refused templates
// name their field, nodes are launched, ended and leave nothing behind.
func TestClusterOnEC2LaunchesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	sim := ec2sim.New(ec2sim.Options{Lag: 200 * time.Millisecond, Boot: 200 * time.Millisecond, End: 200 * time.Millisecond})
	server := httptest.NewServer(sim)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	p := start(t, dataDir(t), func(cmd *exec.Cmd) {
		cmd.Args = append(cmd.Args, "--aws-regions", ec2sim.Region)
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=AKIASIM", "AWS_SECRET_ACCESS_KEY=secret",
			"AWS_CA_BUNDLE=", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent")
	})
	if status, body := p.setUp(p.link(), "ada"); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	spec := map[string]any{
		"image_name": ec2sim.ImageFamily, "instance_types": []string{"m8i.large", "c7i.large"},
		"subnets": []string{ec2sim.SubnetB, ec2sim.SubnetC}, "security_groups": []string{ec2sim.ForeignGroup}, "binary": "image",
	}
	create := func() (int, string) {
		return p.call("POST", "/api/v1/templates", map[string]any{"name": "cloud", "provider": "aws", "spec": spec})
	}
	if status, body := create(); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.security_groups[0]"`) || !strings.Contains(body, `"body.spec.instance_types[0]"`) {
		t.Errorf("a template with a group of another network and a type that no zone has: %d %s", status, body)
	}
	spec["security_groups"], spec["instance_types"] = []string{ec2sim.Group}, []string{"c7i.large", "c6i.large"}
	if status, body := create(); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	sim.Refuse("c7i.large", "*", "*", "InsufficientInstanceCapacity")
	if status, body := p.call("POST", "/api/v1/clusters", map[string]any{"name": "cloud", "template": "cloud", "policy": map[string]int{"min_available": 2, "max_nodes": 2}}); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	var nodes struct {
		Items []struct {
			ID           string `json:"id"`
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
		if n.State == "booting" {
			zones[n.Zone] = true
			if n.InstanceType != "c6i.large" || !strings.HasPrefix(n.InstanceID, ec2sim.Region+"/i-") {
				t.Errorf("launched %+v", n)
			}
			if image := sim.Launched(n.InstanceID)["ImageId"]; image != ec2sim.ImageID {
				t.Errorf("launched from %s, not the newest of the family", image)
			}
		}
	}
	if len(zones) != 2 {
		t.Errorf("two nodes are in %v", zones)
	}
	if n := sim.Living(); n != 2 {
		t.Errorf("%d instances for two nodes", n)
	}
	if status, body := p.call("DELETE", "/api/v1/clusters/cloud", nil); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	p.until("the end of all instances", func() bool { return sim.Living() == 0 })
	if left := sim.Left(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	p.stop()
}

// Nobody waits for a cloud that refuses the manager: the template says so.
func TestTemplateOfRefusedCredentialsIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(ec2sim.New(ec2sim.Options{}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	p := start(t, dataDir(t), func(cmd *exec.Cmd) {
		cmd.Args = append(cmd.Args, "--aws-regions", ec2sim.Region)
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID="+ec2sim.Deny, "AWS_SECRET_ACCESS_KEY=secret", "AWS_CA_BUNDLE=")
	})
	if status, body := p.setUp(p.link(), "ada"); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	spec := json.RawMessage(fmt.Sprintf(`{"image":%q,"instance_types":["c7i.large"],"subnets":[%q],"security_groups":[%q]}`, ec2sim.ImageID, ec2sim.SubnetA, ec2sim.Group))
	status, body := p.call("POST", "/api/v1/templates", map[string]any{"name": "cloud", "provider": "aws", "spec": spec})
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.provider"`) || !strings.Contains(body, "InvalidClientTokenId") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := p.call("POST", "/api/v1/templates", map[string]any{"name": "cloud", "provider": "gcp-on-mars", "spec": spec}); status != http.StatusUnprocessableEntity || !strings.Contains(body, "flags of godwit-manager serve") {
		t.Errorf("%d %s", status, body)
	}
}
