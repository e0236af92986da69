package template

import (
	"testing"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

const valid = `{"region":"westeurope","image":"Debian:debian-12:12-gen2:latest","instance_types":["Standard_D4s_v5"],"subnets":["network/nodes"],
	"ssh_public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000"}`

func TestDefaultsAreFilledIn(t *testing.T) {
	t.Parallel()
	s, faults := Parse([]byte(valid))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if s.VolumeType != "Premium_LRS" || !s.Among(nil).Fallback || s.SecurityGroupID("/g") != "" || s.SubnetID("/g") != "/g/providers/Microsoft.Network/virtualNetworks/network/subnets/nodes" {
		t.Errorf("%+v", s)
	}
}

func TestEachFaultIsFoundAndNamesItsField(t *testing.T) {
	t.Parallel()
	_, faults := Parse([]byte(`{
		"provider":"aws","region":"West Europe","zones":["1","a","1"],"image":"debian","instance_types":["m5.large"],"subnets":[],
		"security_groups":["a","b"],"identity":"me","ssh_public_key":"x","spot_percent":-1,"root_gb":5000,"volume_type":"gp3",
		"tags":{"a/b":"c","Godwit-x":"d"},
		"node":{"max_sessions":-1},"report_interval_s":61,"transfer_port":70000,"advertise":"x","binary":"x",
		"first_boot_script":"x","swap_file_mb":-1,"swap_volume_gb":-1,"sysctl":{"x":"1","a.b":"$"},"journal_mb":1
	}`))
	want := []string{
		"provider", "region", "zones[1]", "zones[2]", "image", "instance_types[0]", "subnets", "security_groups", "identity", "ssh_public_key",
		"spot_percent", "root_gb", "volume_type", "tags.a/b", "tags.Godwit-x",
		"node.max_sessions", "report_interval_s", "transfer_port", "advertise", "binary", "first_boot_script", "swap_file_mb", "swap_volume_gb",
		"sysctl", "sysctl.a.b", "journal_mb",
	}
	providertest.Blamed(t, func() any { return new(Spec) }, faults, want)
}

func TestEffectOfAChange(t *testing.T) {
	t.Parallel()
	providertest.Effects(t, func() any { return new(Spec) }, Effect, map[string]provisioner.Effect{
		"tags.team": provisioner.NewNodes, "zones[1]": provisioner.NewNodes, "instance_types": provisioner.NewNodes, "spot_fallback": provisioner.NewNodes,
		"image": provisioner.Replace, "identity": provisioner.Replace, "node.send_cap_mbps": provisioner.Replace,
	})
}

// A template is whatever somebody sends: it is read or refused with a field and
// a reason, and what is read can be launched from.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		valid, `{}`, `{} {}`, `null`, `[]`, `{"image":1}`, `{"image":":::"}`, `{"tags":{"godwit-node":"y","":"z"}}`, `{"zones":["1","1"]}`,
		`{"subnets":["/subscriptions/x"]}`, `{"identity":"/"}`, `{"ssh_public_key":"ssh-rsa "}`, `{"spot_fallback":null,"node":{"send_cap_mbps":1e400}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, faults := Parse(raw)
		for _, fault := range faults {
			if fault.Problem == "" {
				t.Errorf("a fault of %q without a reason", fault.Field)
			}
		}
		if len(faults) == 0 && (s.Region == "" || len(s.InstanceTypes) == 0 || s.SubnetID("/g") == "" || s.Image == "" || s.SSHPublicKey == "") {
			t.Errorf("taken: %+v", s)
		}
	})
}
