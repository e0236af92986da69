package template

import (
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

const valid = `{"image":"ami-0123456789abcdef0","instance_types":["c7i.large"],"subnets":["subnet-0123456789abcdef0"],"security_groups":["sg-0123456789abcdef0"]}`

func TestDefaultsAreFilledIn(t *testing.T) {
	t.Parallel()
	s, faults := Parse([]byte(valid), []string{"eu-central-1", "eu-west-1"})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if s.Region != "eu-central-1" || s.VolumeType != "gp3" || s.TransferPort != 33001 || s.ReportIntervalS != 5 || s.ImageOwner != "" {
		t.Errorf("%+v", s)
	}
	s, faults = Parse([]byte(strings.Replace(valid, `"image":"ami-0123456789abcdef0"`, `"image_name":"node-*","region":"eu-west-1"`, 1)), []string{"eu-central-1", "eu-west-1"})
	if len(faults) > 0 || s.ImageOwner != "self" || s.Region != "eu-west-1" {
		t.Errorf("%+v %v", s, faults)
	}
}

func TestEachFaultIsFoundAndNamesItsField(t *testing.T) {
	t.Parallel()
	_, faults := Parse([]byte(`{
		"provider":"gcp","region":"eu-west-1","image":"debian","instance_types":["c7i.large","C7","c7i.large"],"subnets":[],"security_groups":["sg-1"],
		"spot_percent":101,"root_gb":20000,"volume_type":"x","address_pool":"A b","addresses":["1.2.3.4"],"public_address":false,"tags":{"aws:x":"a","godwit:x":"b"},
		"node":{"max_sessions":-1},"report_interval_s":61,"transfer_port":70000,"advertise":"x","binary":"x",
		"first_boot_script":"x","swap_file_mb":-1,"swap_volume_gb":-1,"sysctl":{"x":"1","a.b":"$"},"journal_mb":1
	}`), []string{"eu-central-1"})
	want := []string{
		"provider", "region", "image", "instance_types[1]", "instance_types[2]", "subnets", "security_groups[0]", "spot_percent", "root_gb",
		"volume_type", "address_pool", "addresses", "addresses[0]", "public_address", "tags.aws:x", "tags.godwit:x",
		"node.max_sessions", "report_interval_s", "transfer_port", "advertise", "binary", "first_boot_script", "swap_file_mb", "swap_volume_gb",
		"sysctl", "sysctl.a.b", "journal_mb",
	}
	providertest.Blamed(t, func() any { return new(Spec) }, faults, want)
}

func TestEffectOfAChange(t *testing.T) {
	t.Parallel()
	providertest.Effects(t, func() any { return new(Spec) }, Effect, map[string]provisioner.Effect{
		"tags.team": provisioner.NewNodes, "subnets[1]": provisioner.NewNodes, "instance_types": provisioner.NewNodes, "spot_percent": provisioner.NewNodes,
		"image": provisioner.Replace, "address_pool": provisioner.Replace, "addresses[1]": provisioner.Replace, "security_groups[0]": provisioner.Replace, "node.send_cap_mbps": provisioner.Replace, "first_boot_script": provisioner.Replace,
	})
}

// A template is whatever somebody sends: it is read or refused with a field and
// a reason, and what is read can be launched from.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		valid, `{}`, `{} {}`, `null`, `[]`, `{"image":1}`, `{"tags":{"aws:x":"y","":"z"}}`, `{"node":{"send_cap_mbps":1e400}}`,
		`{"address_pool":"media","addresses":["eipalloc-0123456789abcdef0"]}`, `{"subnets":["subnet-0123456789abcdef0","subnet-0123456789abcdef0"]}`, `{"spot_fallback":null,"public_address":false}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, faults := Parse(raw, []string{"eu-central-1"})
		for _, fault := range faults {
			if fault.Problem == "" {
				t.Errorf("a fault of %q without a reason", fault.Field)
			}
		}
		if len(faults) == 0 && (s.Region == "" || len(s.InstanceTypes) == 0 || len(s.Subnets) == 0 || s.Image == "" && s.ImageName == "") {
			t.Errorf("taken: %+v", s)
		}
	})
}
