package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner/azure/armsim"
)

// While the first cloud has no room: one decision, both nodes at the second, and
// the decision says why, to programs and to people.
func TestClusterOfTwoCloudsGoesToTheSecondWithinOneEvaluation(t *testing.T) {
	t.Parallel()
	ec2 := func(t *testing.T) wire { w, _ := wireEC2(t); return w }
	gce := func(t *testing.T) wire { w, _ := wireGCE(t); return w }
	azure := func(t *testing.T) wire { w, _ := wireAzure(t, armsim.Secret); return w }
	for name, clouds := range map[string][2]func(*testing.T) wire{
		"EC2 to Compute Engine":   {ec2, gce},
		"EC2 to Azure":            {ec2, azure},
		"Compute Engine to Azure": {gce, azure},
		"Azure to EC2":            {azure, ec2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goesToTheSecond(t, clouds[0](t), clouds[1](t))
		})
	}
}

func goesToTheSecond(t *testing.T, first, second wire) {
	t.Helper()
	p := managing(t, func(cmd *exec.Cmd) { first.change(cmd); second.change(cmd) })
	spec := map[string]any{"offerings": []map[string]any{first.offering, second.offering}}
	good := second.offering["subnets"]
	second.offering["subnets"] = []string{second.badSubnet}
	if status, body := p.template("mixed", spec); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.offerings[1].subnets[0]"`) {
		t.Errorf("a template whose second offering has a subnet that is not there: %d %s", status, body)
	}
	second.offering["subnets"] = good
	p.must(http.StatusCreated, func() (int, string) { return p.template("mixed", spec) })
	first.exhaust()
	for _, n := range p.two() {
		if n.Provider != second.offering["provider"] || n.Offering != second.name() {
			t.Errorf("launched %+v", n)
		}
	}
	var rows struct{ Items []launched }
	p.get("/api/v1/nodes", &rows)
	if first.living() != 0 || second.living() != 2 || len(rows.Items) != 2 {
		t.Errorf("%d instances at the first cloud, %d at the second, %d rows", first.living(), second.living(), len(rows.Items))
	}
	d := p.decidedOnce(2)
	said := p.godwit("decision", "get", d.ID)
	for _, r := range d.Reasons {
		if r.Code != "passed_over" {
			continue
		}
		if !strings.HasPrefix(r.Text, first.refused) || !strings.Contains(r.Text, ": no capacity (") || !strings.Contains(r.Text, "launched at "+second.placed) {
			t.Errorf("a reason of the decision: %+v", r)
		}
		if !strings.Contains(d.Summary, r.Text) || !strings.Contains(said, "- "+r.Text) {
			t.Errorf("%s\nis not in the summary: %s\nnor in godwit decision get: %s", r.Text, d.Summary, said)
		}
	}
	p.leave(func() int { return first.living() + second.living() }, func() []string { return append(first.left(), second.left()...) })
}

// An answer that is lost is no refusal: what EC2 made is found, though it has no
// room by then, and nothing is launched at Google.
func TestLostAnswerOfTheFirstCloudLaunchesNothingAtTheSecond(t *testing.T) {
	t.Parallel()
	first, ec2 := wireEC2(t)
	second, gce := wireGCE(t)
	p := managing(t, func(cmd *exec.Cmd) { first.change(cmd); second.change(cmd) })
	offerings := []map[string]any{first.offering, second.offering}
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
