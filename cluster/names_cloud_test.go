package cluster_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
	"github.com/godwit/godwit/statestore"
)

const cloudApex = "example.org"

// abroad publishes a world's cluster in a zone at a cloud.
func abroad(t *testing.T, w *world) (*zonesim.Zone, *cluster.Directory) {
	t.Helper()
	cloud := zonesim.New(cloudApex)
	zone, err := dns.Host(dns.HostedConfig{Service: zonesim.Direct(cloud, dns.Limits{}), Owner: "installation", Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	to := dns.Destination{Pattern: "{cluster}.transfer." + cloudApex, Public: true}
	d, err := cluster.NewDirectory(cluster.DirectoryConfig{
		Reconciler: w.lead.r, Store: storeOf{w.db, w.lead}, Zone: zone, Name: "simulated " + cloudApex, Names: to.Names,
	})
	if err != nil {
		t.Fatal(err)
	}
	return cloud, d
}

func in(cloud *zonesim.Zone, name string) []string {
	s, _ := cloud.Get(name+".transfer."+cloudApex, "A")
	return s.Values
}

// conditions of the kinds of names, as they are stored.
func nameConditions(w *world) []string {
	var out []string
	for _, c := range w.db.open {
		if strings.HasPrefix(c.Kind, "dns_") {
			out = append(out, c.Kind+" "+c.Subject+": "+c.Text)
		}
	}
	return out
}

func TestNodeThatDiesLeavesTheCloudsZoneWithinOneEvaluation(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable, p.MaxNodes = 2, 2 })
	cloud, d := abroad(t, w)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	nodes := numbered(w)
	w.step()
	step := func() {
		t.Helper()
		if err := d.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if got := in(cloud, "sim"); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.2"}) {
		t.Fatalf("both are idle: %v", got)
	}
	w.trouble(w.now.Add(time.Hour))
	w.breaks(nodes[0])
	for limit := w.now.Add(2 * time.Minute); ; w.step() {
		s, err := w.lead.r.Serving(t.Context(), w.db.cluster.ID)
		if err != nil {
			t.Fatal(err)
		}
		step()
		if len(s.Available) == 1 {
			break // the first evaluation without it
		}
		if w.now.After(limit) {
			t.Fatal("the dead node is given for two minutes")
		}
	}
	if got := in(cloud, "sim"); !slices.Equal(got, []string{"192.0.2.2"}) {
		t.Errorf("in the evaluation that misses the first: %v", got)
	}
	if got := in(cloud, "all.sim"); !slices.Contains(got, "192.0.2.2") {
		t.Errorf("all: %v", got)
	}
}

func TestZoneThatIsGoneOrTakenIsAConditionAndTheClusterGoesOn(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 1 })
	cloud, d := abroad(t, w)
	cloud.Vanish(true)
	pass := func(long time.Duration) (err error) {
		for end := w.now.Add(long); w.now.Before(end); {
			err = d.Step(t.Context())
			w.step()
		}
		return err
	}
	// Nodes are launched whatever the zone does.
	w.until(t, 5*time.Minute, "a node", func() bool { _ = d.Step(t.Context()); return w.running(1)() })
	numbered(w)
	if err := pass(10 * time.Second); err == nil {
		t.Error("published in a zone that is gone")
	}
	if got := nameConditions(w); len(got) != 1 || !strings.Contains(got[0], "dns_failing simulated example.org") || !strings.Contains(got[0], "there is no such zone") {
		t.Errorf("conditions %q", got)
	}
	theirs := dns.Set{Name: "sim.transfer." + cloudApex, Type: "CNAME", TTL: 60e9, Values: []string{"elsewhere.example.net."}}
	cloud.Put(theirs)
	cloud.Vanish(false)
	if err := pass(3 * time.Minute); err == nil {
		t.Error("published at a name that is somebody else's")
	}
	if got := nameConditions(w); len(got) != 1 || !strings.Contains(got[0], "dns_name_taken sim.transfer.example.org") || !strings.Contains(got[0], "CNAME") {
		t.Errorf("conditions %q", got)
	}
	if len(in(cloud, "sim")) > 0 || len(in(cloud, "all.sim")) != 1 {
		t.Errorf("published %v and %v", in(cloud, "sim"), in(cloud, "all.sim"))
	}
	cloud.Remove(theirs.Name, theirs.Type)
	if err := pass(3 * time.Minute); err != nil {
		t.Error(err)
	}
	if got := nameConditions(w); len(got) > 0 {
		t.Errorf("conditions %q", got)
	}
	if got := in(cloud, "sim"); len(got) != 1 {
		t.Errorf("published %v", got)
	}
}

func TestManagerThatDoesNotLeadWritesNoZone(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 1 })
	cloud, d := abroad(t, w)
	leads := false
	d.Leading = func() bool { return leads }
	w.until(t, 5*time.Minute, "a node", w.running(1))
	numbered(w)
	w.step()
	if err := d.Step(t.Context()); err != nil || len(cloud.Calls()) > 0 {
		t.Errorf("%v, calls %v", err, cloud.Calls())
	}
	leads = true
	if err := d.Step(t.Context()); err != nil || len(in(cloud, "sim")) != 1 {
		t.Errorf("%v, published %v", err, in(cloud, "sim"))
	}
}

func TestNamesOfClustersThatAreNotKnownYetStay(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 1 })
	cloud, d := abroad(t, w)
	w.until(t, 5*time.Minute, "a node", w.running(1))
	numbered(w)
	w.step()
	if err := d.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh, err := dns.Host(dns.HostedConfig{Service: zonesim.Direct(cloud, dns.Limits{}), Owner: "installation"})
	if err != nil {
		t.Fatal(err)
	}
	w.takeOver()
	store := clustersAlways{storeOf{w.db, w.lead}, w.db.cluster}
	after, err := cluster.NewDirectory(cluster.DirectoryConfig{Reconciler: w.lead.r, Store: store, Zone: fresh, Name: d.Name, Names: d.Names})
	if err != nil {
		t.Fatal(err)
	}
	w.db.awayUntil = w.now.Add(time.Minute)
	if err := after.Step(t.Context()); !errors.Is(err, statestore.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if got := in(cloud, "sim"); len(got) != 1 {
		t.Errorf("published %v", got)
	}
}

// clustersAlways knows the clusters when nothing else can be read.
type clustersAlways struct {
	storeOf
	cluster statestore.Cluster
}

func (c clustersAlways) Clusters(context.Context) ([]statestore.Cluster, error) {
	return []statestore.Cluster{c.cluster}, nil
}
