package gcp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/gcp/gcesim"
)

// Google's list shows late who has an address: what somebody has taken meanwhile is
// refused, and the launch goes on with the next, at the same offering.
func TestAddressThatIsTakenMeanwhileIsPassedOver(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{ListLag: time.Hour})
	var free string
	for n := range 4 {
		free = c.Reserve(fmt.Sprintf("pool-%d", n), map[string]string{labelPool: "media"}, false)
	}
	for n := range 3 {
		c.Occupy(fmt.Sprintf("pool-%d", n))
	}
	made := launch(t, p, request("1", spec(t, map[string]any{"address_pool": "media", "public_address": nil})))
	if !slices.Equal(made.PublicAddresses, []string{free}) || len(made.PassedOver) > 0 {
		t.Errorf("it has %v and passed over %v, want %s and nothing", made.PublicAddresses, made.PassedOver, free)
	}
	_, err := p.Launch(t.Context(), request("2", spec(t, map[string]any{"address_pool": "media"})))
	if !errors.Is(err, provisioner.Capacity) || !strings.Contains(err.Error(), "has no free address") || c.Instances() != 1 {
		t.Errorf("with all in use: %v, %d instances", err, c.Instances())
	}
	// That is no offering's fault: without a pool it is launched at once.
	if made := launch(t, p, request("3", spec(t, nil))); len(made.PassedOver) > 0 {
		t.Errorf("passed over %v", made.PassedOver)
	}
}

func TestAddressesCanBeListed(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{Page: 2})
	var ips []string
	for n := range 5 {
		ips = append(ips, c.Reserve(fmt.Sprintf("ip-%d", n), nil, false))
	}
	two := spec(t, map[string]any{"addresses": []string{"ip-4", "ip-2"}})
	one, other := launch(t, p, request("1", two)), launch(t, p, request("2", two))
	have := slices.Sorted(slices.Values(append(one.PublicAddresses, other.PublicAddresses...)))
	if !slices.Equal(have, []string{ips[2], ips[4]}) {
		t.Errorf("they have %v of %v", have, ips)
	}
	_, err := p.Launch(t.Context(), request("3", two))
	if !errors.Is(err, provisioner.Capacity) || !strings.Contains(err.Error(), "address pool of 2 addresses of "+gcesim.Region) {
		t.Errorf("%v", err)
	}
}

func TestValidateLooksForThePool(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	c.Reserve("used", map[string]string{labelPool: "media"}, false)
	c.Occupy("used") // is no fault: running nodes have them
	c.Reserve("inside", map[string]string{labelPool: "inside"}, true)
	for _, row := range []struct {
		field   string
		changes map[string]any
	}{
		{"", map[string]any{"address_pool": "media"}},
		{"address_pool", map[string]any{"address_pool": "none"}},
		{"address_pool", map[string]any{"address_pool": "inside"}},
		{"addresses[1]", map[string]any{"addresses": []string{"used", "gone"}}},
		{"addresses[0]", map[string]any{"addresses": []string{"inside"}}},
	} {
		faults, err := p.Validate(t.Context(), spec(t, row.changes))
		if err != nil || row.field == "" && len(faults) > 0 || row.field != "" && (len(faults) != 1 || faults[0].Field != row.field) {
			t.Errorf("%v: %v, %v; want %q", row.changes, faults, err, row.field)
		}
	}
}
