package clouds

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
)

func TestZonesToPublishInAreSaidByKeys(t *testing.T) {
	t.Parallel()
	all, err := OpenNames(Config{Publish: []string{
		"route53,zone=Example.org.",
		"route53,zone=Z123,name={cluster}.in.example.org,addresses=private,ttl=1m,private-zone=true,role=arn:aws:iam::1:role/x,external-id=y",
		"route53,zone=example.net,cluster=media,name=transfer.example.net,addresses=public",
		"clouddns,zone=example.org,private-zone=true",
		"azuredns,zone=example.org,resource-group=names",
	}, GCPProject: "p", AzureSubscription: "s", AzureResourceGroup: "nodes"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []dns.Names{
		dns.NamesOf("media", "example.org"),
		{AvailablePrivate: "media.in.example.org", AllPrivate: "all.media.in.example.org"},
		{Available: "transfer.example.net", All: "all.transfer.example.net"},
		dns.NamesOf("media", "example.org"),
		dns.NamesOf("media", "example.org"),
	} {
		if got := all[i].Names("media"); got != want || all[i].Service == nil {
			t.Errorf("%s: %+v", all[i].Label, got)
		}
	}
	if all[0].TTL != dns.DefaultTTL || all[1].TTL != time.Minute {
		t.Errorf("%s, %s", all[0].TTL, all[1].TTL)
	}
}

func TestWrongZonesToPublishInAreRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"bind,zone=example.org":                             "there are",
		"route53":                                           "not key=value",
		"route53,zone=":                                     "not key=value",
		"route53,ttl=5s":                                    "zone= is missing",
		"route53,zone=Z123":                                 "add name={cluster}.ZONE",
		"route53,zone=no zone.org":                          "name= is no name",
		"route53,zone=example.org,label=x":                  `does not know "label"`,
		"route53,zone=example.org,zone=example.net":         "given twice",
		"route53,zone=example.org,name=all.example.org":     "needs {cluster}",
		"route53,zone=example.org,ttl=1ms":                  "between 1s and 24h",
		"route53,zone=example.org,addresses=mine":           "none of public, private, both",
		"route53,zone=example.org,private-zone=perhaps":     "neither true nor false",
		"clouddns,zone=example.org":                         "a project must be given",
		"azuredns,zone=example.org,subscription=s":          "resource group must be given",
		"azuredns,zone=example.org,private-zone=true":       "does not know",
		"route53,zone=example.org,role=admin":               "no ARN",
		"route53,zone=example.org,name=-{cluster}.example.": "is no name",
	} {
		if _, err := OpenNames(Config{Publish: []string{text}}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--dns-publish "+text) {
			t.Errorf("%s: %v, want %s", text, err, says)
		}
	}
	if _, err := OpenNames(Config{Publish: []string{"route53,zone=example.org", "route53,zone=example.org,cluster=media"}}); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("one zone twice: %v", err)
	}
}
