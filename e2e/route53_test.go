package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/route53/route53sim"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// A cluster is published in a Route 53 zone of another account; which name it may
// not have is a condition, and
// all goes with the cluster. Not parallel, for the environment is everybody's.
func TestClusterIsPublishedInRoute53AndLeavesNothing(t *testing.T) {
	const apex = "example.org"
	sim, zone := route53sim.New(), zonesim.New(apex)
	sim.AddElsewhere("ZOTHER", zone)
	theirs := dns.Set{Name: "all.private.c.transfer." + apex, Type: "CNAME", TTL: 60e9, Values: []string{"www.example.net."}}
	zone.Put(theirs)
	before := len(zone.Truth())
	server := httptest.NewServer(sim)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIASIM", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CA_BUNDLE": "", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
	} {
		t.Setenv(name, value)
	}
	s := newStage(t)
	small(t, s, 1, 100, "--dns-publish", "route53,zone=ZOTHER,name={cluster}.transfer."+apex+",ttl=30s,role="+route53sim.Role+",external-id="+route53sim.ExternalID)
	name := "c.transfer." + apex
	eventually(t, 10*time.Second, "the node's address", func(context.Context) (bool, error) {
		found, ok := zone.Get(name, "A")
		return ok && slices.Equal(found.Values, []string{"127.0.0.1"}) && found.TTL == 30*time.Second, nil
	})
	eventually(t, 20*time.Second, "the condition", func(context.Context) (bool, error) {
		out := must(t, s, "cluster", "get", "c")
		return strings.Contains(out, "dns_name_taken: "+theirs.Name) && strings.Contains(out, "in DNS: "+name+" takes new clients"), nil
	})
	if found, ok := zone.Get("all."+name, "A"); !ok || len(found.Values) != 1 {
		t.Errorf("the other names wait for the one that is taken: %v", found)
	}
	// A zone that is gone is said, and changes nothing else; nobody notices before
	// there is something to write or to look after, so that the node is replaced.
	zone.Vanish(true)
	nodes, err := s.API.Nodes(t.Context())
	if err != nil || len(nodes) == 0 {
		t.Fatal(nodes, err)
	}
	must(t, s, "node", "drain", nodes[0].ID)
	eventually(t, 40*time.Second, "the zone that is gone", func(context.Context) (bool, error) {
		out := must(t, s, "cluster", "get", "c")
		return strings.Contains(out, "dns_failing") && strings.Contains(out, "NoSuchHostedZone"), nil
	})
	zone.Vanish(false)
	if _, err := s.API.Do(t.Context(), http.MethodDelete, "/api/v1/clusters/c", nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 40*time.Second, "the names to go with the nodes", func(context.Context) (bool, error) {
		return len(zone.Truth()) == before, nil
	})
	if found, ok := zone.Get(theirs.Name, theirs.Type); !ok || !slices.Equal(found.Values, theirs.Values) {
		t.Errorf("what is somebody else's is now %v", found)
	}
}
