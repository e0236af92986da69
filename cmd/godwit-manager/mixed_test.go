package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/aws/ec2sim"
	"github.com/godwit/godwit/provisioner/gcp/gcesim"
)

// twoClouds is a manager as it is shipped, with both clouds on the wire, and a
// template's offerings at them, EC2 first.
func twoClouds(t *testing.T) (p *process, ec2 *ec2sim.Sim, gce *gcesim.Cloud, offerings []map[string]any) {
	t.Helper()
	ec2 = ec2sim.New(ec2sim.Options{Lag: 200 * time.Millisecond, Boot: 200 * time.Millisecond, End: 200 * time.Millisecond})
	server := httptest.NewServer(ec2)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	gce = gcesim.New(gcesim.Options{Step: 50 * time.Millisecond, ListLag: 200 * time.Millisecond})
	t.Cleanup(gce.Close)
	p = managing(t, func(cmd *exec.Cmd) {
		cmd.Args = append(cmd.Args, "--aws-regions", ec2sim.Region, "--gcp-project", gcesim.Project)
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=AKIASIM", "AWS_SECRET_ACCESS_KEY=secret",
			"AWS_CA_BUNDLE=", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "GODWIT_TEST_GCP_ENDPOINT="+gce.URL)
	})
	return p, ec2, gce, []map[string]any{
		{
			"provider": "aws", "image_name": ec2sim.ImageFamily, "instance_types": []string{"c7i.large"}, "binary": "image",
			"subnets": []string{ec2sim.SubnetA}, "security_groups": []string{ec2sim.Group},
		},
		{
			"provider": "gcp", "name": "belgium", "region": gcesim.Region, "image_family": "debian-12", "image_project": "debian-cloud",
			"instance_types": []string{"n2-standard-4"}, "subnets": []string{"nodes"}, "binary": "image",
		},
	}
}

// While EC2 has no room: one decision, both nodes at Google, and the decision
// says why, to programs and to people.
func TestClusterOfTwoCloudsGoesToTheSecondWithinOneEvaluation(t *testing.T) {
	t.Parallel()
	p, ec2, gce, offerings := twoClouds(t)
	spec := map[string]any{"offerings": offerings}
	offerings[1]["subnets"] = []string{"gone"}
	if status, body := p.template("mixed", spec); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.offerings[1].subnets[0]"`) {
		t.Errorf("a template whose second offering has a subnetwork that is not there: %d %s", status, body)
	}
	offerings[1]["subnets"] = []string{"nodes"}
	p.must(http.StatusCreated, func() (int, string) { return p.template("mixed", spec) })
	ec2.Refuse("*", "*", "*", "InsufficientInstanceCapacity")
	for _, n := range p.two() {
		if n.Provider != "gcp" || n.Offering != "belgium" || !strings.HasPrefix(n.Zone, gcesim.Region) {
			t.Errorf("launched %+v", n)
		}
	}
	var rows struct{ Items []launched }
	p.get("/api/v1/nodes", &rows)
	if ec2.Living() != 0 || gce.Instances() != 2 || len(rows.Items) != 2 {
		t.Errorf("%d instances at EC2, %d at Google, %d rows", ec2.Living(), gce.Instances(), len(rows.Items))
	}
	d := p.decidedOnce(2)
	told := d.Reasons[len(d.Reasons)-1]
	want := "aws c7i.large on demand in " + ec2sim.SubnetA + ": no capacity (InsufficientInstanceCapacity); 2 nodes launched at gcp n2-standard-4 in " + gcesim.Region
	if told.Code != "passed_over" || !strings.HasPrefix(told.Text, want) || !strings.Contains(d.Summary, told.Text) {
		t.Errorf("the decision's last reason: %+v\nsummary: %s", told, d.Summary)
	}
	if said := p.godwit("decision", "get", d.ID); !strings.Contains(said, "- "+told.Text) {
		t.Errorf("godwit decision get: %s", said)
	}
	p.leave(func() int { return ec2.Living() + gce.Instances() }, func() []string { return append(ec2.Left(), gce.Disks()...) })
}

// An answer that is lost is no refusal: what EC2 made is found, though it has no
// room by then, and nothing is launched at Google.
func TestLostAnswerOfTheFirstCloudLaunchesNothingAtTheSecond(t *testing.T) {
	t.Parallel()
	p, ec2, gce, offerings := twoClouds(t)
	p.must(http.StatusCreated, func() (int, string) { return p.template("mixed", map[string]any{"offerings": offerings}) })
	ec2.Lose("RunInstances", 4) // as often as one call repeats by itself
	p.cluster(1)
	p.until("an instance at EC2", func() bool { return ec2.Living() == 1 })
	ec2.Refuse("*", "*", "*", "InsufficientInstanceCapacity")
	if n := p.booting(1)[0]; n.Provider != "aws" || ec2.Living() != 1 || gce.Instances() != 0 {
		t.Errorf("%+v, with %d instances at EC2 and %d at Google", n, ec2.Living(), gce.Instances())
	}
	p.leave(func() int { return ec2.Living() + gce.Instances() }, func() []string { return append(ec2.Left(), gce.Disks()...) })
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
	cmd := exec.CommandContext(p.t.Context(), bin, args...)
	cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+filepath.Join(p.t.TempDir(), "none"), "GODWIT_TOKEN="+token.Token,
		"GODWIT_MANAGER="+p.facts.URL+"#sha256="+p.facts.CASHA256)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("godwit %v: %v\n%s", args, err, out)
	}
	return string(out)
}
