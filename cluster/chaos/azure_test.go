package chaos

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure"
	"github.com/godwit/godwit/provisioner/azure/armsim"
)

// onAzure is a simulated resource group.
type onAzure struct {
	sim     *armsim.Cloud
	changes map[string]any
}

func newAzure(seed uint64) cloud {
	c := onAzure{sim: armsim.New(armsim.Options{Step: 20 * time.Second, Page: 4, Unserved: true})}
	if pooled(seed) {
		c.changes = c.pool(16) // what a deletion strands holds its address until it is collected
	}
	return c
}

func (c onAzure) pool(n int) map[string]any {
	c.sim.Prefix("egress", armsim.Region, n)
	return map[string]any{"address_pool": "egress"}
}

func (c onAzure) handler() http.Handler { return c.sim }

func (c onAzure) open(w wire) (provisioner.Provider, func(), error) {
	way := &http.Client{Transport: w}
	p, err := azure.New(azure.Config{
		Subscription: armsim.Subscription, ResourceGroup: armsim.Group, Credential: armsim.Credential, Compute: way, Network: way,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, nil, err
	}
	return p, p.Close, nil
}

var azureSizes = []string{"Standard_D4s_v5", "Standard_D8s_v5"}

func (c onAzure) spec(changes map[string]any) (string, json.RawMessage) {
	return azure.Name, changed(map[string]any{
		"region": armsim.Region, "zones": []string{"1", "2", "3"}, "image": "Debian:debian-12:12-gen2:latest", "instance_types": azureSizes,
		"subnets": []string{"network/nodes"}, "security_groups": []string{"nodes"}, "public_address": true, "swap_volume_gb": 16,
		"ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVhLc7zj0ZcVn7oQm3mJvWQ2kq5k0f2m8mY3Wm1y0aB ops",
		"spot_percent":   50, "binary": "image",
	}, both(c.changes, changes))
}

func (c onAzure) machines() []machine {
	var all []machine
	for _, m := range c.sim.Machines() {
		node := ""
		if tag := m.Tags["godwit-node"]; tag != nil {
			node = *tag
		}
		all = append(all, machine{m.Name, node, m.Zone, m.Running && !m.Failed, m.Ending, m.Spot})
	}
	return all
}

func (c onAzure) unused() []string {
	wrong := c.sim.Unused()
	if c.changes == nil {
		return wrong
	}
	has := map[string]string{}
	for address, machine := range c.sim.Held("egress") {
		has[machine] = address
	}
	return append(wrong, mismatched(has, c.machines())...)
}

func (c onAzure) harm(rng *rand.Rand) string {
	out := rng.IntN(2) == 0
	switch rng.IntN(7) {
	case 0, 1:
		o := armsim.Offering{Zone: fmt.Sprint(1 + rng.IntN(3)), Size: azureSizes[rng.IntN(2)], Spot: rng.IntN(2) == 0}
		c.sim.Exhaust(o, out)
		return fmt.Sprintf("capacity: %+v: %v", o, out)
	case 2:
		zone := fmt.Sprint(1 + rng.IntN(3))
		c.zone(zone, out)
		for _, m := range c.sim.Machines() {
			if out && m.Zone == zone {
				c.sim.Halt(m.Name)
			}
		}
		return fmt.Sprintf("zone out: %s: %v", zone, out)
	case 3:
		n := 4 * int64(rng.IntN(6))
		c.sim.Quota("cores", n)
		c.sim.Quota("lowPriorityCores", 4*int64(rng.IntN(4)))
		return fmt.Sprintf("quota: %d cores", n)
	}
	return trouble(rng, c.sim)
}

func (c onAzure) zone(zone string, out bool) {
	for _, size := range azureSizes {
		c.sim.Exhaust(armsim.Offering{Zone: zone, Size: size}, out)
		c.sim.Exhaust(armsim.Offering{Zone: zone, Size: size, Spot: true}, out)
	}
}

func (c onAzure) calm() {
	for _, zone := range []string{"1", "2", "3"} {
		c.zone(zone, false)
	}
	c.starve(false)
	atEase(c.sim)
}

func (c onAzure) kill(m machine) { c.sim.Halt(m.id) }

func (c onAzure) reclaim(m machine) { c.sim.Evict(m.id) }

func nameOf(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func (c onAzure) stranger() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Authorization")
		c.sim.ServeHTTP(w, r)
	})
}

func (c onAzure) wrong() []mistake {
	return []mistake{
		{"region", "region", map[string]any{"region": "marsnorth"}},
		{"image", "image", map[string]any{"image": "Debian:debian-99:99:latest"}},
		{"type", "instance_types[0]", map[string]any{"instance_types": []string{"Standard_Z9"}}},
		{"subnet", "subnets[0]", map[string]any{"subnets": []string{"network/gone"}}},
		{"types", "instance_types[1]", map[string]any{"instance_types": []string{"Standard_Z9", "Standard_Z8"}}},
		{"zones", "zones[1]", map[string]any{"zones": []string{"8", "9"}}},
		{"user data", "first_boot_script", map[string]any{"first_boot_script": script(120 << 10)}},
	}
}

func (c onAzure) starve(starved bool) {
	n := int64(forever)
	if starved {
		n = 0
	}
	c.sim.Quota("cores", n)
	c.sim.Quota("lowPriorityCores", n)
}

func (c onAzure) zoneOut() string { c.zone("1", true); return "1" }

func (c onAzure) throttle(throttled bool) { c.sim.ThrottleNext(map[bool]int{true: forever}[throttled]) }
