package clouddns

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/clouddns/clouddnssim"
	"github.com/godwit/godwit/provisioner/dns/dnstest"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

const apex = "godwit.example.org"

func service(t *testing.T, c Config) *Service {
	t.Helper()
	c.Project, c.Rate = clouddnssim.Project, 1e6
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestZoneKeepsTheContract(t *testing.T) {
	t.Parallel()
	dnstest.RunHosted(t, apex, 100, func(t *testing.T, zone *zonesim.Zone) func(*testing.T) dns.Service {
		sim := clouddnssim.New()
		sim.Add("godwit", zone, false)
		url := dnstest.Serve(t, sim) + "/"
		return func(t *testing.T) dns.Service { return service(t, Config{Zone: apex, Endpoint: url, PageSize: 7}) }
	})
}

func TestHistoriesLeakNoRecordAndTouchNobodyElses(t *testing.T) {
	t.Parallel()
	dnstest.Histories(t, 30, func(cloud *zonesim.Zone, clock *dnstest.Clock) func(*testing.T) dns.Zone {
		sim := clouddnssim.New()
		sim.Add("zone", cloud, false)
		url := dnstest.Serve(t, sim) + "/"
		return func(t *testing.T) dns.Zone {
			return dnstest.Host(t, service(t, Config{Zone: dnstest.HistoryApex, Endpoint: url}), "ours", clock.Now)
		}
	})
}

func TestZoneIsFoundByEitherName(t *testing.T) {
	t.Parallel()
	sim := clouddnssim.New()
	sim.Add("outside", zonesim.New(apex), false)
	sim.Add("inside", zonesim.New(apex), true)
	sim.Add("twice-1", zonesim.New("twice.example.org"), false)
	sim.Add("twice-2", zonesim.New("twice.example.org"), false)
	url := dnstest.Serve(t, sim) + "/"
	for what, c := range map[string]struct {
		Config
		apex, zone string
		class      provisioner.Class
		says       string
	}{
		"by DNS name":          {Config: Config{Zone: apex + "."}, apex: apex, zone: "outside"},
		"private, by DNS name": {Config: Config{Zone: apex, Private: true}, apex: apex, zone: "inside"},
		"by name":              {Config: Config{Zone: "inside"}, apex: apex, zone: "inside"},
		"of two of a name":     {Config: Config{Zone: "twice.example.org"}, class: provisioner.InvalidTemplate, says: "twice-1, twice-2"},
		"not there":            {Config: Config{Zone: "gone.example.org"}, class: provisioner.NotFound, says: "no public zone"},
		"name not there":       {Config: Config{Zone: "gone"}, class: provisioner.NotFound, says: "does not exist"},
	} {
		c.Endpoint = url
		s := service(t, c.Config)
		got, err := s.Apex(t.Context())
		switch {
		case c.class == "" && (err != nil || got != c.apex || s.zone != c.zone):
			t.Errorf("%s: %s %s, %v", what, got, s.zone, err)
		case c.class != "" && (!errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want %s: %s", what, err, c.class, c.says)
		}
	}
	for _, wrong := range []Config{{Zone: apex}, {Project: "p", Zone: "no zone"}} {
		if _, err := New(wrong); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

func TestCredentialsThatAreNotThereAreSaid(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	s, err := New(Config{Project: "p", Zone: apex})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apex(t.Context()); !errors.Is(err, provisioner.Unauthorized) || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("%v", err)
	}
}

func TestRightsAreExactlyThoseOfTheCalls(t *testing.T) {
	t.Parallel()
	sim := clouddnssim.New()
	sim.Add("godwit", zonesim.New(apex), false)
	url := dnstest.Serve(t, sim) + "/"
	wanted := []dns.Record{{Name: "media." + apex, TTL: time.Minute, Addresses: dnstest.Addresses("192.0.2.1")}}
	for _, zone := range []string{apex, "godwit"} {
		if _, err := dnstest.Host(t, service(t, Config{Zone: zone, Endpoint: url}), "ours", nil).Converge(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile("../../../deploy/gcp/godwit-dns-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role struct {
		Rights []string `yaml:"includedPermissions"`
	}
	if err := yaml.Unmarshal(raw, &role); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(role.Rights, sim.Rights()) {
		t.Errorf("the role has %v, the calls need %v", role.Rights, sim.Rights())
	}
}
