package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"go.uber.org/goleak"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure/armsim"
	"github.com/godwit/godwit/provisioner/azure/template"
	"github.com/godwit/godwit/provisioner/offering"
	"github.com/godwit/godwit/provisioner/providertest"
)

func TestMain(m *testing.M) {
	if os.Getenv("GODWIT_LIVE_AZURE") != "" {
		os.Exit(m.Run()) // the SDK keeps connections to a real account for a while
	}
	goleak.VerifyTestMain(m)
}

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVhLc7zj0ZcVn7oQm3mJvWQ2kq5k0f2m8mY3Wm1y0aB ops"

const identity = "/subscriptions/" + armsim.Subscription + "/resourceGroups/nodes/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"

// spec is a valid template, with changes.
func spec(t *testing.T, changes map[string]any) json.RawMessage {
	t.Helper()
	return providertest.Spec(t, map[string]any{
		"region": armsim.Region, "zones": []string{"1", "2", "3"}, "image": "Debian:debian-12:12-gen2:latest",
		"instance_types": []string{"Standard_D4s_v5"}, "subnets": []string{"network/nodes"}, "security_groups": []string{"nodes"},
		"public_address": true, "identity": identity, "ssh_public_key": key, "swap_volume_gb": 16, "binary": "image",
		"tags": map[string]string{"Cost Centre": "Media & more"[:5]},
	}, changes)
}

func connect(t *testing.T, c *armsim.Cloud) *Provider {
	t.Helper()
	p, err := New(Config{
		Subscription: armsim.Subscription, ResourceGroup: armsim.Group, Credential: &azfake.TokenCredential{},
		Compute: c.Compute, Network: c.Network, Pause: time.Millisecond, Poll: time.Millisecond, Budget: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func harness(t *testing.T, o armsim.Options, grant ...string) (providertest.Harness, *armsim.Cloud) {
	t.Helper()
	c := armsim.New(o)
	t.Cleanup(c.Close)
	if len(grant) > 0 {
		c.Grant(grant...)
	}
	return providertest.Harness{
		Provider: connect(t, c),
		Reopen:   func(t *testing.T) provisioner.Provider { return connect(t, c) },
		Spec:     spec(t, nil),
		Invalid: map[string]json.RawMessage{
			"region":             spec(t, map[string]any{"region": "West Europe"}),
			"zones[0]":           spec(t, map[string]any{"zones": []string{"westeurope-1"}}),
			"image":              spec(t, map[string]any{"image": "debian"}),
			"instance_types":     spec(t, map[string]any{"instance_types": nil}),
			"instance_types[0]":  spec(t, map[string]any{"instance_types": []string{"D4s"}}),
			"subnets":            spec(t, map[string]any{"subnets": nil}),
			"subnets[0]":         spec(t, map[string]any{"subnets": []string{"nodes"}}),
			"security_groups":    spec(t, map[string]any{"security_groups": []string{"a", "b"}}),
			"identity":           spec(t, map[string]any{"identity": "nodes"}),
			"ssh_public_key":     spec(t, map[string]any{"ssh_public_key": nil}),
			"spot_percent":       spec(t, map[string]any{"spot_percent": -1}),
			"root_gb":            spec(t, map[string]any{"root_gb": 5000}),
			"volume_type":        spec(t, map[string]any{"volume_type": "gp3"}),
			"tags.a/b":           spec(t, map[string]any{"tags": map[string]string{"a/b": "x"}}),
			"tags.godwit-node":   spec(t, map[string]any{"tags": map[string]string{"godwit-node": "x"}}),
			"node.send_cap_mbps": spec(t, map[string]any{"node": map[string]any{"send_cap_mbps": -1}}),
			"address_pool":       spec(t, map[string]any{"address_pool": "192.0.2.0/28"}),
			"addresses":          spec(t, map[string]any{"addresses": []string{"one"}}),
			"send_cap":           spec(t, map[string]any{"send_cap": 1}),
		},
		Pool:   pool(t, c),
		Output: "login:",
		Crash:  func(_ *testing.T, i provisioner.Instance) { c.Halt(i.ID) },
		Bulk:   14,
	}, c
}

// pool is a prefix of four addresses, of which something else has one, beside
// another prefix and an address of none.
func pool(t *testing.T, c *armsim.Cloud) *providertest.Pool {
	c.Prefix("egress", armsim.Region, 4)
	c.OccupyPrefix("egress")
	c.Prefix("other", armsim.Region, 2)
	c.OccupyPrefix("other")
	c.OrphanAddress("alone", nil)
	return &providertest.Pool{
		Spec: spec(t, map[string]any{"address_pool": "egress", "public_address": nil}), Size: 3, Name: "address pool egress of " + armsim.Region + " has no free address",
		Held: func() (map[string]string, error) {
			by := c.Held("egress")
			maps.DeleteFunc(by, func(_, machine string) bool { return machine == "gateway" })
			return by, nil
		},
		Foreign: func() string { return fmt.Sprint(c.Strangers(), c.Held("other")) },
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		t.Helper()
		h, _ := harness(t, armsim.Options{Step: 4 * time.Millisecond, Page: 5})
		return h
	})
}

// The same where every third answer to a change is lost after it took effect.
func TestProviderOnABadDay(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		t.Helper()
		h, _ := harness(t, armsim.Options{Step: 10 * time.Millisecond, Page: 4, LoseOneIn: 3})
		return h
	})
}

var owner, request, launch = providertest.Owner, providertest.Request, providertest.Launch

func setup(t *testing.T) (*Provider, *armsim.Cloud) {
	t.Helper()
	c := armsim.New(armsim.Options{})
	t.Cleanup(c.Close)
	return connect(t, c), c
}

func TestAMachineComesAndGoesWithItsParts(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	i := launch(t, p, request("1", spec(t, nil)))
	if i.Type != "Standard_D4s_v5" || !strings.HasPrefix(i.Zone, armsim.Region+"-") || i.Spot || i.Owner != owner {
		t.Errorf("launched %+v", i)
	}
	if len(i.PrivateAddresses) != 1 || len(i.PublicAddresses) != 1 || i.Tags["node"] != "name-1" {
		t.Errorf("addresses %v, %v, tags %v", i.PrivateAddresses, i.PublicAddresses, i.Tags)
	}
	list, err := p.List(t.Context(), owner)
	if err != nil || len(list) != 1 || !slices.Equal(list[0].PublicAddresses, i.PublicAddresses) || list[0].State != provisioner.Running {
		t.Errorf("listed %+v, %v", list, err)
	}
	if left := c.Left(); len(left) != 5 {
		t.Errorf("there are %v; want machine, interface, address and two disks", left)
	}
	if r := p.Terminate(t.Context(), []string{i.ID}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
	if left := c.Left(); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestNodesSpreadOverZones(t *testing.T) {
	t.Parallel()
	p, _ := setup(t)
	count := map[string]int{}
	for n := range 6 {
		count[launch(t, p, request(fmt.Sprint(n), spec(t, nil))).Zone]++
	}
	if len(count) != 3 || count[armsim.Region+"-1"] != 2 {
		t.Errorf("six nodes stand in %v", count)
	}
}

func TestWhatCannotBePlacedIsDeletedAndTheNextTried(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	for _, zone := range []string{"1", "2"} {
		c.Exhaust(armsim.Offering{Zone: zone, Size: "Standard_D4s_v5"}, true)
	}
	for n := range 3 {
		i := launch(t, p, request(fmt.Sprint(n), spec(t, nil)))
		if i.Zone != armsim.Region+"-3" {
			t.Fatalf("node %d stands in %s, which is out", n, i.Zone)
		}
		if n > 0 && !strings.Contains(fmt.Sprint(i.PassedOver), "ZonalAllocationFailed") {
			t.Errorf("node %d does not say why: %v", n, i.PassedOver)
		}
	}
	if left := c.Left(); len(left) != 15 {
		t.Errorf("three nodes of five parts each, and there are %d: %v", len(left), left)
	}
	if n := c.Creations(); n > 5 {
		t.Errorf("%d creations: what was refused is not remembered", n)
	}
}

func TestSpotFallsBackToOnDemandInTheSameLaunch(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	spot := spec(t, map[string]any{"spot_percent": 100})
	i := launch(t, p, request("1", spot))
	if !i.Spot {
		t.Errorf("%s is not spot", i.ID)
	}
	c.Evict(i.ID)
	if left := c.Left(); len(left) != 0 {
		t.Errorf("of evicted spot are left %v", left)
	}
	for _, zone := range []string{"1", "2", "3"} {
		c.Exhaust(armsim.Offering{Zone: zone, Size: "Standard_D4s_v5", Spot: true}, true)
	}
	if i := launch(t, p, request("2", spot)); i.Spot || !strings.Contains(fmt.Sprint(i.PassedOver), "spot") {
		t.Errorf("%+v", i)
	}
	_, err := p.Launch(t.Context(), request("3", spec(t, map[string]any{"spot_percent": 100, "spot_fallback": false})))
	if !errors.Is(err, provisioner.Capacity) || provisioner.RetryAfter(err) <= 0 {
		t.Errorf("without fallback: %v", err)
	}
}

func TestQuotaAndMissingSizesAreTold(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	c.Quota("cores", 4)
	launch(t, p, request("1", spec(t, nil)))
	if _, err := p.Launch(t.Context(), request("2", spec(t, nil))); !errors.Is(err, provisioner.Quota) || !strings.Contains(err.Error(), "OperationNotAllowed") {
		t.Errorf("beyond the quota: %v", err)
	}
	c.Quota("cores", 100)
	for n := range 3 {
		i := launch(t, p, request(fmt.Sprint("f", n), spec(t, map[string]any{"instance_types": []string{"Standard_F8s_v2"}})))
		if i.Zone == armsim.Region+"-3" {
			t.Errorf("%s stands where there is no such size", i.ID)
		}
	}
}

func TestLostAnswersMakeNoSecondMachine(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	c.LoseNext(2)
	first := launch(t, p, request("1", spec(t, nil)))
	// The next manager, which knows nothing and finds the zones in another order.
	next := connect(t, c)
	next.market.Spread.Add(owner.Cluster, first.Zone, 7)
	r := request("1", spec(t, nil))
	r.AskedBefore = time.Now()
	if again := launch(t, next, r); again.ID != first.ID || len(c.Left()) != 5 {
		t.Errorf("%s beside %s: %v", again.ID, first.ID, c.Left())
	}
}

// Somebody makes a machine of the launch's name after the launch looked.
func TestAForeignMachineIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	asks := func(token string) error {
		r := request(token, spec(t, nil))
		parsed, found := template.Parse(r.Spec)
		if err := r.Blame(found); err != nil {
			t.Fatal(err)
		}
		a := &asking{p: p, request: r, spec: parsed, name: nameOf(owner, "mine")}
		_, err := a.one(t.Context(), offering.Offering{Type: parsed.InstanceTypes[0], Zone: armsim.Region + "-1"})
		return err
	}
	if err := asks("theirs"); err != nil {
		t.Fatal(err)
	}
	if err := asks("mine"); !errors.Is(err, provisioner.InvalidTemplate) || !strings.Contains(err.Error(), "somebody else") || len(c.Machines()) != 1 {
		t.Errorf("%v, %v", err, c.Machines())
	}
}

func TestThrottlingIsToldWithAdvice(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	c.ThrottleNext(3)
	launch(t, p, request("1", spec(t, nil)))
	c.ThrottleNext(1 << 30)
	if _, err := p.Launch(t.Context(), request("2", spec(t, nil))); !errors.Is(err, provisioner.Throttled) || provisioner.RetryAfter(err) < time.Second {
		t.Errorf("throttled for long: %v", err)
	}
}

func TestStartSaysWhenThereIsNoRoom(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	i := launch(t, p, request("1", spec(t, nil)))
	if r := p.Stop(t.Context(), []string{i.ID}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
	if seen, err := p.Get(t.Context(), i.ID); err != nil || seen.State != provisioner.Stopped {
		t.Fatalf("%+v, %v", seen, err)
	}
	c.Exhaust(armsim.Offering{Zone: i.Zone[len(i.Zone)-1:], Size: i.Type}, true)
	if r := p.Start(t.Context(), []string{i.ID}); !errors.Is(r[0].Err, provisioner.Capacity) {
		t.Errorf("start: %v", r[0].Err)
	}
}

func TestOnlyOldPartsOfOursAreCollected(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	launch(t, p, request("1", spec(t, nil)))
	old := time.Now().Add(-time.Hour)
	tags := func(o provisioner.Owner, made time.Time) map[string]*string {
		return map[string]*string{tagInstallation: &o.Installation, tagCluster: &o.Cluster, tagMade: to(made.UTC().Format(time.RFC3339Nano))}
	}
	theirs := provisioner.Owner{Installation: "other", Cluster: "cluster"}
	c.OrphanCard("nic-old", tags(owner, old))
	c.OrphanCard("nic-young", tags(owner, time.Now()))
	c.OrphanCard("nic-theirs", tags(theirs, old))
	c.OrphanCard("nic-foreign", nil)
	c.OrphanAddress("ip-old", tags(owner, old))
	c.OrphanAddress("ip-theirs", tags(theirs, old))
	c.OrphanDisk(namePrefix(owner.Installation)+"x-root", old)
	c.OrphanDisk(namePrefix(owner.Installation)+"y-root", time.Now())
	c.OrphanDisk(namePrefix(theirs.Installation)+"z-root", old)
	before := len(c.Left())
	ended, err := p.Collect(t.Context(), provisioner.Owner{Installation: owner.Installation}, 10*time.Minute)
	want := []string{"address ip-old", "disk " + namePrefix(owner.Installation) + "x-root", "interface nic-old"}
	if slices.Sort(ended); err != nil || !slices.Equal(ended, want) || len(c.Left()) != before-3 {
		t.Errorf("ended %v, %v, left %v", ended, err, c.Left())
	}
}

func TestValidateAsksTheCloud(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	for field, changes := range map[string]map[string]any{
		"region":            {"region": "marsnorth"},
		"instance_types[1]": {"instance_types": []string{"Standard_D4s_v5", "Standard_Z9"}},
		"instance_types[0]": {"instance_types": []string{"Standard_F8s_v2"}, "zones": []string{"3"}},
		"image":             {"image": "Debian:debian-99:99:latest"},
		"subnets[0]":        {"subnets": []string{"network/gone"}},
	} {
		faults, err := p.Validate(t.Context(), spec(t, changes))
		if err != nil || len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v, %v", field, faults, err)
		}
	}
	c.Quota("cores", 2)
	if faults, err := p.Validate(t.Context(), spec(t, nil)); err != nil || len(faults) != 1 || !strings.Contains(faults[0].Problem, "cores") {
		t.Errorf("a quota too small: %v, %v", faults, err)
	}
	c.Grant("Microsoft.Compute/skus/read")
	if _, err := p.Validate(t.Context(), spec(t, nil)); !errors.Is(err, provisioner.Unauthorized) {
		t.Errorf("without rights: %v", err)
	}
}

// The role in deploy/ is what the provider needs: with it, and with nothing
// more, the whole suite passes, and the suite needs all of it.
func TestTheRoleIsExactlyWhatTheProviderNeeds(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/azure/godwit-manager-role.json")
	if err != nil {
		t.Fatal(err)
	}
	var role struct{ Actions, NotActions, DataActions []string }
	if err := json.Unmarshal(raw, &role); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(role.Actions) || len(role.NotActions)+len(role.DataActions) > 0 {
		t.Error("the role is not a sorted list of actions alone")
	}
	var mutex sync.Mutex // setups run at once
	used := map[string]bool{}
	note := func(c *armsim.Cloud) {
		mutex.Lock()
		defer mutex.Unlock()
		for _, action := range c.Used() {
			used[action] = true
		}
	}
	t.Run("suite", func(t *testing.T) {
		providertest.Run(t, func(t *testing.T) providertest.Harness {
			t.Helper()
			h, c := harness(t, armsim.Options{Step: time.Millisecond}, role.Actions...)
			t.Cleanup(func() { note(c) })
			return h
		})
	})
	c := armsim.New(armsim.Options{})
	defer c.Close()
	c.Grant(role.Actions...)
	p, old := connect(t, c), time.Now().Add(-time.Hour)
	tags := map[string]*string{tagInstallation: &owner.Installation, tagMade: to(old.UTC().Format(time.RFC3339Nano))}
	c.OrphanCard("nic", tags)
	c.OrphanAddress("ip", tags)
	c.OrphanDisk(namePrefix(owner.Installation)+"x-root", old)
	if ended, err := p.Collect(t.Context(), provisioner.Owner{Installation: owner.Installation}, time.Minute); err != nil || len(ended) != 3 {
		t.Errorf("collected %v, %v", ended, err)
	}
	note(c)
	for _, action := range role.Actions {
		if !used[action] {
			t.Errorf("the role grants %s, which nothing needs", action)
		}
		delete(used, action)
	}
	if len(used) > 0 {
		t.Errorf("the role lacks %v", slices.Sorted(maps.Keys(used)))
	}
}
