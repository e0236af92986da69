package aws

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

func TestValidateFindsWhatOnlyTheAccountKnows(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	for _, row := range []struct {
		name, field, says string
		change            map[string]any
	}{
		{"an image that is not there", "image", "no such image", map[string]any{"image": "ami-0123456789abcdef0"}},
		{"an image that is not ready", "image", "pending", map[string]any{"image": ec2sim.PendingImageID}},
		{"a family without an image", "image_name", "no such image", map[string]any{"image": nil, "image_name": "nothing-*"}},
		{"a subnet that is not there", "subnets[1]", "not in eu-sim-1", map[string]any{"subnets": []string{ec2sim.SubnetA, "subnet-0123456789abcdef0"}}},
		{"subnets of two networks", "subnets[1]", "one VPC", map[string]any{"subnets": []string{ec2sim.SubnetA, ec2sim.ForeignSubnet}}},
		{"a group that is not there", "security_groups[0]", "not in eu-sim-1", map[string]any{"security_groups": []string{"sg-0123456789abcdef0"}}},
		{"a group of another network", "security_groups[0]", "vpc-2", map[string]any{"security_groups": []string{ec2sim.ForeignGroup}}},
		{"a type that is not there", "instance_types[0]", "does not have", map[string]any{"instance_types": []string{"c99.large"}}},
		{"a type of another architecture", "instance_types[1]", "x86_64", map[string]any{"instance_types": []string{"c7i.large", "c7gn.large"}}},
		{"a type that no zone has", "instance_types[0]", "none of the subnets' zones", map[string]any{"instance_types": []string{"x9.faraway"}}},
		{"a profile that is not there", "instance_profile", "iamInstanceProfile", map[string]any{"instance_profile": "nobody"}},
		{"a key that is not there", "key_name", "does not exist", map[string]any{"key_name": "lost"}},
	} {
		faults, err := p.Validate(t.Context(), spec(row.change))
		if err != nil || len(faults) != 1 || faults[0].Field != row.field || !strings.Contains(faults[0].Problem, row.says) {
			t.Errorf("%s: %v, %v; want one on %s that says %q", row.name, faults, err, row.field, row.says)
		}
	}
	for name, change := range map[string]map[string]any{
		"an image for ARM":     {"image": ec2sim.ArmImageID, "instance_types": []string{"c7gn.large"}},
		"the newest of a name": {"image": nil, "image_name": ec2sim.ImageFamily},
		"spot":                 {"spot_percent": 100},
	} {
		if faults, err := p.Validate(t.Context(), spec(change)); err != nil || len(faults) > 0 {
			t.Errorf("%s: %v, %v", name, faults, err)
		}
	}
	if s.sim.Living() != 0 {
		t.Error("a check launched something")
	}
}

func TestValidateTellsTheTemplateFromTheAccount(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	s.sim.Limit("on-demand", 0)
	if faults, err := s.open().Validate(t.Context(), spec(nil)); err != nil || len(faults) > 0 {
		t.Errorf("no room now is no fault of the template: %v, %v", faults, err)
	}
	stranger := s.open(func(c *Config) {
		c.Credentials = credentials.NewStaticCredentialsProvider(ec2sim.Deny, "x", "")
	})
	if faults, err := stranger.Validate(t.Context(), spec(nil)); !errors.Is(err, provisioner.Unauthorized) {
		t.Errorf("strange credentials: %v, %v", faults, err)
	}
	if _, err := stranger.List(t.Context(), owner); !errors.Is(err, provisioner.Unauthorized) {
		t.Errorf("strange credentials: %v", err)
	}
	s.sim.Forbid("RunInstances")
	if faults, err := s.open().Validate(t.Context(), spec(nil)); !errors.Is(err, provisioner.Unauthorized) || !strings.Contains(err.Error(), "ec2:RunInstances") {
		t.Errorf("without the right to launch: %v, %v", faults, err)
	}
	lost := s.open(func(c *Config) { c.Endpoint = "http://127.0.0.1:1" })
	if faults, err := lost.Validate(t.Context(), spec(nil)); !errors.Is(err, provisioner.Transient) {
		t.Errorf("nobody there: %v, %v", faults, err)
	}
}
