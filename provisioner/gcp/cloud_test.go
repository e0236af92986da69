package gcp

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/compute/apiv1/computepb"
	"go.yaml.in/yaml/v3"
	"google.golang.org/api/googleapi"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/gcp/gcesim"
	"github.com/godwit/godwit/provisioner/providertest"
)

func TestThrottlingIsWaitedFor(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	c.ThrottleNext(4)
	launch(t, p, request("1", spec(t, nil)))
	c.ThrottleNext(1 << 30)
	_, err := p.Launch(t.Context(), request("2", spec(t, nil)))
	if !errors.Is(err, provisioner.Throttled) || provisioner.RetryAfter(err) < time.Second {
		t.Errorf("throttled for long: %v", err)
	}
	if _, err := p.List(t.Context(), owner); !errors.Is(err, provisioner.Throttled) {
		t.Errorf("list: %v", err)
	}
	c.ThrottleNext(0)
	if n := c.Instances(); n != 1 {
		t.Errorf("%d instances", n)
	}
}

func TestAZoneThatDoesNotAnswerIsNotAnEmptyZone(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	i := launch(t, p, request("1", spec(t, nil)))
	c.Down(i.Zone, true)
	if list, err := p.List(t.Context(), owner); !errors.Is(err, provisioner.Transient) {
		t.Errorf("lists %v, %v: the node seems gone", list, err)
	}
	c.Down(i.Zone, false)
	if list, err := p.List(t.Context(), owner); err != nil || len(list) != 1 {
		t.Errorf("lists %v, %v", list, err)
	}
}

func TestSpotThatIsTakenBackGivesNoticeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{Step: 30 * time.Millisecond})
	i := launch(t, p, request("1", spec(t, map[string]any{"spot_percent": 100})))
	zone, name, _ := strings.Cut(i.ID, "/")
	c.Preempt(zone, name)
	seen, err := p.Get(t.Context(), i.ID)
	if err != nil || seen.Notice == nil || seen.Notice.Kind != provisioner.Reclaimed {
		t.Fatalf("%+v, %v", seen, err)
	}
	for deadline := time.Now().Add(10 * time.Second); c.Instances() > 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
		time.Sleep(time.Millisecond) // until the simulator has taken it
	}
	if _, err := p.Get(t.Context(), i.ID); !errors.Is(err, provisioner.NotFound) || len(c.Disks()) > 0 {
		t.Errorf("%v, disks %v", err, c.Disks())
	}
}

func TestMaintenanceIsANotice(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	i := launch(t, p, request("1", spec(t, nil)))
	at := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	zone, name, _ := strings.Cut(i.ID, "/")
	c.Maintain(zone, name, at)
	list, err := p.List(t.Context(), owner)
	if err != nil || len(list) != 1 || list[0].Notice == nil || !list[0].Notice.At.Equal(at) || list[0].Notice.Kind != provisioner.Maintenance {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestStartSaysWhenThereIsNoRoom(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	i := launch(t, p, request("1", spec(t, nil)))
	if r := p.Stop(t.Context(), []string{i.ID}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
	c.Exhaust(gcesim.Offering{Zone: i.Zone, Type: i.Type}, true)
	if r := p.Start(t.Context(), []string{i.ID}); !errors.Is(r[0].Err, provisioner.Capacity) {
		t.Errorf("start: %v", r[0].Err)
	}
}

func TestOnlyOldDisksOfOursAreCollected(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	launch(t, p, request("1", oneZone(t, nil)))
	zone, old := gcesim.Region+"-b", time.Now().Add(-time.Hour)
	theirs := provisioner.Owner{Installation: "other", Cluster: "cluster"}
	c.Orphan(zone, "godwit-old", ownerLabels(owner, "n"), old)
	c.Orphan(zone, "godwit-young", ownerLabels(owner, "n"), time.Now())
	c.Orphan(zone, "godwit-theirs", ownerLabels(theirs, "n"), old)
	c.Orphan(zone, "renamed", ownerLabels(owner, "n"), old)
	c.Orphan(zone, "foreign", nil, old)
	ended, err := p.Collect(t.Context(), provisioner.Owner{Installation: owner.Installation}, 10*time.Minute)
	if err != nil || !slices.Equal(ended, []string{"disk " + zone + "/godwit-old"}) {
		t.Errorf("ended %v, %v", ended, err)
	}
	if left := c.Disks(); len(left) != 6 || slices.Contains(left, zone+"/godwit-old") {
		t.Errorf("left are %v, want two disks that are used and four that are not ours to end", left)
	}
}

func TestValidateAsksTheCloud(t *testing.T) {
	t.Parallel()
	p, c := setup(t, gcesim.Options{})
	for field, changes := range map[string]map[string]any{
		"region":            {"region": "mars-north1"},
		"zones[0]":          {"zones": []string{gcesim.Region + "-z"}},
		"instance_types[1]": {"instance_types": []string{"n2-standard-4", "z9-standard-4"}},
		"image":             {"image": "gone"},
		"image_family":      {"image": nil, "image_family": "gone", "image_project": "debian-cloud"},
		"image_project":     {"image_project": "closed-project"},
		"subnets[0]":        {"subnets": []string{"gone"}},
	} {
		faults, err := p.Validate(t.Context(), spec(t, changes))
		if err != nil || len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v, %v", field, faults, err)
		}
	}
	for _, fine := range []map[string]any{
		{"image": nil, "image_family": "debian-12", "image_project": "debian-cloud"},
		{"instance_types": []string{"c3-standard-8"}}, {"zones": gcesim.Zones()[:2]}, {"subnets": nil},
		{"subnets": []string{"projects/host/regions/" + gcesim.Region + "/subnetworks/shared"}},
	} {
		if faults, err := p.Validate(t.Context(), spec(t, fine)); err != nil || len(faults) > 0 {
			t.Errorf("%v: %v, %v", fine, faults, err)
		}
	}
	c.Quota("CPUS", 0)
	if faults, err := p.Validate(t.Context(), spec(t, nil)); err != nil || len(faults) != 1 || faults[0].Field != "instance_types" || !strings.Contains(faults[0].Problem, "CPUS") {
		t.Errorf("quota of nothing: %v, %v", faults, err)
	}
	c.Grant("compute.regions.get")
	if _, err := p.Validate(t.Context(), spec(t, nil)); !errors.Is(err, provisioner.Unauthorized) {
		t.Errorf("without rights: %v", err)
	}
}

func TestCredentialsThatAreMissingAreSaid(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	p, err := New(Config{Project: gcesim.Project})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Validate(t.Context(), spec(t, nil)); !errors.Is(err, provisioner.Unauthorized) || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("without credentials: %v", err)
	}
}

// The role in deploy/ is what the provider needs: with it, and with nothing
// more, the whole suite passes, and the suite needs all of it.
func TestTheRoleIsExactlyWhatTheProviderNeeds(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/gcp/godwit-manager-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role struct {
		Title, Description, Stage string
		Permissions               []string `yaml:"includedPermissions"`
	}
	if err := yaml.Unmarshal(raw, &role); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(role.Permissions) {
		t.Error("the role's permissions are not sorted")
	}
	var mutex sync.Mutex // setups run at once
	var clouds []*gcesim.Cloud
	t.Run("suite", func(t *testing.T) {
		providertest.Run(t, func(t *testing.T) providertest.Harness {
			t.Helper()
			// The right to use a service account is granted on that account alone.
			h, c := harness(t, gcesim.Options{Step: time.Millisecond}, append(slices.Clone(role.Permissions), "iam.serviceAccounts.actAs")...)
			c.Orphan(gcesim.Region+"-b", "godwit-old", ownerLabels(owner, "n"), time.Now().Add(-time.Hour))
			p := connect(t, c)
			if _, err := p.Collect(t.Context(), owner, time.Minute); err != nil {
				t.Error(err)
			}
			if _, err := p.Validate(t.Context(), spec(t, map[string]any{"image": nil, "image_family": "godwit-node"})); err != nil {
				t.Error(err)
			}
			mutex.Lock()
			clouds = append(clouds, c)
			mutex.Unlock()
			return h
		})
	})
	used := map[string]bool{}
	for _, c := range clouds {
		for _, permission := range c.Used() {
			used[permission] = true
		}
	}
	delete(used, "iam.serviceAccounts.actAs")
	for _, permission := range role.Permissions {
		if !used[permission] {
			t.Errorf("the role grants %s, which nothing needs", permission)
		}
		delete(used, permission)
	}
	if len(used) > 0 {
		t.Errorf("the role lacks %v", used)
	}
}

func TestEveryAnswerHasAClass(t *testing.T) {
	t.Parallel()
	op := func(code string, status int32) error {
		return outcome(&computepb.Operation{
			HttpErrorStatusCode: &status,
			Error:               &computepb.Error{Errors: []*computepb.Errors{{Code: text("SOMETHING_ELSE")}, {Code: text(code), Message: text("m")}}},
		})
	}
	answer := func(status int, reason string) error {
		return &googleapi.Error{Code: status, Message: "m", Errors: []googleapi.ErrorItem{{Reason: reason}}}
	}
	for _, row := range []struct {
		err   error
		class provisioner.Class
	}{
		{op("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", 503), provisioner.Capacity},
		{op("QUOTA_EXCEEDED", 403), provisioner.Quota},
		{op("UNHEARD_OF", 403), provisioner.Unauthorized},
		{op("UNHEARD_OF", 500), provisioner.Transient},
		{answer(http.StatusForbidden, "quotaExceeded"), provisioner.Quota},
		{answer(http.StatusForbidden, "rateLimitExceeded"), provisioner.Throttled},
		{answer(http.StatusTooManyRequests, ""), provisioner.Throttled},
		{answer(http.StatusUnauthorized, "authError"), provisioner.Unauthorized},
		{answer(http.StatusBadRequest, "invalid"), provisioner.InvalidTemplate},
		{answer(http.StatusBadRequest, "resourceNotReady"), provisioner.Transient},
		{answer(http.StatusNotFound, "notFound"), provisioner.NotFound},
		{answer(http.StatusBadGateway, ""), provisioner.Transient},
		{errors.New("connection reset"), provisioner.Transient},
	} {
		if got := cloud.Class(row.err); got != row.class {
			t.Errorf("%v is %s, want %s", row.err, got, row.class)
		}
	}
	if outcome(&computepb.Operation{}) != nil {
		t.Error("an operation without errors failed")
	}
	err := cloud.Failure("launch", "n", &googleapi.Error{Code: 429, Message: "slow down", Header: http.Header{"Retry-After": {"30"}}})
	if provisioner.RetryAfter(err) != 30*time.Second || !strings.Contains(err.Error(), "429: slow down") {
		t.Errorf("%v", err)
	}
}
