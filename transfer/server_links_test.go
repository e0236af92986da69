package transfer

import (
	"path/filepath"
	"testing"
	"time"
)

// TestSharedLinkHoldsSessionsOfItsTenants: 20 Mb/s together make two copies of
// 2 MiB take 1.6 s at least, whichever way they go, but for what a client begins
// with before it is told.
func TestSharedLinkHoldsSessionsOfItsTenants(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 2<<20)
	write(t, filepath.Join(n.root, "f"), 2<<20)
	n.SetLinks([]SharedLink{
		{Name: "theirs", Tenants: []string{"somebody else"}, Send: 1, Receive: 1},
		{Name: "ours", Tenants: []string{"tenant"}, Send: 20e6, Receive: 20e6},
		{Name: "others", Default: true, Send: 1, Receive: 1},
	})
	for _, dir := range []Direction{Push, Pull} {
		began := time.Now()
		done := make(chan struct{}, 2)
		for _, to := range []string{"a", "b"} {
			job := Job{Direction: dir, Sources: []string{src}, Destination: to}
			if dir == Pull {
				job.Sources, job.Destination = []string{"f"}, t.TempDir()
			}
			go func() {
				defer func() { done <- struct{}{} }()
				mustRun(t, client(t, n), job)
			}()
		}
		<-done
		<-done
		// 1.7 s, but for what leaves before the first report; 0.1 without a link.
		if took := time.Since(began); took < 600*time.Millisecond {
			t.Errorf("%s: 4 MiB over a link of 20 Mb/s took %v", dir, took)
		}
	}
}

func TestSessionsFollowTheLinksThatTheirTenantHas(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 24<<20)
	n.SetLinks([]SharedLink{{Name: "one", Default: true, Receive: 60e6}})
	share := func() int64 {
		for _, s := range n.Sessions() {
			return s.Share
		}
		return -1
	}
	job := Job{Direction: Push, Sources: []string{src}, Destination: "f"}
	_, err := during(t, client(t, n), job, 1, func(*Transfer) {
		await(t, "the share of the first link", func() bool { return share() == 60e6 })
		if l := n.Links(); len(l) != 1 || l[0].Receive.Greedy+l[0].Receive.Modest != 1 || l[0].Receive.Cap != 60e6 || l[0].Send.Greedy+l[0].Send.Modest != 0 {
			t.Errorf("%+v", l)
		}
		n.SetLinks([]SharedLink{{Name: "one", Receive: 60e6}, {Name: "two", Tenants: []string{"tenant"}, Receive: 80e6}})
		await(t, "the share of the second link", func() bool { return share() == 80e6 })
		n.SetLinks([]SharedLink{{Name: "two", Default: true, Receive: 1}})
		await(t, "what the slowest session is left", func() bool { return share() == leastShare })
		n.SetLinks(nil)
		await(t, "no share", func() bool { return share() == 0 })
	})
	must(t, err)
	if n.Links() != nil {
		t.Error("there are links still")
	}
}
