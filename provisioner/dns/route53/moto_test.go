package route53

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/dnstest"
	"github.com/godwit/godwit/provisioner/mototest"
)

// The promises that need no hostility, against a Route 53 that is not ours. What
// moto gets wrong: it throttles nobody, assumes any role, answers a DELETE of other
// values with InvalidInput, not InvalidChangeBatch (TestMotoRefusesOtherValues tells
// when that changes), and its zones' ids do not begin with Z.
func TestMotoKeepsTheContract(t *testing.T) {
	url := mototest.Start(t)
	dnstest.Run(t, func(t *testing.T) dnstest.Harness {
		client, zone := motoZone(t, url)
		name := plainName(*zone.Name)
		open := func(t *testing.T) dns.Zone {
			return dnstest.Host(t, service(t, Config{Zone: name, Endpoint: url, PageSize: 3}), "ours", nil)
		}
		return dnstest.Harness{Zone: open(t), Apex: name, Reopen: open, Lookup: func(t *testing.T, at, kind string) ([]string, time.Duration) {
			out, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id, StartRecordName: &at, StartRecordType: types.RRType(kind)})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.ResourceRecordSets {
				if s := setOf(r); s.Name == at && s.Type == kind {
					return s.Values, s.TTL
				}
			}
			return nil, 0
		}}
	})
}

func motoZone(t *testing.T, url string) (*route53.Client, *types.HostedZone) {
	t.Helper()
	client, err := service(t, Config{Zone: apex, Endpoint: url}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]) + "." + apex
	made, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: &name, CallerReference: &name})
	if err != nil {
		t.Fatal(err)
	}
	return client, made.HostedZone
}

func TestMotoRefusesOtherValues(t *testing.T) {
	url := mototest.Start(t)
	client, zone := motoZone(t, url)
	s := service(t, Config{Zone: plainName(*zone.Name), Endpoint: url})
	if _, err := s.Apex(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := dns.Set{Name: "a." + plainName(*zone.Name), Type: "A", TTL: time.Minute, Values: []string{"192.0.2.1"}}
	other, next := now, now
	other.Values, next.Values = []string{"192.0.2.2"}, []string{"192.0.2.3"}
	if err := s.Apply(t.Context(), []dns.Swap{{New: &now}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), []dns.Swap{{Old: &other, New: &next}}); !errors.Is(err, provisioner.InvalidTemplate) || !strings.Contains(err.Error(), "InvalidInput") {
		t.Errorf("%v: moto has learnt it; this is no fault of it any more", err)
	}
	out, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id, StartRecordName: &now.Name, StartRecordType: types.RRTypeA})
	if err != nil || !slices.Equal(setOf(out.ResourceRecordSets[0]).Values, now.Values) {
		t.Errorf("it is changed: %v, %v", out, err)
	}
}
