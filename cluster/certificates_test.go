package cluster_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/provisioner/dns"
)

func TestTroubleWithACertificateIsAConditionWhileItLasts(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.lead.r.NoteCertificates("ordered", map[string]cluster.CertificateTrouble{w.db.cluster.ID: {Failing: "no new certificate"}, "another": {Failing: "of nobody"}})
	w.lead.r.NoteCertificates("shown", map[string]cluster.CertificateTrouble{w.db.cluster.ID: {Ending: "it ends soon"}})
	open := func() []string {
		var out []string
		for _, c := range w.db.open {
			if strings.HasPrefix(c.Kind, "certificate_") {
				if c.Next == "" {
					t.Errorf("%s does not say what to do", c.Kind)
				}
				out = append(out, c.Kind+": "+c.Text)
			}
		}
		slices.Sort(out)
		return out
	}
	w.step()
	if got := open(); !slices.Equal(got, []string{"certificate_ending: it ends soon", "certificate_failing: no new certificate"}) {
		t.Errorf("conditions %q", got)
	}
	w.lead.r.NoteCertificates("ordered", nil)
	w.lead.r.NoteCertificates("shown", nil)
	for range 120 { // until it is calm
		w.step()
	}
	if got := open(); len(got) > 0 {
		t.Errorf("mended, and %q", got)
	}
}

func TestChallengeIsPublishedWhereTheNameIsAndOnlyThere(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	cloud, d := abroad(t, w)
	name := "sim.transfer." + cloudApex
	texts, fails := map[string][]string{}, error(nil)
	d.Texts = func(context.Context) (map[string][]string, error) { return texts, fails }
	if !d.Publishes("sim", name) || !d.Publishes("sim", "all."+name) || d.Publishes("sim", cloudApex) || d.Publishes("sim", "") {
		t.Error("it does not know its names")
	}
	at := func(n string) []string {
		s, _ := cloud.Get(dns.ChallengeLabel+n, "TXT")
		return s.Values
	}
	if d.Shows(name, "proof") == nil {
		t.Error("it shows what it was never told")
	}
	texts[dns.ChallengeLabel+name], texts[dns.ChallengeLabel+"www."+cloudApex] = []string{"proof"}, []string{"foreign"}
	if err := d.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := at(name); !slices.Equal(got, []string{"proof"}) || d.Shows(name, "proof") != nil || d.Shows(name, "other") == nil {
		t.Errorf("published %q; %v", got, d.Shows(name, "proof"))
	}
	if got := at("www." + cloudApex); len(got) > 0 {
		t.Errorf("a name that is no cluster's has %q", got)
	}
	fails = errors.New("the store is away")
	if err := d.Step(t.Context()); !errors.Is(err, fails) || len(at(name)) == 0 {
		t.Errorf("without knowing: %v, and %q", err, at(name))
	}
	texts, fails = nil, nil
	if err := d.Step(t.Context()); err != nil || len(at(name)) > 0 || d.Shows(name, "proof") == nil {
		t.Errorf("%v, and %q stands when nobody needs it", err, at(name))
	}
}
