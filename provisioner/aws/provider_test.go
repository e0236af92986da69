package aws

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		s := simulated(t, hostile)
		return providertest.Harness{
			Provider: s.open(),
			Reopen:   func(*testing.T) provisioner.Provider { return s.open() },
			Spec:     spec(nil),
			Invalid: map[string]json.RawMessage{
				"provider":            spec(map[string]any{"provider": "local"}),
				"region":              spec(map[string]any{"region": "mars-north-1"}),
				"image":               spec(map[string]any{"image": nil}),
				"image_name":          spec(map[string]any{"image_name": "x"}),
				"image_owner":         spec(map[string]any{"image": nil, "image_name": "x", "image_owner": "me"}),
				"instance_types":      spec(map[string]any{"instance_types": []string{}}),
				"instance_types[1]":   spec(map[string]any{"instance_types": []string{"c7i.large", "big"}}),
				"subnets[1]":          spec(map[string]any{"subnets": []string{"subnet-0a000000000000001", "subnet-0a000000000000001"}}),
				"security_groups[0]":  spec(map[string]any{"security_groups": []string{"default"}}),
				"spot_percent":        spec(map[string]any{"spot_percent": 101}),
				"volume_type":         spec(map[string]any{"volume_type": "floppy"}),
				"swap_volume_gb":      spec(map[string]any{"swap_volume_gb": -1}),
				"first_boot_script":   spec(map[string]any{"first_boot_script": "#!/bin/sh\n# " + noise(40<<10)}),
				"node.send_cap_mbps":  spec(map[string]any{"node": map[string]any{"send_cap_mbps": -1}}),
				"transfer_port":       spec(map[string]any{"transfer_port": 70000}),
				"report_interval_s":   spec(map[string]any{"report_interval_s": 61}),
				"address_pool":        spec(map[string]any{"address_pool": "Not a tag"}),
				"addresses":           spec(map[string]any{"address_pool": "media", "addresses": []string{"eipalloc-0123456789abcdef0"}}),
				"addresses[0]":        spec(map[string]any{"addresses": []string{"192.0.2.1"}}),
				"public_address":      spec(map[string]any{"address_pool": "media", "public_address": false}),
				"tags.godwit:cluster": spec(map[string]any{"tags": map[string]string{"godwit:cluster": "x"}}),
				"zone":                spec(map[string]any{"zone": "a"}),
				"":                    json.RawMessage(`{} {}`),
			},
			Pool:   s.pool(),
			Output: " up\n",
			Crash:  func(_ *testing.T, i provisioner.Instance) { s.sim.Kill(i.ID) },
			Bulk:   12,
		}
	})
}

// noise is text that no compression shortens much.
func noise(n int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('!' + rng.IntN(90))
	}
	return string(text)
}
