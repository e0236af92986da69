package azuredns

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/azuredns/azurednssim"
	"github.com/godwit/godwit/provisioner/dns/dnstest"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

const apex = "godwit.example.org"

func service(t *testing.T, sim *azurednssim.Sim, zone string) *Service {
	t.Helper()
	s, err := New(Config{
		Subscription: azurednssim.Subscription, ResourceGroup: azurednssim.Group, Zone: zone,
		Credential: &azfake.TokenCredential{}, Transport: sim.Transport(), Rate: 1e6, Pause: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestZoneKeepsTheContract(t *testing.T) {
	t.Parallel()
	dnstest.RunHosted(t, apex, 20, func(_ *testing.T, zone *zonesim.Zone) func(*testing.T) dns.Service {
		sim := azurednssim.New(zone)
		return func(t *testing.T) dns.Service { return service(t, sim, apex) }
	})
}

func TestHistories(t *testing.T) {
	t.Parallel()
	dnstest.Histories(t, 200, func(cloud *zonesim.Zone, clock *dnstest.Clock) func(*testing.T) dns.Zone {
		sim := azurednssim.New(cloud)
		return func(t *testing.T) dns.Zone {
			return dnstest.Host(t, service(t, sim, dnstest.HistoryApex), "ours", clock.Now)
		}
	})
}

func TestZoneIsNamedOrGivenByItsResource(t *testing.T) {
	t.Parallel()
	sim := azurednssim.New(zonesim.New(apex))
	for _, zone := range []string{apex + ".", "/subscriptions/" + azurednssim.Subscription + "/resourceGroups/" + azurednssim.Group + "/providers/Microsoft.Network/dnszones/" + apex} {
		if got, err := service(t, sim, zone).Apex(t.Context()); err != nil || got != apex {
			t.Errorf("%s: %s, %v", zone, got, err)
		}
	}
	if _, err := service(t, sim, "gone.example.org").Apex(t.Context()); !errors.Is(err, provisioner.NotFound) {
		t.Errorf("%v", err)
	}
	for _, wrong := range []Config{{Zone: apex}, {Zone: "no zone", Subscription: "s", ResourceGroup: "g"}} {
		if _, err := New(wrong); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

// A record at a name of ours that is not ours, made while Azure fails between mark
// and addresses, stays, and is told; the mark alone claims nothing.
func TestRecordMadeBesideAMarkOfOursIsSomebodyElses(t *testing.T) {
	t.Parallel()
	zone, clock := zonesim.New(apex), dnstest.NewClock()
	z := dnstest.Host(t, service(t, azurednssim.New(zone), apex), "ours", clock.Now)
	media := dns.Record{Name: "media." + apex, TTL: time.Minute, Addresses: dnstest.Addresses("192.0.2.1")}
	zone.Put(dns.Set{Name: "_godwit.media." + apex, Type: "TXT", TTL: time.Minute, Owner: "ours", Values: []string{"godwit-owner=ours;A"}})
	zone.Put(dns.Set{Name: "media." + apex, Type: "A", TTL: 60e9, Values: []string{"192.0.2.1"}}) // the very same
	for range 2 {
		if _, err := z.Converge(t.Context(), []dns.Record{media}); !isHeld(err) {
			t.Errorf("%v", err)
		}
		clock.Pass(5 * time.Minute)
	}
	if _, err := z.Converge(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if left, there := zone.Get("media."+apex, "A"); !there || left.TTL != 60e9 {
		t.Errorf("what somebody made is %v", left)
	}
}

// What is ours says so itself: without its mark it is found, wanted or not.
func TestOurRecordWithoutItsMarkIsFound(t *testing.T) {
	t.Parallel()
	zone, clock := zonesim.New(apex), dnstest.NewClock()
	z := dnstest.Host(t, service(t, azurednssim.New(zone), apex), "ours", clock.Now)
	before := len(zone.Truth())
	media := dns.Record{Name: "media." + apex, TTL: time.Minute, Addresses: dnstest.Addresses("192.0.2.1")}
	for _, wanted := range [][]dns.Record{{media}, {media}, nil} {
		if _, err := z.Converge(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		if m, marked := zone.Get("_godwit.media."+apex, "TXT"); marked != (wanted != nil) {
			t.Errorf("wanted %v, its mark is %v", wanted, m)
		}
		zone.Remove("_godwit.media."+apex, "TXT")
		clock.Pass(5 * time.Minute)
	}
	if all := zone.Truth(); len(all) != before {
		t.Errorf("left: %v", all)
	}
}

func TestAnAliasIsSomebodyElses(t *testing.T) {
	t.Parallel()
	zone := zonesim.New(apex)
	zone.Put(dns.Set{Name: "media." + apex, Type: "A", TTL: 60e9, Special: true})
	z := dnstest.Host(t, service(t, azurednssim.New(zone), apex), "ours", nil)
	_, err := z.Converge(t.Context(), []dns.Record{{Name: "media." + apex, TTL: time.Minute, Addresses: dnstest.Addresses("192.0.2.1")}})
	if !isHeld(err) || zone.Calls()["RecordSets.CreateOrUpdate"] > 0 {
		t.Errorf("%v, calls %v", err, zone.Calls())
	}
}

// A lost answer is asked for again, and what is there then found to be ours.
func TestRightsAreExactlyThoseOfTheCalls(t *testing.T) {
	t.Parallel()
	zone := zonesim.New(apex)
	sim := azurednssim.New(zone)
	clock := dnstest.NewClock()
	z := dnstest.Host(t, service(t, sim, apex), "ours", clock.Now)
	media := dns.Record{Name: "media." + apex, TTL: time.Minute, Addresses: dnstest.Addresses("192.0.2.1", "2001:db8::1")}
	for range 2 {
		zone.Next(zonesim.None, zonesim.None, zonesim.None, zonesim.Lost) // the second answer that changes something is not had
		if _, err := z.Converge(t.Context(), []dns.Record{media}); err != nil {
			t.Fatal(err)
		}
		media.Addresses = dnstest.Addresses("192.0.2.2", "2001:db8::1") // beside a mark that must be so still
		if _, err := z.Converge(t.Context(), []dns.Record{media}); err != nil {
			t.Fatal(err)
		}
		if _, err := z.Converge(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile("../../../deploy/azure/godwit-dns-role.json")
	if err != nil {
		t.Fatal(err)
	}
	var role struct{ Actions []string }
	if err := json.Unmarshal(raw, &role); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(role.Actions, sim.Rights()) {
		t.Errorf("the role has\n%q, the calls need\n%q", role.Actions, sim.Rights())
	}
}

func isHeld(err error) bool {
	_, held := errors.AsType[*dns.HeldError](err)
	return held
}
