package aws

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

func TestLaunchAsksForAllThatTheTemplateSays(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	r := request(1, spec(map[string]any{
		"spot_percent": 100, "swap_volume_gb": 8, "public_address": true, "encrypted": true, "key_name": "ops",
		"tags": map[string]string{"team": "video"},
	}))
	i := s.launch(p, r)
	if i.Owner != owner || i.NodeID != "node1" || i.ClientToken != r.ClientToken || !i.Spot || i.Type != "c7i.large" || len(i.PublicAddresses) != 1 || i.Tags["team"] != "video" {
		t.Errorf("launched %+v", i)
	}
	asked := s.sim.Launched(i.ID)
	for name, want := range map[string]string{
		"MetadataOptions.HttpTokens": "required", "InstanceInitiatedShutdownBehavior": "terminate", "KeyName": "ops",
		"IamInstanceProfile.Name": ec2sim.Profile, "NetworkInterface.1.SecurityGroupId.1": ec2sim.Group,
		"NetworkInterface.1.AssociatePublicIpAddress": "true", "NetworkInterface.1.DeleteOnTermination": "true",
		"BlockDeviceMapping.1.DeviceName": "/dev/xvda", "BlockDeviceMapping.1.Ebs.VolumeSize": "20", "BlockDeviceMapping.1.Ebs.Encrypted": "true",
		"BlockDeviceMapping.2.DeviceName": swapDevice, "BlockDeviceMapping.2.Ebs.VolumeSize": "8", "BlockDeviceMapping.2.Ebs.DeleteOnTermination": "true",
		"InstanceMarketOptions.SpotOptions.SpotInstanceType": "one-time",
	} {
		if asked[name] != want {
			t.Errorf("%s is %q, want %q", name, asked[name], want)
		}
	}
	kinds := map[string]bool{}
	for n := 1; asked[fmt.Sprintf("TagSpecification.%d.ResourceType", n)] != ""; n++ {
		at := fmt.Sprintf("TagSpecification.%d", n)
		kinds[asked[at+".ResourceType"]] = true
		owned := false
		for m := 1; asked[fmt.Sprintf("%s.Tag.%d.Key", at, m)] != ""; m++ {
			owned = owned || asked[fmt.Sprintf("%s.Tag.%d.Key", at, m)] == tagInstallation && asked[fmt.Sprintf("%s.Tag.%d.Value", at, m)] == "inst"
		}
		if !owned {
			t.Errorf("%s has no owner", asked[at+".ResourceType"])
		}
	}
	if len(kinds) != 4 {
		t.Errorf("tagged are %v; want instance, volume, interface and spot request", kinds)
	}
	data, err := base64.StdEncoding.DecodeString(asked["UserData"])
	if err != nil || !strings.Contains(string(data), `"join_token": "secret"`) {
		t.Errorf("user data (%v):\n%s", err, data)
	}
}

func TestWhatHasNoCapacityIsPassedOverAndRemembered(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	s.sim.Refuse("c7i.large", "*", "*", "InsufficientInstanceCapacity")
	i := s.launch(p, request(1, spec(nil)))
	if i.Type != "c6i.large" || len(i.PassedOver) != 3 || !strings.HasSuffix(i.PassedOver[0].String(), ": no capacity (InsufficientInstanceCapacity)") {
		t.Errorf("launched %s, after %v", i.Type, i.PassedOver)
	}
	// Each zone was asked once: a refusal for want of capacity comes with status
	// 500, and is no hiccup to be repeated.
	if n := s.sim.Calls()["RunInstances"]; n != 4 {
		t.Errorf("asked %d times", n)
	}
	s.launch(p, request(2, spec(nil)))
	if n := s.sim.Calls()["RunInstances"]; n != 5 {
		t.Errorf("what was refused is asked for again: %d calls", n)
	}
}

func TestSpotFallsBackToOnDemandInTheSameCall(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	s.sim.Refuse("*", "*", "spot", "InsufficientInstanceCapacity")
	i := s.launch(s.open(), request(1, spec(map[string]any{"spot_percent": 100})))
	if i.Spot {
		t.Errorf("launched %+v", i)
	}
	_, err := s.open().Launch(t.Context(), request(2, spec(map[string]any{"spot_percent": 100, "spot_fallback": false})))
	if !errors.Is(err, provisioner.Capacity) || provisioner.RetryAfter(err) == 0 {
		t.Errorf("spot alone: %v", err)
	}
}

func TestSpotShareIsKeptOverManyNodes(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	spot := 0
	for n := range 60 {
		if s.launch(p, request(n, spec(map[string]any{"spot_percent": 50}))).Spot {
			spot++
		}
	}
	if spot < 20 || spot > 40 {
		t.Errorf("%d of 60 are spot, of 50 percent", spot)
	}
}

func TestQuotaGivesWhatFitsAndIsNotHammered(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	s.sim.Limit("on-demand", 2)
	var last error
	for n := range 6 {
		_, last = p.Launch(t.Context(), request(n, spec(nil)))
	}
	if !errors.Is(last, provisioner.Quota) || !strings.Contains(last.Error(), "VcpuLimitExceeded") {
		t.Errorf("beyond the quota: %v", last)
	}
	if s.sim.Living() != 2 {
		t.Errorf("%d instances in a quota of 2", s.sim.Living())
	}
	if n := s.sim.Calls()["RunInstances"]; n != 4 { // 2 made, one refusal for each type
		t.Errorf("asked %d times", n)
	}
	// The quota of one market says nothing of the other's.
	if i := s.launch(p, request(9, spec(map[string]any{"spot_percent": 100}))); !i.Spot {
		t.Errorf("launched %+v", i)
	}
}

func TestNodesAreSpreadOverZones(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	zones := map[string]int{}
	for n := range 6 {
		if n == 3 { // after a restart the list tells where the others are
			p = s.open()
			if _, err := p.List(t.Context(), provisioner.Owner{Installation: owner.Installation}); err != nil {
				t.Fatal(err)
			}
		}
		zones[s.launch(p, request(n, spec(nil))).Zone]++
	}
	if zones[ec2sim.ZoneA] != 2 || zones[ec2sim.ZoneB] != 2 || zones[ec2sim.ZoneC] != 2 {
		t.Errorf("six nodes are in %v", zones)
	}
}

func TestZoneWithoutTheTypeIsLeftOut(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	for n := range 3 {
		if i := s.launch(p, request(n, spec(map[string]any{"instance_types": []string{"m8i.large"}}))); i.Zone != ec2sim.ZoneA {
			t.Errorf("launched in %s", i.Zone)
		}
	}
	if n := s.sim.Calls()["RunInstances"]; n > 5 {
		t.Errorf("asked %d times for three nodes and two zones without the type", n)
	}
}

func TestLostAnswerIsAskedForAgainBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	s := simulated(t, hostile)
	p := s.open()
	s.sim.Lose("RunInstances", attempts)
	r := request(1, spec(nil))
	if _, err := p.Launch(t.Context(), r); !errors.Is(err, provisioner.Transient) {
		t.Fatalf("no answer: %v", err)
	}
	// Meanwhile others find the offering empty, and zones fill up.
	s.sim.Refuse("c7i.large", "*", "*", "InsufficientInstanceCapacity")
	for n := 2; n < 6; n++ {
		s.launch(p, request(n, spec(nil)))
	}
	i := s.launch(p, r)
	if i.Type != "c7i.large" || s.sim.Living() != 5 {
		t.Errorf("launched %s; %d instances for five nodes", i.Type, s.sim.Living())
	}
}

func TestNextManagerFindsWhatTheLastOneNeverHeardOf(t *testing.T) {
	t.Parallel()
	s := simulated(t, hostile)
	first := s.open()
	first.market.Spread.Add("c1", ec2sim.SubnetA, 9) // it knew what the next does not: its order was another
	first.market.Spread.Add("c1", ec2sim.SubnetB, 5)
	s.sim.Lose("RunInstances", attempts)
	r := request(1, spec(nil))
	if _, err := first.Launch(t.Context(), r); err == nil {
		t.Fatal("the answer was not lost")
	}
	next := s.open()
	next.market.Spread.Add("c1", ec2sim.SubnetC, 9)
	r.AskedBefore = time.Now()
	i := s.launch(next, r)
	if i.Zone != ec2sim.ZoneC || s.sim.Living() != 1 {
		t.Errorf("found %+v; %d instances for one node", i, s.sim.Living())
	}
}

func TestNewerImageInBetweenMakesNoSecondInstance(t *testing.T) {
	t.Parallel()
	s := simulated(t, hostile)
	r := request(1, spec(map[string]any{"image": nil, "image_name": ec2sim.ImageFamily}))
	s.sim.Lose("RunInstances", attempts)
	if _, err := s.open().Launch(t.Context(), r); err == nil {
		t.Fatal("the answer was not lost")
	}
	s.sim.AddImage("ami-0a0000000000000a9", "godwit-node-3", "2026-05-01T00:00:00.000Z")
	next := s.open()
	s.eventually("the instance of the first call", func() bool {
		_, err := next.Launch(t.Context(), r)
		if err != nil && !errors.Is(err, provisioner.Transient) {
			t.Fatal(err)
		}
		return err == nil
	})
	if s.sim.Living() != 1 {
		t.Errorf("%d instances for one node", s.sim.Living())
	}
	if i := s.launch(next, request(2, r.Spec)); s.sim.Launched(i.ID)["ImageId"] != "ami-0a0000000000000a9" {
		t.Errorf("the next node is made from %s", s.sim.Launched(i.ID)["ImageId"])
	}
}

func TestSpentTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	r := request(1, spec(nil))
	i := s.launch(p, r)
	if result := p.Terminate(t.Context(), []string{i.ID}); result[0].Err != nil {
		t.Fatal(result[0].Err)
	}
	for _, next := range []*Provider{p, s.open()} {
		if again, err := next.Launch(t.Context(), r); !errors.Is(err, provisioner.NotFound) {
			t.Errorf("a token whose instance has ended gives %+v, %v", again, err)
		}
	}
}

func TestThrottlingIsOutlastedOrTold(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	s.sim.Throttle("RunInstances", attempts-1)
	s.launch(p, request(1, spec(nil)))
	s.sim.Throttle("RunInstances", 100)
	_, err := p.Launch(t.Context(), request(2, spec(nil)))
	if !errors.Is(err, provisioner.Throttled) || provisioner.RetryAfter(err) == 0 {
		t.Errorf("throttled for long: %v", err)
	}
	s.sim.Throttle("RunInstances", 0)
	s.launch(p, request(2, spec(nil)))
	if s.sim.Living() != 2 {
		t.Errorf("%d instances for two nodes", s.sim.Living())
	}
}

func TestBudgetHoldsBackHereRatherThanThere(t *testing.T) {
	t.Parallel()
	b := newBudget(false)
	allowed := 0
	for b.of("RunInstances").Allow() {
		allowed++
	}
	if allowed != 5 {
		t.Errorf("%d launches at once; EC2's bucket holds 5", allowed)
	}
	if !b.of("DescribeInstances").Allow() || !b.of("TerminateInstances").Allow() {
		t.Error("launches use up what reads and ends need")
	}
}

func TestReadsAndEndsAtOnceAreOneCall(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	var ids []string
	for n := range 30 {
		ids = append(ids, s.launch(p, request(n, spec(nil))).ID)
	}
	before := s.sim.Calls()
	for _, do := range []func(id string) error{
		func(id string) error { _, err := p.Get(t.Context(), id); return err },
		func(id string) error { return p.Terminate(t.Context(), []string{id})[0].Err },
	} {
		var group sync.WaitGroup
		for _, id := range ids {
			group.Go(func() {
				if err := do(id); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	after := s.sim.Calls()
	// A page holds five here: six pages a batch, and a slow machine may cut one.
	if n := after["DescribeInstances"] - before["DescribeInstances"]; n > 14 {
		t.Errorf("%d reads of 30 instances", n)
	}
	if n := after["TerminateInstances"] - before["TerminateInstances"]; n > 3 {
		t.Errorf("%d calls to end 30 instances", n)
	}
	s.eventually("all ended", func() bool { return s.sim.Living() == 0 })
	if left := s.sim.Left(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestYoungInstanceIsNotTakenForGone(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{Lag: time.Hour})
	p := s.open(func(c *Config) { c.Lag = time.Hour })
	i := s.launch(p, request(1, spec(nil)))
	if seen, err := p.Get(t.Context(), i.ID); err != nil || seen.State != provisioner.Pending {
		t.Errorf("get: %+v, %v", seen, err)
	}
	if result := p.Terminate(t.Context(), []string{i.ID}); !errors.Is(result[0].Err, provisioner.Transient) {
		t.Errorf("an instance that EC2 does not show yet is left running: %v", result[0].Err)
	}
}

func TestSpotIsNotStopped(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	spot, other := s.launch(p, request(1, spec(map[string]any{"spot_percent": 100}))), s.launch(p, request(2, spec(nil)))
	results := p.Stop(t.Context(), []string{spot.ID, other.ID})
	if !errors.Is(results[0].Err, provisioner.Unsupported) || results[1].Err != nil {
		t.Errorf("stop of spot and of another: %v, %v", results[0].Err, results[1].Err)
	}
}

func TestRoleIsAssumed(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	as := func(id string) *Provider {
		return s.open(func(c *Config) { c.Role, c.ExternalID = "arn:aws:iam::123456789012:role/godwit", id })
	}
	s.launch(as("friend"), request(1, spec(nil)))
	if _, err := as("stranger").List(t.Context(), owner); !errors.Is(err, provisioner.Unauthorized) {
		t.Errorf("a role that may not be assumed: %v", err)
	}
}
