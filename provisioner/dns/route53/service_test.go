package route53

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/dnstest"
	"github.com/godwit/godwit/provisioner/dns/route53/route53sim"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
	"github.com/godwit/godwit/provisioner/providertest"
)

const (
	apex = "godwit.example.org"
	id   = "Z0123456789SIM"
)

func static(key string) awssdk.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(key, "secret", "")
}

func service(t *testing.T, c Config) *Service {
	t.Helper()
	if c.Credentials == nil {
		c.Credentials = static("AKIASIM")
	}
	c.Rate, c.hasty = 1e6, true
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestZoneKeepsTheContract(t *testing.T) {
	t.Parallel()
	dnstest.RunHosted(t, apex, 400, func(t *testing.T, zone *zonesim.Zone) func(*testing.T) dns.Service {
		sim := route53sim.New()
		sim.Add(id, zone, false)
		url := dnstest.Serve(t, sim)
		return func(t *testing.T) dns.Service { return service(t, Config{Zone: apex, Endpoint: url, PageSize: 7}) }
	})
}

func TestHistoriesLeakNoRecordAndTouchNobodyElses(t *testing.T) {
	t.Parallel()
	dnstest.Histories(t, 30, func(cloud *zonesim.Zone, clock *dnstest.Clock) func(*testing.T) dns.Zone {
		sim := route53sim.New()
		sim.Add(id, cloud, false)
		url := dnstest.Serve(t, sim)
		return func(t *testing.T) dns.Zone {
			return dnstest.Host(t, service(t, Config{Zone: dnstest.HistoryApex, Endpoint: url}), "ours", clock.Now)
		}
	})
}

func TestZoneIsFoundByNameByIDAndInAnotherAccount(t *testing.T) {
	t.Parallel()
	sim := route53sim.New()
	sim.Add("ZPUBLIC", zonesim.New(apex), false)
	sim.Add("ZPRIVATE", zonesim.New(apex), true)
	sim.Add("ZTWICE1", zonesim.New("twice.example.org"), false)
	sim.Add("ZTWICE2", zonesim.New("twice.example.org"), false)
	sim.Add("ZBEFORE", zonesim.New("a.example.org"), false)
	sim.AddElsewhere("ZOTHER", zonesim.New("other.example.org"))
	url := dnstest.Serve(t, sim)
	for what, c := range map[string]struct {
		Config
		apex, id string
		class    provisioner.Class
		says     string
	}{
		"by name":                  {Config: Config{Zone: "Godwit.Example.org."}, apex: apex, id: "ZPUBLIC"},
		"private, by name":         {Config: Config{Zone: apex, Private: true}, apex: apex, id: "ZPRIVATE"},
		"by id":                    {Config: Config{Zone: "/hostedzone/ZPRIVATE"}, apex: apex, id: "ZPRIVATE"},
		"of two of a name":         {Config: Config{Zone: "twice.example.org"}, class: provisioner.InvalidTemplate, says: "ZTWICE1, ZTWICE2"},
		"not there":                {Config: Config{Zone: "gone.example.org"}, class: provisioner.NotFound, says: "no public zone"},
		"id not there":             {Config: Config{Zone: "ZGONE"}, class: provisioner.NotFound},
		"another account's":        {Config: Config{Zone: "ZOTHER"}, class: provisioner.NotFound},
		"another account's, role":  {Config: Config{Zone: "other.example.org", Role: route53sim.Role, ExternalID: route53sim.ExternalID}, apex: "other.example.org", id: "ZOTHER"},
		"role that is not trusted": {Config: Config{Zone: "ZOTHER", Role: route53sim.Role}, class: provisioner.Unauthorized, says: "AccessDenied"},
		"credentials unknown":      {Config: Config{Zone: apex, Credentials: static(route53sim.Deny)}, class: provisioner.Unauthorized, says: "InvalidClientTokenId"},
	} {
		c.Endpoint = url
		s := service(t, c.Config)
		got, err := s.Apex(t.Context())
		switch {
		case c.class == "" && (err != nil || got != c.apex || s.id != c.id):
			t.Errorf("%s: %s %s, %v", what, got, s.id, err)
		case c.class != "" && (!errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want %s: %s", what, err, c.class, c.says)
		}
	}
	for _, wrong := range []Config{{}, {Zone: "no zone"}, {Zone: apex, Role: "godwit-dns"}} {
		if _, err := New(wrong); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

func TestRecordsWithARoutingPolicyAreSomebodyElses(t *testing.T) {
	t.Parallel()
	sim, zone := route53sim.New(), zonesim.New(apex)
	sim.Add(id, zone, false)
	zone.Put(dns.Set{Name: "media." + apex, Type: "A", TTL: 60e9, Values: []string{"203.0.113.1"}, Special: true})
	z := dnstest.Host(t, service(t, Config{Zone: id, Endpoint: dnstest.Serve(t, sim)}), "ours", nil)
	_, err := z.Converge(t.Context(), []dns.Record{{Name: "media." + apex, TTL: time.Minute, Addresses: dnstest.Addresses("192.0.2.1")}})
	held, ok := errors.AsType[*dns.HeldError](err)
	if !ok || len(held.Names) != 1 || !strings.Contains(err.Error(), "routing policy") {
		t.Errorf("%v", err)
	}
	if n := zone.Calls()["ChangeResourceRecordSets"]; n != 0 {
		t.Errorf("%d changes", n)
	}
}

func TestOneChangeOfAClusterIsOneBatch(t *testing.T) {
	t.Parallel()
	sim, zone := route53sim.New(), zonesim.New(apex)
	sim.Add(id, zone, false)
	z := dnstest.Host(t, service(t, Config{Zone: id, Endpoint: dnstest.Serve(t, sim)}), "ours", nil)
	record := func(label string, addresses ...string) dns.Record {
		return dns.Record{Name: label + "." + apex, TTL: time.Minute, Addresses: dnstest.Addresses(addresses...)}
	}
	for _, wanted := range [][]dns.Record{
		{record("a", "192.0.2.1", "192.0.2.2", "2001:db8::1"), record("all.a", "192.0.2.1")},
		{record("a", "192.0.2.2"), record("b", "192.0.2.3")},
		{},
	} {
		if _, err := z.Converge(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
	}
	if calls := zone.Calls(); calls["ChangeResourceRecordSets"] != 3 || calls["ListResourceRecordSets"] != 1 {
		t.Errorf("%v, want three changes after one list", calls)
	}
}

// All calls that can be made are made here.
func TestRightsAreExactlyTheCallsThatAreMade(t *testing.T) {
	t.Parallel()
	sim := route53sim.New()
	sim.Add(id, zonesim.New(apex), false)
	sim.AddElsewhere("ZOTHER", zonesim.New("other.example.org"))
	url := dnstest.Serve(t, sim)
	wanted := []dns.Record{{Name: "media." + apex, TTL: time.Minute, Addresses: dnstest.Addresses("192.0.2.1")}}
	if _, err := dnstest.Host(t, service(t, Config{Zone: apex, Endpoint: url}), "ours", nil).Converge(t.Context(), wanted); err != nil {
		t.Fatal(err)
	}
	if _, err := service(t, Config{Zone: "ZOTHER", Endpoint: url, Role: route53sim.Role, ExternalID: route53sim.ExternalID}).Apex(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rights := providertest.Actions(t, "../../../deploy/aws/iam-policy-dns.json"); !slices.Equal(rights, sim.Calls()) {
		t.Errorf("the policy has %v, the calls are %v", rights, sim.Calls())
	}
}
