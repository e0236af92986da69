package chaos

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/gcp"
	"github.com/godwit/godwit/provisioner/gcp/gcesim"
)

// onGCE is a simulated project.
type onGCE struct {
	sim     *gcesim.Cloud
	changes map[string]any
}

func newGCE(seed uint64) cloud {
	c := onGCE{sim: gcesim.New(gcesim.Options{
		Step: 8 * time.Second, WaitLimit: 10 * time.Second, ListLag: 15 * time.Second, Page: 4, Seed: seed, Unserved: true,
	})}
	if pooled(seed) {
		c.changes = c.pool(poolSize)
	}
	return c
}

func (c onGCE) pool(n int) map[string]any {
	for i := range n {
		c.sim.Reserve(fmt.Sprintf("pool-%d", i), map[string]string{"godwit-address-pool": "media"}, false)
	}
	c.sim.Reserve("stranger", map[string]string{"godwit-address-pool": "strangers"}, false)
	return map[string]any{"address_pool": "media"}
}

func (c onGCE) handler() http.Handler { return c.sim }

func (c onGCE) open(w wire) (provisioner.Provider, func(), error) {
	p, err := gcp.New(gcp.Config{Project: gcesim.Project, Endpoint: "http://gce.sim", Transport: w, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	return p, p.Close, nil
}

var gceTypes = []string{"n2-standard-4", "n2d-standard-4"}

func (c onGCE) spec(changes map[string]any) (string, json.RawMessage) {
	return gcp.Name, changed(map[string]any{
		"region": gcesim.Region, "image": "godwit-node-7", "instance_types": gceTypes, "subnets": []string{"nodes"}, "public_address": true,
		"spot_percent": 50, "swap_volume_gb": 16, "binary": "image",
	}, both(c.changes, changes))
}

func (c onGCE) machines() []machine {
	var all []machine
	for _, m := range c.sim.Machines() {
		all = append(all, machine{m.Zone + "/" + m.Name, m.Labels["godwit-node"], m.Zone, m.Running, m.Ending, m.Spot})
	}
	return all
}

func (c onGCE) unused() []string {
	wrong, all := c.sim.Unused(), c.sim.Addresses()
	if len(all) == 0 {
		return wrong
	}
	has := map[string]string{}
	for _, a := range all {
		if a.Name == "stranger" && a.User != "" {
			wrong = append(wrong, "somebody else's address is given to "+a.User)
		}
		has[a.User] = a.Address
	}
	return append(wrong, mismatched(has, c.machines())...)
}

func (c onGCE) harm(rng *rand.Rand) string {
	zone := gcesim.Zones()[rng.IntN(3)]
	out := rng.IntN(2) == 0
	switch rng.IntN(7) {
	case 0, 1:
		o := gcesim.Offering{Zone: zone, Type: gceTypes[rng.IntN(2)], Spot: rng.IntN(2) == 0}
		c.sim.Exhaust(o, out)
		return fmt.Sprintf("capacity: %+v: %v", o, out)
	case 2:
		c.sim.Down(zone, out)
		return fmt.Sprintf("zone out: %s: %v", zone, out)
	case 3:
		n := 4 * rng.IntN(6)
		c.sim.Quota("CPUS", n)
		c.sim.Quota("PREEMPTIBLE_CPUS", 4*rng.IntN(4))
		return fmt.Sprintf("quota: %d processors", n)
	}
	return trouble(rng, c.sim)
}

func (c onGCE) calm() {
	for _, zone := range gcesim.Zones() {
		c.sim.Down(zone, false)
		c.exhaust(zone, false)
	}
	c.starve(false)
	atEase(c.sim)
}

func (c onGCE) kill(m machine) { c.sim.Halt(m.zone, nameOf(m.id)) }

func (c onGCE) reclaim(m machine) { c.sim.Preempt(m.zone, nameOf(m.id)) }

func (c onGCE) stranger() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":{"code":401,"message":"Request had invalid authentication credentials.","errors":[{"reason":"authError","domain":"global","message":"Invalid Credentials"}]}}`))
	})
}

func (c onGCE) wrong() []mistake {
	return []mistake{
		{"region", "region", map[string]any{"region": "mars-north1"}},
		{"image", "image", map[string]any{"image": "gone"}},
		{"type", "instance_types[0]", map[string]any{"instance_types": []string{"z9-standard-4"}}},
		{"subnet", "subnets[0]", map[string]any{"subnets": []string{"gone"}}},
		{"types", "instance_types[1]", map[string]any{"instance_types": []string{"z9-standard-4", "z8-standard-4"}}},
		{"zones", "zones[1]", map[string]any{"zones": []string{gcesim.Region + "-x", gcesim.Region + "-y"}}},
		{"user data", "first_boot_script", map[string]any{"first_boot_script": script(300 << 10)}},
	}
}

func (c onGCE) starve(starved bool) {
	n := forever
	if starved {
		n = 0
	}
	c.sim.Quota("CPUS", n)
	c.sim.Quota("PREEMPTIBLE_CPUS", n)
}

func (c onGCE) zoneOut() string {
	zone := gcesim.Zones()[0]
	c.exhaust(zone, true)
	return zone
}

func (c onGCE) exhaust(zone string, out bool) {
	for _, size := range gceTypes {
		c.sim.Exhaust(gcesim.Offering{Zone: zone, Type: size}, out)
		c.sim.Exhaust(gcesim.Offering{Zone: zone, Type: size, Spot: true}, out)
	}
}

func (c onGCE) throttle(throttled bool) { c.sim.ThrottleNext(map[bool]int{true: forever}[throttled]) }
