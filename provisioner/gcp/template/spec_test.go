package template

import (
	"slices"
	"testing"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

const valid = `{"region":"europe-west1","image_family":"debian-12","image_project":"debian-cloud","instance_types":["n2-standard-4"]}`

func TestDefaultsAreFilledIn(t *testing.T) {
	t.Parallel()
	s, faults := Parse([]byte(valid))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if s.VolumeType != "pd-balanced" || !slices.Equal(s.Subnets, []string{"default"}) || !s.Among(nil).Fallback {
		t.Errorf("%+v", s)
	}
}

func TestEachFaultIsFoundAndNamesItsField(t *testing.T) {
	t.Parallel()
	_, faults := Parse([]byte(`{
		"provider":"aws","region":"west","zones":["europe-west1-b","b"],"image":"Debian 12","image_project":"X",
		"instance_types":[],"subnets":["a","projects/p/regions/r1/subnetworks/s"],"network_tags":["web","web"],"service_account":"me",
		"spot_percent":101,"root_gb":9,"volume_type":"gp3","swap_volume_gb":9,"tags":{"Team":"a","godwit-x":"b","team":"A"},
		"address_pool":"A b","addresses":["1.2.3.4"],"node":{"max_sessions":-1},"report_interval_s":61,"transfer_port":70000,"advertise":"x","binary":"x",
		"first_boot_script":"x","swap_file_mb":-1,"sysctl":{"x":"1","a.b":"$"},"journal_mb":1
	}`))
	want := []string{
		"provider", "region", "zones[0]", "zones[1]", "image", "image_project", "instance_types", "subnets", "subnets[1]", "network_tags[1]",
		"service_account", "spot_percent", "root_gb", "volume_type", "swap_volume_gb", "tags.Team", "tags.godwit-x", "tags.team",
		"address_pool", "addresses", "addresses[0]", "node.max_sessions", "report_interval_s", "transfer_port", "advertise", "binary", "first_boot_script", "swap_file_mb", "sysctl",
		"sysctl.a.b", "journal_mb",
	}
	providertest.Blamed(t, func() any { return new(Spec) }, faults, want)
}

func TestEffectOfAChange(t *testing.T) {
	t.Parallel()
	providertest.Effects(t, func() any { return new(Spec) }, Effect, map[string]provisioner.Effect{
		"tags.team": provisioner.NewNodes, "zones[1]": provisioner.NewNodes, "instance_types": provisioner.NewNodes, "spot_fallback": provisioner.NewNodes,
		"image_family": provisioner.Replace, "network_tags[0]": provisioner.Replace, "node.send_cap_mbps": provisioner.Replace,
	})
}

// A template is whatever somebody sends: it is read or refused with a field and
// a reason, and what is read can be launched from.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		valid, `{}`, `{} {}`, `null`, `[]`, `{"image":1}`, `{"image":"a","image_family":"b"}`, `{"tags":{"goog-x":"y","":"z"}}`,
		`{"zones":["europe-west1-b","us-central1-a"]}`, `{"subnets":["projects/x"]}`, `{"spot_fallback":null,"node":{"send_cap_mbps":1e400}}`,
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
		if len(faults) == 0 && (s.Region == "" || len(s.InstanceTypes) == 0 || s.Image == "" && s.ImageFamily == "") {
			t.Errorf("taken: %+v", s)
		}
	})
}
