package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

// onEC2 is a simulated account.
type onEC2 struct {
	sim     *ec2sim.Sim
	changes map[string]any
}

func newEC2(seed uint64) cloud {
	c := onEC2{sim: ec2sim.New(ec2sim.Options{
		Lag: 15 * time.Second, Boot: 20 * time.Second, Halt: 20 * time.Second, End: 30 * time.Second, Seed: seed,
	})}
	if pooled(seed) {
		c.changes = c.pool(poolSize)
	}
	return c
}

func (c onEC2) pool(n int) map[string]any {
	for range n {
		c.sim.AddAddress(map[string]string{"godwit:address-pool": "media"})
	}
	c.sim.AddAddress(map[string]string{"godwit:address-pool": "strangers"})
	return map[string]any{"address_pool": "media"}
}

func (c onEC2) handler() http.Handler { return c.sim }

func (c onEC2) open(w wire) (provisioner.Provider, func(), error) {
	p, err := aws.New(context.Background(), aws.Config{
		Regions: []string{ec2sim.Region}, Endpoint: "http://ec2.sim", HTTP: &http.Client{Transport: w},
		PageSize: 5, Log: slog.New(slog.DiscardHandler),
	})
	return p, func() {}, err
}

var ec2Types, ec2Zones = []string{"c7i.large", "c6i.large"}, []string{ec2sim.ZoneA, ec2sim.ZoneB, ec2sim.ZoneC}

func (c onEC2) spec(changes map[string]any) (string, json.RawMessage) {
	return aws.Name, changed(map[string]any{
		"image": ec2sim.ImageID, "instance_types": ec2Types, "subnets": []string{ec2sim.SubnetA, ec2sim.SubnetB, ec2sim.SubnetC},
		"security_groups": []string{ec2sim.Group}, "instance_profile": ec2sim.Profile, "root_gb": 20, "swap_volume_gb": 8,
		"spot_percent": 50, "binary": "image",
	}, both(c.changes, changes))
}

func (c onEC2) machines() []machine {
	var all []machine
	for _, m := range c.sim.Machines() {
		all = append(all, machine{m.ID, m.Tags["godwit:node"], m.Zone, m.Running, m.Ending, m.Spot})
	}
	return all
}

func (c onEC2) unused() []string {
	wrong, all := c.sim.Left(), c.sim.Addresses()
	if len(all) == 0 {
		return wrong
	}
	has := map[string]string{}
	for i, a := range all {
		if stranger := i == len(all)-1; stranger && a.Associated {
			wrong = append(wrong, "somebody else's address is given to "+a.Instance)
		}
		has[a.Instance] = a.PublicIP
	}
	return append(wrong, mismatched(has, c.machines())...)
}

const forever = 1 << 30

func (c onEC2) harm(rng *rand.Rand) string {
	size, zone := ec2Types[rng.IntN(2)], ec2Zones[rng.IntN(3)]
	market := []string{"spot", "on-demand", "*"}[rng.IntN(3)]
	refusal := []string{"InsufficientInstanceCapacity", ""}[rng.IntN(2)]
	switch rng.IntN(8) {
	case 0, 1:
		c.sim.Refuse(size, zone, market, refusal)
		return fmt.Sprintf("capacity: %s in %s, %s: %q", size, zone, market, refusal)
	case 2:
		c.sim.Refuse("*", zone, "*", refusal)
		if refusal != "" {
			for _, m := range c.sim.Machines() {
				if m.Zone == zone {
					c.sim.Kill(m.ID)
				}
			}
		}
		return fmt.Sprintf("zone out: %s: %q", zone, refusal)
	case 3:
		n := rng.IntN(6) - 1
		c.sim.Limit("on-demand", n)
		c.sim.Limit("spot", rng.IntN(4)-1)
		return fmt.Sprintf("quota: %d", n)
	case 4:
		n := []int{0, 5, forever}[rng.IntN(3)]
		for _, action := range ec2sim.Actions() {
			c.sim.Throttle(action, n)
		}
		return fmt.Sprintf("throttled: the next %d calls of each action", n)
	case 5:
		action := ec2sim.Actions()[rng.IntN(len(ec2sim.Actions()))]
		c.sim.Break(action, rng.IntN(8))
		return "broken: " + action
	case 6:
		action := ec2sim.Actions()[rng.IntN(len(ec2sim.Actions()))]
		c.sim.Lose(action, 1+rng.IntN(3))
		return "answers lost: " + action
	}
	if all := c.sim.Machines(); len(all) > 0 {
		m := all[rng.IntN(len(all))]
		c.sim.Impair(m.ID, rng.IntN(2) == 0)
		return "impaired: " + m.ID
	}
	return ""
}

func (c onEC2) calm() {
	for _, action := range ec2sim.Actions() {
		c.sim.Throttle(action, 0)
		c.sim.Break(action, 0)
		c.sim.Lose(action, 0)
	}
	for _, size := range append([]string{"*"}, ec2Types...) {
		for _, zone := range ec2Zones {
			for _, market := range []string{"spot", "on-demand", "*"} {
				c.sim.Refuse(size, zone, market, "")
			}
		}
	}
	c.starve(false)
}

func (c onEC2) kill(m machine) { c.sim.Kill(m.id) }

func (c onEC2) reclaim(m machine) { c.sim.Interrupt(m.id) }

func (c onEC2) stranger() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIASIM", ec2sim.Deny, 1))
		c.sim.ServeHTTP(w, r)
	})
}

func (c onEC2) wrong() []mistake {
	return []mistake{
		{"region", "region", map[string]any{"region": "mars-north-1"}},
		{"image", "image", map[string]any{"image": "ami-0123456789abcdef0"}},
		{"type", "instance_types[0]", map[string]any{"instance_types": []string{"c99.large"}}},
		{"subnet", "subnets[0]", map[string]any{"subnets": []string{"subnet-0123456789abcdef0"}}},
		{"types", "instance_types[1]", map[string]any{"instance_types": []string{"c99.large", "c98.large"}}},
		{"subnets", "subnets[1]", map[string]any{"subnets": []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"}}},
		{"security groups", "security_groups[1]", map[string]any{"security_groups": []string{"sg-0123456789abcdef0", "sg-0123456789abcdef1"}}},
		{"user data", "first_boot_script", map[string]any{"first_boot_script": script(20 << 10)}},
	}
}

func (c onEC2) starve(starved bool) {
	n := -1
	if starved {
		n = 0
	}
	c.sim.Limit("on-demand", n)
	c.sim.Limit("spot", n)
}

func (c onEC2) zoneOut() string {
	c.sim.Refuse("*", ec2sim.ZoneA, "*", "InsufficientInstanceCapacity")
	return ec2sim.ZoneA
}

func (c onEC2) throttle(throttled bool) {
	for _, action := range ec2sim.Actions() {
		c.sim.Throttle(action, map[bool]int{true: forever}[throttled])
	}
}
