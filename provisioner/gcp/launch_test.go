package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/gcp/gcesim"
	"github.com/godwit/godwit/provisioner/gcp/template"
	"github.com/godwit/godwit/provisioner/providertest"
)

var owner, request, launch = providertest.Owner, providertest.Request, providertest.Launch

func setup(t *testing.T, o gcesim.Options) (*Provider, *gcesim.Cloud) {
	t.Helper()
	c := gcesim.New(o)
	t.Cleanup(c.Close)
	return connect(t, c), c
}

func oneZone(t *testing.T, more map[string]any) json.RawMessage {
	t.Helper()
	changes := map[string]any{"zones": []string{gcesim.Region + "-b"}}
	maps.Copy(changes, more)
	return spec(t, changes)
}

func TestAnInstanceIsWhatTheTemplateSays(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	i := launch(t, p, request("1", oneZone(t, nil)))
	zone, name, _ := strings.Cut(i.ID, "/")
	if i.Type != "n2-standard-4" || zone != gcesim.Region+"-b" || i.Zone != zone || i.Spot || i.Owner != owner {
		t.Errorf("launched %+v", i)
	}
	if len(i.PrivateAddresses) != 1 || len(i.PublicAddresses) != 1 {
		t.Errorf("addresses %v, %v", i.PrivateAddresses, i.PublicAddresses)
	}
	if i.Tags["team"] != "media" || i.Tags["node"] != "name-1" {
		t.Errorf("tags %v", i.Tags)
	}
	if data := c.UserData(zone, name); !strings.Contains(data, "join-secret") || !strings.Contains(data, "cloud-config") {
		t.Errorf("user data %q", data)
	}
	if disks := c.Disks(); len(disks) != 2 {
		t.Errorf("disks %v, want root and swap", disks)
	}
	if r := p.Terminate(t.Context(), []string{i.ID}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
	if c.Instances() != 0 || len(c.Disks()) != 0 {
		t.Errorf("left are %d instances, disks %v", c.Instances(), c.Disks())
	}
}

func TestNodesSpreadOverZones(t *testing.T) {
	t.Parallel()
	p, _ := setup(t, gcesim.Options{})
	count := map[string]int{}
	for n := range 9 {
		count[launch(t, p, request(fmt.Sprint(n), spec(t, nil))).Zone]++
	}
	for _, zone := range gcesim.Zones() {
		if count[zone] != 3 {
			t.Errorf("nine nodes stand in %v", count)
		}
	}
}

func TestAZoneThatIsOutCostsNoSecondReconcile(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	zones := gcesim.Zones()
	for _, zone := range zones[:2] {
		c.Exhaust(gcesim.Offering{Zone: zone, Type: "n2-standard-4"}, true)
	}
	for n := range 4 {
		i := launch(t, p, request(fmt.Sprint(n), spec(t, nil)))
		if i.Zone != zones[2] {
			t.Fatalf("node %d stands in %s, which is out", n, i.Zone)
		}
		if n > 0 && !strings.Contains(fmt.Sprint(i.PassedOver), "ZONE_RESOURCE_POOL_EXHAUSTED") {
			t.Errorf("node %d does not say why: %v", n, i.PassedOver)
		}
	}
	if inserts := c.Calls("instances.insert"); inserts > 6 {
		t.Errorf("%d inserts for 4 nodes and 2 refusals: what was refused is not remembered", inserts)
	}
}

func TestTypesAreTriedInOrder(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	want := spec(t, map[string]any{"instance_types": []string{"c3-standard-8", "n2-standard-4"}})
	if i := launch(t, p, request("1", want)); i.Type != "c3-standard-8" {
		t.Errorf("got %s though the first choice was to be had", i.Type)
	}
	for _, zone := range gcesim.Zones() {
		c.Exhaust(gcesim.Offering{Zone: zone, Type: "c3-standard-8"}, true)
	}
	if i := launch(t, p, request("2", want)); i.Type != "n2-standard-4" {
		t.Errorf("got %s", i.Type)
	}
}

func TestSpotFallsBackToOnDemandInTheSameLaunch(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	want := spec(t, map[string]any{"spot_percent": 100})
	if i := launch(t, p, request("1", want)); !i.Spot {
		t.Errorf("%s is not spot", i.ID)
	}
	for _, zone := range gcesim.Zones() {
		c.Exhaust(gcesim.Offering{Zone: zone, Type: "n2-standard-4", Spot: true}, true)
	}
	i := launch(t, p, request("2", want))
	if i.Spot || !strings.Contains(fmt.Sprint(i.PassedOver), "spot") {
		t.Errorf("spot %v, after %v", i.Spot, i.PassedOver)
	}
	_, err := p.Launch(t.Context(), request("3", spec(t, map[string]any{"spot_percent": 100, "spot_fallback": false})))
	if !errors.Is(err, provisioner.Capacity) || provisioner.RetryAfter(err) <= 0 {
		t.Errorf("without fallback: %v", err)
	}
}

func TestQuotaBlocksOnlyWhatItIsFor(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	c.Quota("CPUS", 8)
	launch(t, p, request("1", spec(t, nil)))
	launch(t, p, request("2", spec(t, nil)))
	_, err := p.Launch(t.Context(), request("3", spec(t, nil)))
	if !errors.Is(err, provisioner.Quota) || !strings.Contains(err.Error(), "Quota 'CPUS' exceeded") {
		t.Fatalf("beyond the quota: %v", err)
	}
	inserts := c.Calls("instances.insert")
	if _, err := p.Launch(t.Context(), request("4", spec(t, nil))); !errors.Is(err, provisioner.Quota) {
		t.Errorf("again: %v", err)
	}
	if c.Calls("instances.insert") != inserts {
		t.Error("Google is asked again for what it has just refused in all zones")
	}
	launch(t, p, request("5", spec(t, map[string]any{"spot_percent": 100})))
}

func TestATypeThatAZoneLacksIsHadFromAnother(t *testing.T) {
	t.Parallel()
	p, _ := setup(t, gcesim.Options{})
	for n := range 4 {
		i := launch(t, p, request(fmt.Sprint(n), spec(t, map[string]any{"instance_types": []string{"c3-standard-8"}})))
		if i.Zone == gcesim.Region+"-d" {
			t.Errorf("%s stands where there is no such type", i.ID)
		}
	}
	_, err := p.Launch(t.Context(), request("x", spec(t, map[string]any{"instance_types": []string{"z9-standard-1"}})))
	if !errors.Is(err, provisioner.InvalidTemplate) || provisioner.Field(err) != "instance_types" {
		t.Errorf("a type that no zone has: %v", err)
	}
}

func TestLostAnswersMakeNoSecondInstance(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	c.LoseNext(3)
	launch(t, p, request("1", spec(t, nil)))
	if n := c.Instances(); n != 1 {
		t.Errorf("%d instances", n)
	}
	if got := c.Calls("instances.insert"); got != 4 {
		t.Errorf("%d inserts, want 4", got)
	}
}

// The manager died after its insert; by the time of the next, the zones fill in
// another order and the first has no room.
func TestTheNextManagerFindsWhatTheFirstMade(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	first := launch(t, p, request("1", spec(t, nil)))
	next := connect(t, c)
	for _, zone := range gcesim.Zones() {
		c.Exhaust(gcesim.Offering{Zone: zone, Type: "n2-standard-4"}, zone == first.Zone)
		next.market.Spread.Add(owner.Cluster, first.Zone, 5)
	}
	r := request("1", spec(t, nil))
	r.AskedBefore = time.Now()
	if again := launch(t, next, r); again.ID != first.ID || c.Instances() != 1 {
		t.Errorf("made %s beside %s", again.ID, first.ID)
	}
}

func TestANameOfSomebodyElseIsNotTaken(t *testing.T) {
	t.Parallel()
	p, _ := setup(t, gcesim.Options{})
	r := request("1", oneZone(t, nil))
	launch(t, p, r)
	found, err := p.instance(t.Context(), gcesim.Region+"-b", instanceName(owner, r.ClientToken))
	if err != nil {
		t.Fatal(err)
	}
	put(found.Labels, labelToken, "another")
	a := &asking{p: p, request: r}
	if _, err := a.known(found); !errors.Is(err, provisioner.InvalidTemplate) {
		t.Errorf("taken: %v", err)
	}
}

func TestALaunchThatIsInterruptedEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{Step: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for c.Calls("zoneOperations.wait") == 0 {
			time.Sleep(time.Millisecond) // until the launch waits for its operation
		}
		cancel()
	}()
	if _, err := p.Launch(ctx, request("1", spec(t, nil))); !provisioner.Interrupted(err) {
		t.Errorf("launch: %v", err)
	}
}

func TestWrongTemplatesAreBlamedOnTheirFields(t *testing.T) {
	t.Parallel()
	p, _ := setup(t, gcesim.Options{})
	for field, changes := range map[string]map[string]any{
		"image":             {"image": "gone"},
		"subnets":           {"subnets": []string{"gone"}},
		"service_account":   {"service_account": "gone@godwit-test.iam.gserviceaccount.com"},
		"first_boot_script": {"first_boot_script": "#!/bin/sh\n" + strings.Repeat("# long\n", 40_000)},
		"binary":            {"binary": "manager"},
	} {
		_, err := p.Launch(t.Context(), request("1", oneZone(t, changes)))
		if !errors.Is(err, provisioner.InvalidTemplate) || provisioner.Field(err) != field {
			t.Errorf("%s: %v (field %q)", field, err, provisioner.Field(err))
		}
	}
}

func TestUserDataIsNotInLists(t *testing.T) {
	t.Parallel()
	p, _ := setup(t, gcesim.Options{})
	launch(t, p, request("1", spec(t, nil)))
	list, err := p.list(t.Context(), owner)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if list[0].GetMetadata() != nil {
		t.Error("a list carries user data, and with it a join token")
	}
}

func TestLabelsHoldAnyText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "abc-1", "Ab_c", "_41", "ü/ö \n", strings.Repeat("X", 64)} {
		labels := map[string]string{}
		put(labels, labelToken, text)
		if got := take(labels, labelToken); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
		for key, value := range labels {
			if !template.LabelKey.MatchString(key) || !template.LabelValue.MatchString(value) {
				t.Errorf("%q is written as %s=%s", text, key, value)
			}
		}
	}
	if len(instanceName(owner, strings.Repeat("x", 64))) > 63 || !slices.Contains([]byte("89ab"), requestID("x")[19]) {
		t.Error("names that Google does not take")
	}
}

func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{"", "_", "_4", "_41", "a_zz", "__5f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := unescape(escape(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
		_ = unescape(text) // anything may be in somebody's label
	})
}
