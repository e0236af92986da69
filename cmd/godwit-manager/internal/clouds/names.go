package clouds

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/azuredns"
	"github.com/godwit/godwit/provisioner/dns/clouddns"
	"github.com/godwit/godwit/provisioner/dns/route53"
)

// publishHelp is what --dns-publish takes.
const publishHelp = "publish the clusters' names in a zone at a cloud, such as route53,zone=example.org; may be given several times. " +
	"the first word is route53, clouddns or azuredns. Keys: zone (name or id), name (default {cluster}.ZONE), cluster (only this one), " +
	"addresses (public, private or both), ttl (default 10s), private-zone=true (route53, clouddns), role and external-id (route53), " +
	"project (clouddns; default --gcp-project), subscription and resource-group (azuredns; default --azure-subscription, --azure-resource-group)"

// names are the keys that every service takes, and more those of one.
var (
	names    = []string{"zone", "name", "cluster", "addresses", "ttl"}
	services = map[string]struct {
		more []string
		open func(Config, map[string]string) (dns.Service, error)
	}{
		route53.Name:  {[]string{"role", "external-id", "private-zone"}, openRoute53},
		clouddns.Name: {[]string{"project", "private-zone"}, openCloudDNS},
		azuredns.Name: {[]string{"subscription", "resource-group"}, openAzureDNS},
	}
)

// OpenNames makes the zones in which names are published. It calls no cloud:
// credentials that do not work, and zones that are not there, show as the
// condition dns_failing.
func OpenNames(c Config) ([]dns.Destination, error) {
	var all []dns.Destination
	for _, text := range c.Publish {
		d, err := destination(c, text)
		if err != nil {
			return nil, fmt.Errorf("--dns-publish %s: %w", text, err)
		}
		if slices.ContainsFunc(all, func(other dns.Destination) bool { return other.Label == d.Label }) {
			return nil, fmt.Errorf("--dns-publish %s: the zone is given twice; each would remove what the other writes", text)
		}
		all = append(all, d)
	}
	return all, nil
}

func destination(c Config, text string) (dns.Destination, error) {
	name, rest, _ := strings.Cut(text, ",")
	service, known := services[name]
	if !known {
		return dns.Destination{}, fmt.Errorf("%q is no DNS service; there are %s", name, strings.Join(serviceNames(), ", "))
	}
	keys := map[string]string{}
	for pair := range strings.SplitSeq(rest, ",") {
		key, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok || value == "":
			return dns.Destination{}, fmt.Errorf("%q is not key=value", pair)
		case !slices.Contains(names, key) && !slices.Contains(service.more, key):
			return dns.Destination{}, fmt.Errorf("%s does not know %q; it knows %s", name, key, strings.Join(append(slices.Clone(names), service.more...), ", "))
		case keys[key] != "":
			return dns.Destination{}, fmt.Errorf("%s is given twice", key)
		}
		keys[key] = value
	}
	zone := strings.ToLower(strings.TrimSuffix(keys["zone"], "."))
	if zone == "" {
		return dns.Destination{}, errors.New("zone= is missing")
	}
	d := dns.Destination{Label: name + " " + zone, Pattern: keys["name"], Cluster: keys["cluster"], TTL: dns.DefaultTTL}
	if d.Pattern == "" {
		if !strings.Contains(zone, ".") || strings.Contains(zone, "/") {
			return d, errors.New("the zone is given by its id: add name=" + dns.Wildcard + ".ZONE, the clusters' names in it")
		}
		d.Pattern = dns.Wildcard + "." + zone
	}
	d.Pattern = strings.ToLower(strings.TrimSuffix(d.Pattern, "."))
	switch {
	case !dns.ValidName(strings.ReplaceAll(d.Pattern, dns.Wildcard, "c")):
		return d, fmt.Errorf("name= is no name: %s", d.Pattern)
	case d.Cluster == "" && !strings.Contains(d.Pattern, dns.Wildcard):
		return d, errors.New("name= needs " + dns.Wildcard + " where cluster= does not say which cluster is published")
	}
	if keys["ttl"] != "" {
		ttl, err := time.ParseDuration(keys["ttl"])
		if err != nil || ttl < time.Second || ttl > 24*time.Hour {
			return d, fmt.Errorf("ttl=%s is not between 1s and 24h", keys["ttl"])
		}
		d.TTL = ttl
	}
	switch keys["addresses"] {
	case "", "both":
		d.Public, d.Private = true, true
	case "public":
		d.Public = true
	case "private":
		d.Private = true
	default:
		return d, fmt.Errorf("addresses=%s is none of public, private, both", keys["addresses"])
	}
	var err error
	d.Service, err = service.open(c, keys)
	return d, err
}

func serviceNames() []string {
	var all []string
	for name := range services {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func openRoute53(_ Config, keys map[string]string) (dns.Service, error) {
	private, err := yes(keys, "private-zone")
	if err != nil {
		return nil, err
	}
	return route53.New(route53.Config{Zone: keys["zone"], Private: private, Role: keys["role"], ExternalID: keys["external-id"]})
}

func openCloudDNS(c Config, keys map[string]string) (dns.Service, error) {
	private, err := yes(keys, "private-zone")
	if err != nil {
		return nil, err
	}
	return clouddns.New(clouddns.Config{Project: cmp.Or(keys["project"], c.GCPProject), Zone: keys["zone"], Private: private, Endpoint: os.Getenv(gcpEndpoint)})
}

func openAzureDNS(c Config, keys map[string]string) (dns.Service, error) {
	return azuredns.New(azuredns.Config{
		Subscription: cmp.Or(keys["subscription"], c.AzureSubscription), ResourceGroup: cmp.Or(keys["resource-group"], c.AzureResourceGroup), Zone: keys["zone"],
	})
}

func yes(keys map[string]string, key string) (bool, error) {
	if keys[key] == "" {
		return false, nil
	}
	value, err := strconv.ParseBool(keys[key])
	if err != nil {
		return false, fmt.Errorf("%s=%s is neither true nor false", key, keys[key])
	}
	return value, nil
}
