package aws

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

// pooledSpec is of nodes that take their addresses from a pool.
func pooledSpec() []byte { return spec(map[string]any{"address_pool": "media"}) }

func (s *scene) addresses(n int) (allocations []string) {
	for range n {
		allocations = append(allocations, s.sim.AddAddress(map[string]string{tagPool: "media"}))
	}
	return allocations
}

// given are the instances that have addresses.
func (s *scene) given() (ids []string) {
	for _, a := range s.sim.Addresses() {
		if a.Instance != "" {
			ids = append(ids, a.Instance)
		}
	}
	return ids
}

// A manager that dies, or whose calls fail, between the launch and the address
// leaves an instance that says so; the next goes on with it.
func TestLaunchThatIsCutShortGetsItsAddressFromTheNextManager(t *testing.T) {
	t.Parallel()
	s := simulated(t, hostile)
	s.addresses(2)
	s.sim.Break("AssociateAddress", 1<<20)
	p, r := s.open(), request(1, pooledSpec())
	if _, err := p.Launch(t.Context(), r); !errors.Is(err, provisioner.Transient) {
		t.Fatalf("without an address it is launched: %v", err)
	}
	s.eventually("a list that shows it as unfinished", func() bool {
		list, err := p.List(t.Context(), owner)
		return err == nil && len(list) == 1 && list[0].Unfinished
	})
	s.sim.Break("AssociateAddress", 0)
	r.AskedBefore = time.Now()
	made := s.launch(s.open(), r)
	if made.Unfinished || len(made.PublicAddresses) != 1 || !slices.Equal(s.given(), []string{made.ID}) || s.sim.Living() != 1 {
		t.Errorf("%+v; addresses are with %v of %d instances", made, s.given(), s.sim.Living())
	}
	s.eventually("a list that shows it whole", func() bool {
		list, err := p.List(t.Context(), owner)
		return err == nil && len(list) == 1 && !list[0].Unfinished && slices.Equal(list[0].PublicAddresses, made.PublicAddresses)
	})
	if again := s.launch(p, r); again.ID != made.ID || !slices.Equal(again.PublicAddresses, made.PublicAddresses) {
		t.Errorf("the first manager, asked again, has %+v", again)
	}
}

func TestLostAnswerGivesNoSecondAddress(t *testing.T) {
	t.Parallel()
	s := simulated(t, hostile)
	s.addresses(4)
	s.sim.Lose("AssociateAddress", 3)
	r := request(1, pooledSpec())
	var made provisioner.Instance
	s.eventually("a launch", func() bool {
		var err error
		made, err = s.open().Launch(t.Context(), r) // each time another manager
		r.AskedBefore = time.Now()
		return err == nil
	})
	if !slices.Equal(s.given(), []string{made.ID}) || s.sim.Living() != 1 {
		t.Errorf("addresses are with %v of %d instances", s.given(), s.sim.Living())
	}
}

// What is refused an address at last leaves no instance behind.
func TestLaunchThatGetsNoAddressLeavesNothing(t *testing.T) {
	t.Parallel()
	t.Run("for want of the right", func(t *testing.T) {
		t.Parallel()
		s := simulated(t, hostile)
		s.addresses(2)
		s.sim.Forbid("AssociateAddress")
		_, err := s.open().Launch(t.Context(), request(1, pooledSpec()))
		if !errors.Is(err, provisioner.Unauthorized) || !strings.Contains(err.Error(), "ec2:AssociateAddress") {
			t.Errorf("%v", err)
		}
		s.eventually("its end", func() bool { return s.sim.Living() == 0 })
	})
	t.Run("because others took the last", func(t *testing.T) {
		t.Parallel()
		s := simulated(t, hostile)
		last := s.addresses(1)[0]
		s.sim.Break("AssociateAddress", 1<<20)
		p, r := s.open(), request(1, pooledSpec())
		if _, err := p.Launch(t.Context(), r); !errors.Is(err, provisioner.Transient) {
			t.Fatal(err)
		}
		s.sim.Break("AssociateAddress", 0)
		s.sim.Occupy(last)
		if _, err := p.Launch(t.Context(), r); !errors.Is(err, provisioner.Capacity) || len(provisioner.Refused(err)) != 1 {
			t.Errorf("%v", err)
		}
		s.eventually("its end", func() bool { return s.sim.Living() == 0 })
		if _, err := p.Launch(t.Context(), request(2, pooledSpec())); !errors.Is(err, provisioner.Capacity) {
			t.Errorf("%v", err)
		}
		if runs := s.sim.Calls()["RunInstances"]; runs != 1 {
			t.Errorf("%d launches, though it was seen before the second that no address is free", runs)
		}
	})
}

// Before its address comes a node has none by which no firewall knows it, and what
// it tells clients is not the private one.
func TestNodeOfAPoolHasNoOtherAddress(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	ids := s.addresses(3)
	made := s.launch(s.open(), request(1, spec(map[string]any{"addresses": ids[1:2], "public_address": true})))
	asked := s.sim.Launched(made.ID)
	data, err := base64.StdEncoding.DecodeString(asked["UserData"])
	if err != nil || asked["NetworkInterface.1.AssociatePublicIpAddress"] != "false" || !strings.Contains(string(data), `"public_later": true`) {
		t.Errorf("asked for with %q, told %s, %v", asked["NetworkInterface.1.AssociatePublicIpAddress"], data, err)
	}
	for _, a := range s.sim.Addresses() {
		if a.Associated != (a.Allocation == ids[1]) || a.Associated && !slices.Equal(made.PublicAddresses, []string{a.PublicIP}) {
			t.Errorf("%+v; it shows %v", a, made.PublicAddresses)
		}
	}
}

func TestValidateLooksForThePool(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	id := s.addresses(1)[0]
	s.sim.Occupy(id) // in use is no fault: running nodes have them
	for field, changes := range map[string]map[string]any{
		"":             {"address_pool": "media"},
		"address_pool": {"address_pool": "none"},
		"addresses[1]": {"addresses": []string{id, "eipalloc-0123456789abcdef0"}},
	} {
		faults, err := s.open().Validate(t.Context(), spec(changes))
		if err != nil || field == "" && len(faults) > 0 || field != "" && (len(faults) != 1 || faults[0].Field != field) {
			t.Errorf("%q: %v, %v", field, faults, err)
		}
	}
}
