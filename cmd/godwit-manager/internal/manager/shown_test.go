package manager

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/certificate/certtest"
	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// show is what a manager that was started with one cluster's files shows.
func show(t *testing.T, store *statestore.Store, files *certificates) *shown {
	t.Helper()
	return &shown{store: store, names: &names{}, files: files, log: slog.New(slog.DiscardHandler), now: time.Now}
}

func TestUploadedCertificateIsShownBeforeThatOfFiles(t *testing.T) {
	t.Parallel()
	store := storetest.New(t)
	c := storetest.Cluster(t, store, "alpha")
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	ca := certtest.New(t)
	file, first, second := ca.Issue(t, certtest.Leaf{Names: []string{"f.example.org"}}), ca.Issue(t, certtest.Leaf{Names: []string{"a.example.org"}}), ca.Issue(t, certtest.Leaf{Names: []string{"a.example.org"}})
	file.Write(t, chain, key)
	files, err := readCertificates([]string{"alpha=" + chain + "," + key}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := show(t, store, files)
	clusters := map[string]string{c.ID: "alpha", "other": "beta"}
	shows := func(want certtest.Pair, source string) {
		t.Helper()
		all, err := s.by(t.Context(), clusters)
		if err != nil || len(all) != 1 || all[c.ID].source != source || all[c.ID].Chain != string(want.Chain) || all[c.ID].Key != string(want.Key) {
			t.Fatalf("%d shown, of %s, want %s; %v", len(all), all[c.ID].source, source, err)
		}
	}
	shows(file, api.SourceFile)
	for version, p := range []certtest.Pair{first, second} {
		if _, err := store.ClusterCertificates.Put(t.Context(), c.ID, int64(version), string(p.Chain), statestore.Secret(p.Key), "ada"); err != nil {
			t.Fatal(err)
		}
		shows(p, api.SourceUploaded)
		shows(p, api.SourceUploaded) // not opened again
	}
	if source, _, err := s.Given(t.Context(), "alpha"); err != nil || source != api.SourceFile {
		t.Errorf("besides the uploaded one: %s, %v", source, err)
	}
	if source, _, err := s.Given(t.Context(), "beta"); err != nil || source != api.SourceNone {
		t.Errorf("of a cluster without any: %s, %v", source, err)
	}
	if _, err := store.ClusterCertificates.Remove(t.Context(), c.ID, 2, "ada"); err != nil {
		t.Fatal(err)
	}
	shows(file, api.SourceFile)
}

func TestEndOfACertificateIsTroubleUntilItIsRenewed(t *testing.T) {
	t.Parallel()
	store := storetest.New(t)
	c := storetest.Cluster(t, store, "alpha")
	dir, ca := t.TempDir(), certtest.New(t)
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	of := func(left time.Duration) certtest.Pair {
		until := time.Now().Add(left)
		return ca.Issue(t, certtest.Leaf{Names: []string{"a.example.org"}, From: until.Add(-90 * 24 * time.Hour), Until: until})
	}
	of(24*time.Hour).Write(t, chain, key)
	files, err := readCertificates([]string{"alpha=" + chain + "," + key}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := show(t, store, files)
	troubled := func(ending, failing string) {
		t.Helper()
		found, err := s.troubles(t.Context(), map[string]string{c.ID: "alpha"})
		got := found[c.ID]
		if err != nil || !strings.HasPrefix(got.Ending, ending) || !strings.Contains(got.Failing, failing) || ending == "" && failing == "" && got != (cluster.CertificateTrouble{}) {
			t.Errorf("%+v, %v; want ending %q, failing %q", got, err, ending, failing)
		}
	}
	troubled("the certificate in the manager's files of a.example.org ends at", "")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	troubled("the certificate in the manager's files", "no such file")
	of(80*24*time.Hour).Write(t, chain, key)
	troubled("", "")
	put := func(base int64, p certtest.Pair) {
		t.Helper()
		if _, err := store.ClusterCertificates.Put(t.Context(), c.ID, base, string(p.Chain), statestore.Secret(p.Key), "ada"); err != nil {
			t.Fatal(err)
		}
	}
	put(0, of(24*time.Hour))
	troubled("the uploaded certificate of a.example.org ends at", "")
	put(1, of(80*24*time.Hour))
	troubled("", "")
	s.now = func() time.Time { return time.Now().Add(81 * 24 * time.Hour) }
	troubled("the uploaded certificate of a.example.org ended at", "")
}

func TestZonesAreThoseThatHaveNamesOfTheCluster(t *testing.T) {
	t.Parallel()
	n := names{known: []func(string) dns.Names{
		func(string) dns.Names { return dns.Names{} },
		func(c string) dns.Names { return dns.NamesOf(c, "example.org") },
	}}
	if z := n.zones("alpha"); len(z) != 1 || z[0].Available != "alpha.example.org" {
		t.Errorf("%+v", z)
	}
}
