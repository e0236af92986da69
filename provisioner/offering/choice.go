package offering

import "github.com/godwit/godwit/provisioner"

// Choice is the part of a cloud's template about which machines to take. Clouds
// embed it in their own, so that these fields mean the same in all.
type Choice struct {
	// InstanceTypes in order of preference.
	InstanceTypes []string `json:"instance_types"`
	// SpotPercent of the nodes are asked for as spot.
	SpotPercent int `json:"spot_percent"`
	// SpotFallback: what spot refuses is launched on demand; true if absent.
	SpotFallback *bool `json:"spot_fallback"`
}

// maxTypes of a template: beyond them is a slip of the keyboard.
const maxTypes = 20

// Check notes what is wrong with it. example is the name of a type, form what all
// of them look like.
func (c Choice) Check(f *provisioner.Faults, example string, form func(string) bool) {
	f.Names("instance_types", c.InstanceTypes, provisioner.Names{Least: 1, Most: maxTypes, Example: example}, form)
	f.Between("spot_percent", c.SpotPercent, 0, 100, "")
}

// Among is the choice where nodes are spread over these zones.
func (c Choice) Among(zones []string) Wanted {
	return Wanted{Types: c.InstanceTypes, Zones: zones, SpotPercent: c.SpotPercent, Fallback: c.SpotFallback == nil || *c.SpotFallback}
}

// OnlySpot says that no node of the template is ever on demand.
func (c Choice) OnlySpot() bool {
	return c.SpotPercent == 100 && c.SpotFallback != nil && !*c.SpotFallback
}
