package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/aws/ec2sim"
	"github.com/godwit/godwit/provisioner/gcp/gcesim"
)

// A cluster whose template offers EC2 first and Compute Engine second, at a
// manager as it is shipped, while EC2 has no room: one decision, both nodes at
// Google, and the decision says why, to programs and to people.
func TestClusterOfTwoCloudsGoesToTheSecondWithinOneEvaluation(t *testing.T) {
	t.Parallel()
	ec2 := ec2sim.New(ec2sim.Options{Lag: 200 * time.Millisecond, Boot: 200 * time.Millisecond, End: 200 * time.Millisecond})
	server := httptest.NewServer(ec2)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	gce := gcesim.New(gcesim.Options{Step: 50 * time.Millisecond, ListLag: 200 * time.Millisecond})
	t.Cleanup(gce.Close)
	p := start(t, dataDir(t), func(cmd *exec.Cmd) {
		cmd.Args = append(cmd.Args, "--aws-regions", ec2sim.Region, "--gcp-project", gcesim.Project)
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=AKIASIM", "AWS_SECRET_ACCESS_KEY=secret",
			"AWS_CA_BUNDLE=", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "GODWIT_TEST_GCP_ENDPOINT="+gce.URL)
	})
	if status, body := p.setUp(p.link(), "ada"); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	aws := map[string]any{
		"provider": "aws", "image_name": ec2sim.ImageFamily, "instance_types": []string{"c7i.large"}, "binary": "image",
		"subnets": []string{ec2sim.SubnetA}, "security_groups": []string{ec2sim.Group},
	}
	gcp := map[string]any{
		"provider": "gcp", "name": "belgium", "region": gcesim.Region, "image_family": "debian-12", "image_project": "debian-cloud",
		"instance_types": []string{"n2-standard-4"}, "subnets": []string{"gone"}, "binary": "image",
	}
	create := func() (int, string) {
		return p.call("POST", "/api/v1/templates", map[string]any{"name": "both", "provider": "mixed", "spec": map[string]any{"offerings": []any{aws, gcp}}})
	}
	if status, body := create(); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.offerings[1].subnets[0]"`) {
		t.Errorf("a template whose second offering has a subnetwork that is not there: %d %s", status, body)
	}
	gcp["subnets"] = []string{"nodes"}
	if status, body := create(); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	ec2.Refuse("*", "*", "*", "InsufficientInstanceCapacity")
	if status, body := p.call("POST", "/api/v1/clusters", map[string]any{"name": "both", "template": "both", "policy": map[string]int{"min_available": 2, "max_nodes": 2}}); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	type node struct {
		State    string `json:"state"`
		Provider string `json:"provider"`
		Offering string `json:"offering"`
		Zone     string `json:"zone"`
	}
	var nodes struct{ Items []node }
	p.until("two booting nodes", func() bool {
		p.get("/api/v1/nodes", &nodes)
		return len(nodes.Items) == 2 && nodes.Items[0].State == "booting" && nodes.Items[1].State == "booting"
	})
	for _, n := range nodes.Items {
		if n.Provider != "gcp" || n.Offering != "belgium" || !strings.HasPrefix(n.Zone, gcesim.Region) {
			t.Errorf("launched %+v", n)
		}
	}
	if ec2.Living() != 0 || gce.Instances() != 2 {
		t.Errorf("%d instances at EC2, %d at Google", ec2.Living(), gce.Instances())
	}

	var decisions struct {
		Items []struct {
			ID      string `json:"id"`
			Summary string `json:"summary"`
			Reasons []struct{ Code, Text string }
		}
	}
	p.get("/api/v1/decisions?action=launch", &decisions)
	if len(decisions.Items) != 1 {
		t.Fatalf("%d decisions to launch: %+v", len(decisions.Items), decisions.Items)
	}
	d := decisions.Items[0]
	reason := d.Reasons[len(d.Reasons)-1]
	for _, part := range []string{"aws c7i.large on demand in " + ec2sim.SubnetA + ": no capacity (InsufficientInstanceCapacity); 2 nodes launched at gcp n2-standard-4 in " + gcesim.Region} {
		if reason.Code != "passed_over" || !strings.HasPrefix(reason.Text, part) || !strings.Contains(d.Summary, part) {
			t.Errorf("the decision's last reason: %+v\nsummary: %s", reason, d.Summary)
		}
	}
	if said := p.godwit("decision", "get", d.ID); !strings.Contains(said, "- "+reason.Text) {
		t.Errorf("godwit decision get: %s", said)
	}

	if status, body := p.call("DELETE", "/api/v1/clusters/both", nil); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	p.until("the end of all instances", func() bool { return gce.Instances() == 0 && ec2.Living() == 0 })
	if left := append(ec2.Left(), gce.Disks()...); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	p.stop()
}

func (p *process) get(path string, into any) {
	p.t.Helper()
	status, body := p.call("GET", path, nil)
	if err := json.Unmarshal([]byte(body), into); status != http.StatusOK || err != nil {
		p.t.Fatalf("%s: %d %s", path, status, body)
	}
}

// godwit runs the command line tool as an operator of the manager.
func (p *process) godwit(args ...string) string {
	p.t.Helper()
	bin := filepath.Join(p.t.TempDir(), "godwit")
	if out, err := exec.CommandContext(p.t.Context(), "go", "build", "-o", bin, "github.com/godwit/godwit/cmd/godwit").CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	var token struct{ Token string }
	status, body := p.call("POST", "/api/v1/api-tokens", map[string]any{"name": "cli", "role": "viewer"})
	if err := json.Unmarshal([]byte(body), &token); status != http.StatusCreated || err != nil {
		p.t.Fatalf("%d %s", status, body)
	}
	at, err := url.Parse(p.facts.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(p.t.Context(), bin, args...)
	cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+filepath.Join(p.t.TempDir(), "none"), "GODWIT_TOKEN="+token.Token,
		"GODWIT_MANAGER=https://"+at.Host+"#sha256="+p.facts.CASHA256)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("godwit %v: %v\n%s", args, err, out)
	}
	return string(out)
}
