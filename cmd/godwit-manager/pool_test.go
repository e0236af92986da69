package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

// An operator names a pool of addresses: a pool that is not there is refused at its
// field; of two nodes for one address the one has it, and the decision says of the
// other that the pool has no more; what ends gives the address back.
func TestNodesTakeTheirAddressesFromAPool(t *testing.T) {
	t.Parallel()
	w, sim := wireEC2(t)
	p := managing(t, w.change)
	spec := map[string]any{
		"image": ec2sim.ImageID, "instance_types": []string{"c7i.large"}, "subnets": []string{ec2sim.SubnetA},
		"security_groups": []string{ec2sim.Group}, "binary": "image", "address_pool": "media",
	}
	if status, body := p.template("aws", spec); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.address_pool"`) {
		t.Errorf("a template of a pool that is not there: %d %s", status, body)
	}
	sim.AddAddress(map[string]string{"godwit:address-pool": "media"})
	p.must(http.StatusCreated, func() (int, string) { return p.template("aws", spec) })
	p.cluster(2)
	one := p.booting(1)[0]
	if all := sim.Addresses(); len(all) != 1 || all[0].Instance != one.InstanceID {
		t.Errorf("%+v; the node's instance is %s", all, one.InstanceID)
	}
	const says = "no capacity (address pool media of " + ec2sim.Region + " has no free address)"
	p.until("a decision that names the pool", func() bool {
		var list struct{ Items []decided }
		p.get("/api/v1/decisions?action=launch", &list)
		return slices.ContainsFunc(list.Items, func(d decided) bool {
			last := d.Reasons[len(d.Reasons)-1]
			return last.Code == "launch_refused" && strings.Contains(last.Text, says)
		})
	})
	p.leave(sim.Living, func() []string {
		left := sim.Left()
		for _, a := range sim.Addresses() {
			if a.Associated {
				left = append(left, a.Allocation)
			}
		}
		return left
	})
}
