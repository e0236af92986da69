package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

// A manager as it is shipped, told of a region by flags and of credentials and
// the endpoint by AWS's own variables, has a cluster on EC2: refused templates
// name their field, nodes are launched, ended and leave nothing behind.
func TestClusterOnEC2LaunchesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w, sim := wireEC2(t)
	p := managing(t, w.change)
	spec := map[string]any{
		"image_name": ec2sim.ImageFamily, "instance_types": []string{"m8i.large", "c7i.large"},
		"subnets": []string{ec2sim.SubnetB, ec2sim.SubnetC}, "security_groups": []string{ec2sim.ForeignGroup}, "binary": "image",
	}
	if status, body := p.template("aws", spec); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.security_groups[0]"`) || !strings.Contains(body, `"body.spec.instance_types[0]"`) {
		t.Errorf("a template with a group of another network and a type that no zone has: %d %s", status, body)
	}
	spec["security_groups"], spec["instance_types"] = []string{ec2sim.Group}, []string{"c7i.large", "c6i.large"}
	p.must(http.StatusCreated, func() (int, string) { return p.template("aws", spec) })
	sim.Refuse("c7i.large", "*", "*", "InsufficientInstanceCapacity")
	for _, n := range p.two() {
		if n.InstanceType != "c6i.large" || !strings.HasPrefix(n.InstanceID, ec2sim.Region+"/i-") {
			t.Errorf("launched %+v", n)
		}
		if image := sim.Launched(n.InstanceID)["ImageId"]; image != ec2sim.ImageID {
			t.Errorf("launched from %s, not the newest of the family", image)
		}
	}
	if n := sim.Living(); n != 2 {
		t.Errorf("%d instances for two nodes", n)
	}
	d := p.decidedOnce(2)
	if told := d.Reasons[len(d.Reasons)-1]; told.Code != "passed_over" || !strings.HasPrefix(told.Text, "c7i.large on demand in subnet-") ||
		!strings.Contains(told.Text, ": no capacity (InsufficientInstanceCapacity); ") || !strings.Contains(told.Text, "launched at aws c6i.large in "+ec2sim.Region) {
		t.Errorf("the decision tells %+v", d.Reasons)
	}
	p.leave(sim.Living, sim.Left)
}

// Nobody waits for a cloud that refuses the manager: the template says so.
func TestTemplateOfRefusedCredentialsIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(ec2sim.New(ec2sim.Options{}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	p := managing(t, func(cmd *exec.Cmd) {
		cmd.Args = append(cmd.Args, "--aws-regions", ec2sim.Region)
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID="+ec2sim.Deny, "AWS_SECRET_ACCESS_KEY=secret", "AWS_CA_BUNDLE=")
	})
	spec := json.RawMessage(fmt.Sprintf(`{"image":%q,"instance_types":["c7i.large"],"subnets":[%q],"security_groups":[%q]}`, ec2sim.ImageID, ec2sim.SubnetA, ec2sim.Group))
	status, body := p.template("aws", spec)
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.provider"`) || !strings.Contains(body, "InvalidClientTokenId") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := p.template("gcp-on-mars", spec); status != http.StatusUnprocessableEntity || !strings.Contains(body, "flags of godwit-manager serve") {
		t.Errorf("%d %s", status, body)
	}
}
