package aws

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
	"github.com/godwit/godwit/provisioner/providertest"
)

// Rights without a call of their own, and why the policy has them.
var withoutCall = map[string]string{
	"ec2:CreateTags":              "EC2 asks for it when RunInstances carries tags",
	"iam:PassRole":                "EC2 asks for it when an instance profile is given",
	"iam:CreateServiceLinkedRole": "EC2 makes spot's role at an account's first spot request",
}

// What the simulator does not know it refuses, so that no test can make a call
// beyond ec2sim.Actions; all of those are made here.
func TestRightsAreExactlyTheCallsThatAreMade(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	if faults, err := p.Validate(t.Context(), spec(nil)); err != nil || len(faults) > 0 {
		t.Fatal(faults, err)
	}
	made := s.launch(p, request(1, spec(nil)))
	s.launch(p, request(2, spec(map[string]any{"spot_percent": 100})))
	s.sim.AddAddress(map[string]string{tagPool: "media"})
	s.launch(p, request(3, spec(map[string]any{"address_pool": "media"})))
	if _, err := p.List(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Console(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	for _, do := range []func([]string) []provisioner.Result{
		func(ids []string) []provisioner.Result { return p.Stop(t.Context(), ids) },
		func(ids []string) []provisioner.Result { return p.Start(t.Context(), ids) },
		func(ids []string) []provisioner.Result { return p.Terminate(t.Context(), ids) },
	} {
		if results := do([]string{made.ID}); results[0].Err != nil {
			t.Fatal(results[0].Err)
		}
	}
	var calls []string
	for action := range s.sim.Calls() {
		if !strings.HasPrefix(action, "sts:") {
			action = "ec2:" + action
		}
		calls = append(calls, action)
	}
	slices.Sort(calls)
	for _, action := range ec2sim.Actions() {
		if !slices.Contains(calls, "ec2:"+action) {
			t.Errorf("the simulator knows %s, which this test does not cause", action)
		}
	}
	var rights []string
	for _, action := range providertest.Actions(t, "../../deploy/aws/iam-policy.json") {
		if withoutCall[action] == "" {
			rights = append(rights, action)
		}
	}
	if diff := cmp.Diff(rights, calls); diff != "" {
		t.Errorf("the policy's rights (-) and the calls (+):\n%s", diff)
	}
}
