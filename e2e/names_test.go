package e2e

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The cluster's nodes are found by name, by the resolver of the standard
// library, and the name goes with the last node.
func TestNodesAreFoundByName(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	small(t, s, 1, 100, "--dns-listen", "127.0.0.1:0", "--dns-zone", "godwit.test", "--dns-ttl", "2s")
	at := dnsAddress(s)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, at)
	}}
	for _, name := range []string{"c.godwit.test.", "all.c.godwit.test.", "private.c.godwit.test."} {
		eventually(t, 10*time.Second, name, func(ctx context.Context) (bool, error) {
			found, err := resolver.LookupHost(ctx, name)
			return slices.Equal(found, []string{"127.0.0.1"}), err
		})
	}
	if out := must(t, s, "cluster", "get", "c"); !strings.Contains(out, "in DNS: c.godwit.test takes new clients, all.c.godwit.test is every node") {
		t.Errorf("cluster get does not show the names:\n%s", out)
	}
	if _, err := s.API.Do(t.Context(), http.MethodDelete, "/api/v1/clusters/c", nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 40*time.Second, "the name to go with the nodes", func(ctx context.Context) (bool, error) {
		_, err := resolver.LookupHost(ctx, "c.godwit.test.")
		missing, ok := err.(*net.DNSError) //nolint:errorlint // the resolver returns it bare
		return ok && missing.IsNotFound, nil
	})
}
