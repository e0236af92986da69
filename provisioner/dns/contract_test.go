package dns_test

import (
	"context"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/dnstest"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

func TestServerKeepsTheContract(t *testing.T) {
	t.Parallel()
	const apex = "godwit.example.org"
	dnstest.Run(t, func(t *testing.T) dnstest.Harness {
		s, err := dns.Listen(t.Context(), dns.ServerConfig{Zone: apex, Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		var serving sync.WaitGroup
		serving.Go(func() { _ = s.Serve(ctx) })
		t.Cleanup(func() { stop(); serving.Wait() })
		return dnstest.Harness{Zone: s, Apex: apex, Lookup: func(t *testing.T, name, kind string) (values []string, ttl time.Duration) {
			q := new(mdns.Msg)
			q.SetQuestion(mdns.Fqdn(name), mdns.StringToType[kind])
			m, _, err := (&mdns.Client{Timeout: 5 * time.Second}).ExchangeContext(t.Context(), q, s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			for _, rr := range m.Answer {
				ttl = time.Duration(rr.Header().Ttl) * time.Second
				switch rr := rr.(type) {
				case *mdns.A:
					values = append(values, rr.A.String())
				case *mdns.AAAA:
					values = append(values, rr.AAAA.String())
				case *mdns.TXT:
					values = append(values, rr.Txt[0])
				}
			}
			return values, ttl
		}}
	})
}

func TestHostedZoneKeepsTheContract(t *testing.T) {
	t.Parallel()
	const apex = "godwit.example.org"
	dnstest.Run(t, func(t *testing.T) dnstest.Harness {
		cloud, clock := zonesim.New(apex), dnstest.NewClock()
		open := func(owner string) func(*testing.T) dns.Zone {
			return func(t *testing.T) dns.Zone {
				service := zonesim.Direct(cloud, dns.Limits{Values: 5, BatchSets: 20, BatchValues: 40})
				z, err := dns.Host(dns.HostedConfig{Service: service, Owner: owner, Now: clock.Now})
				if err != nil {
					t.Fatal(err)
				}
				return z
			}
		}
		return dnstest.Harness{
			Zone: open("ours")(t), Apex: apex, Cloud: cloud, Lookup: dnstest.Truth(cloud), Pass: clock.Pass,
			Reopen: open("ours"), Foreign: open("theirs"), Values: 5,
		}
	})
}

func TestHistoriesLeakNoRecordAndTouchNobodyElses(t *testing.T) {
	t.Parallel()
	dnstest.Histories(t, 500, func(cloud *zonesim.Zone, clock *dnstest.Clock) func(*testing.T) dns.Zone {
		return func(t *testing.T) dns.Zone {
			z, err := dns.Host(dns.HostedConfig{Service: zonesim.Direct(cloud, dns.Limits{Values: 4, BatchSets: 9}), Owner: "ours", Now: clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			return z
		}
	})
}

func TestDestinationNamesClusters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d    dns.Destination
		want dns.Names
	}{
		{dns.Destination{Pattern: "{cluster}.example.org", Public: true, Private: true}, dns.NamesOf("Media", "example.org")},
		{dns.Destination{Pattern: "{cluster}-eu.example.org", Public: true}, dns.Names{Available: "media-eu.example.org", All: "all.media-eu.example.org"}},
		{dns.Destination{Pattern: "transfer.example.org", Cluster: "Media", Private: true}, dns.Names{AvailablePrivate: "transfer.example.org", AllPrivate: "all.transfer.example.org"}},
		{dns.Destination{Pattern: "transfer.example.org", Cluster: "other", Public: true}, dns.Names{}},
	} {
		if got := c.d.Names("Media"); got != c.want {
			t.Errorf("%+v: %+v", c.d, got)
		}
	}
}
