package dnstest

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// Serve answers by a simulator for the length of a test, and returns where.
func Serve(t *testing.T, sim http.Handler) string {
	t.Helper()
	server := httptest.NewServer(sim)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// Host is the zone of a service, as one installation of Godwit has it; now may be
// nil.
func Host(t *testing.T, s dns.Service, owner string, now func() time.Time) dns.Zone {
	t.Helper()
	z, err := dns.Host(dns.HostedConfig{Service: s, Owner: owner, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// RunHosted holds a service of a cloud to the whole contract: open prepares a
// simulator with the zone and returns what makes services to it. A set has no
// more than so many values.
func RunHosted(t *testing.T, apex string, values int, open func(*testing.T, *zonesim.Zone) func(*testing.T) dns.Service) {
	Run(t, func(t *testing.T) Harness {
		zone, clock := zonesim.New(apex), NewClock()
		service := open(t, zone)
		of := func(owner string) func(*testing.T) dns.Zone {
			return func(t *testing.T) dns.Zone { return Host(t, service(t), owner, clock.Now) }
		}
		return Harness{
			Zone: of("ours")(t), Apex: apex, Cloud: zone, Lookup: Truth(zone), Pass: clock.Pass,
			Reopen: of("ours"), Foreign: of("theirs"), Values: values,
		}
	})
}
