package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/certificate/certtest"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// given are the certificates and the zones that a manager was started with.
type given struct {
	mu    sync.Mutex
	chain string // from files
	zones []api.ClusterNames
}

func (g *given) Given(context.Context, string) (source, chain string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.chain == "" {
		return api.SourceNone, "", nil
	}
	return api.SourceFile, g.chain, nil
}

func (g *given) Zones(string) []api.ClusterNames {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.zones
}

func (g *given) set(chain string, zones ...api.ClusterNames) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.chain, g.zones = chain, zones
}

func uploadOf(p certtest.Pair) map[string]any {
	return map[string]any{"chain": string(p.Chain), "key": string(p.Key)}
}

func TestUploadedCertificateGoesBeforeThatOfFilesAndComesBackNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, ca := bearer(w.token(api.RoleAdmin)), certtest.New(t)
	c := storetest.Cluster(t, w.store, "alpha")
	const path = "/api/v1/clusters/alpha/certificate"
	get := func() (api.ClusterCertificate, header) {
		r := w.must(http.StatusOK, "GET", path, nil, bearer(w.token(api.RoleViewer)))
		return decode[api.ClusterCertificate](t, r), with("If-Match", r.Header.Get("ETag"))
	}
	none, tag := get()
	if none.Source != api.SourceNone || none.Certificate != nil {
		t.Fatalf("of nothing: %+v", none)
	}
	file := ca.Issue(t, certtest.Leaf{Names: []string{"file.example.org"}})
	w.given.set(string(file.Chain), api.ClusterNames{Available: "alpha.example.org", All: "all.alpha.example.org"})
	if v, _ := get(); v.Source != api.SourceFile || v.Certificate.Names[0] != "file.example.org" || len(v.Uncovered) != 2 {
		t.Errorf("of a file: %+v", v)
	}
	first := ca.Issue(t, certtest.Leaf{Names: []string{"alpha.example.org"}})
	up := w.must(http.StatusOK, "PUT", path, uploadOf(first), admin, tag)
	v := decode[api.ClusterCertificate](t, up)
	if v.Source != api.SourceUploaded || v.Author == "" || v.UpdatedAt == nil || !slices.Equal(v.Uncovered, []string{"all.alpha.example.org"}) ||
		v.Certificate.Issuer != "CN=Authority of a test" || v.Certificate.NotAfter.Before(time.Now()) {
		t.Errorf("uploaded: %+v", v)
	}
	late := w.must(http.StatusPreconditionFailed, "PUT", path, uploadOf(file), admin, tag).problem(t)
	if len(late.Since) != 1 {
		t.Errorf("the second one is not told of the first: %+v", late)
	}
	if again, _ := get(); again.Certificate.SHA256 != v.Certificate.SHA256 {
		t.Errorf("what was refused is shown: %+v", again)
	}
	if key, err := w.store.ClusterCertificates.Key(t.Context(), c.ID, 1); err != nil || string(key) != string(first.Key) {
		t.Errorf("the key is not kept: %v", err)
	}
	w.must(http.StatusNoContent, "DELETE", path, nil, admin)
	w.must(http.StatusNotFound, "DELETE", path, nil, admin)
	if v, after := get(); v.Source != api.SourceFile || v.Author != "" {
		t.Errorf("taken away: %+v", v)
	} else {
		w.must(http.StatusPreconditionFailed, "PUT", path, uploadOf(first), admin, tag) // not a version of before
		w.must(http.StatusOK, "PUT", path, uploadOf(first), admin, after)
	}
	l, err := w.store.Audit.List(t.Context(), statestore.AuditFilter{Object: "certificate", ObjectID: c.ID}, statestore.Page{})
	if err != nil || len(l.Items) != 3 || !strings.Contains(string(l.Items[0].After), v.Certificate.SHA256) {
		t.Errorf("audit: %v, %d entries", err, len(l.Items))
	}
	secret := strings.Split(string(first.Key), "\n")[1]
	for _, e := range l.Items {
		if strings.Contains(string(e.Before)+string(e.After), secret) {
			t.Error("the audit has the key")
		}
	}
	if strings.Contains(string(up.body), secret) {
		t.Error("the answer has the key")
	}
}

func TestBadUploadNamesTheFieldAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, ca := bearer(w.token(api.RoleAdmin)), certtest.New(t)
	storetest.Cluster(t, w.store, "alpha")
	const path = "/api/v1/clusters/alpha/certificate"
	w.given.set("", api.ClusterNames{AvailablePrivate: "alpha.internal"}, api.ClusterNames{Available: "alpha.example.org", All: "all.alpha.example.org"})
	good := ca.Issue(t, certtest.Leaf{Names: []string{"*.example.org"}})
	foreign := ca.Issue(t, certtest.Leaf{Names: []string{"all.alpha.example.org", "www.example.com"}})
	old := ca.Issue(t, certtest.Leaf{Names: []string{"alpha.example.org"}, Until: time.Now().Add(-time.Hour), From: time.Now().Add(-2 * time.Hour)})
	tag := with("If-Match", `"1"`)
	for _, c := range []struct {
		what, field, says string
		body              map[string]any
	}{
		{"another's key", "body.key", "does not go with", uploadOf(certtest.Pair{Chain: good.Chain, Key: foreign.Key})},
		{"no PEM", "body.chain", "holds no certificate", map[string]any{"chain": "hello", "key": string(good.Key)}},
		{"one that ended", "body.chain", "ended at", uploadOf(old)},
		{"one for other names", "body.chain", "clients look for alpha.internal or alpha.example.org", uploadOf(foreign)},
	} {
		p := w.must(http.StatusUnprocessableEntity, "PUT", path, c.body, admin, tag).problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Location != c.field || !strings.Contains(p.Errors[0].Message, c.says) {
			t.Errorf("%s: %+v", c.what, p)
		}
	}
	if v := decode[api.ClusterCertificate](t, w.must(http.StatusOK, "GET", path, nil, admin)); v.Source != api.SourceNone {
		t.Errorf("after refusals: %+v", v)
	}
	l, err := w.store.Audit.List(t.Context(), statestore.AuditFilter{Object: "certificate"}, statestore.Page{})
	if err != nil || len(l.Items) != 0 {
		t.Errorf("the audit has refusals: %v, %d entries", err, len(l.Items))
	}
	w.must(http.StatusOK, "PUT", path, uploadOf(good), admin, tag)
	other := uploadOf(foreign)
	other["other_names"] = true
	w.must(http.StatusOK, "PUT", path, other, admin, with("If-Match", `"2"`))
}
