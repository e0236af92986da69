package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/statestore"
)

// names is a directory of a world, asked as anybody would: by UDP.
type names struct {
	t      *testing.T
	w      *world
	d      *cluster.Directory
	server *dns.Server
}

func publish(t *testing.T, w *world, change ...func(*cluster.DirectoryConfig)) *names {
	t.Helper()
	server, err := dns.Listen(t.Context(), dns.ServerConfig{Zone: "godwit.test", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx) })
	t.Cleanup(func() { stop(); serving.Wait() })
	c := cluster.DirectoryConfig{Reconciler: w.lead.r, Store: storeOf{w.db, w.lead}, Zone: server, Name: "godwit.test"}
	for _, f := range change {
		f(&c)
	}
	d, err := cluster.NewDirectory(c)
	if err != nil {
		t.Fatal(err)
	}
	return &names{t, w, d, server}
}

// ask is what the name means after one evaluation.
func (n *names) ask(name string) []string {
	n.t.Helper()
	if err := n.d.Step(n.t.Context()); err != nil && !errors.Is(err, statestore.ErrUnavailable) {
		n.t.Fatal(err)
	}
	q := new(mdns.Msg)
	q.SetQuestion(name+".godwit.test.", mdns.TypeA)
	m, _, err := (&mdns.Client{Timeout: 5 * time.Second}).ExchangeContext(n.t.Context(), q, n.server.Addr())
	if err != nil {
		n.t.Fatal(err)
	}
	var out []string
	for _, rr := range m.Answer {
		if a, ok := rr.(*mdns.A); ok {
			out = append(out, a.A.String())
		}
	}
	slices.Sort(out)
	return out
}

func (n *names) expect(when, name string, want ...string) {
	n.t.Helper()
	if got := n.ask(name); !slices.Equal(got, want) {
		n.t.Errorf("%s: %s is %v, want %v", when, name, got, want)
	}
}

// soon steps until a name means what is wanted; meanwhile it is never empty.
func (n *names) soon(limit time.Duration, when, name string, want ...string) {
	n.t.Helper()
	for end := n.w.now.Add(limit); ; n.w.step() {
		got := n.ask(name)
		if slices.Equal(got, want) {
			return
		}
		if len(got) == 0 {
			n.t.Fatalf("%s: %s is empty", when, name)
		}
		if n.w.now.After(end) {
			n.t.Fatalf("%s: %s is %v after %s, want %v", when, name, got, limit, want)
		}
	}
}

// numbered gives running nodes addresses by which they can be told apart.
func numbered(w *world) []*simNode {
	nodes := w.sortedNodes()
	for i, n := range nodes {
		row := w.db.rows[n.id]
		row.PublicAddress, row.PrivateAddress = fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("10.0.0.%d", i+1)
	}
	return nodes
}

// full gives a node more clients than it should have, who stay.
func (w *world) full(n *simNode) {
	for i := range 30 {
		c := &simClient{id: fmt.Sprintf("%s-%d", n.id, i), wanted: 100e6, left: 1e15, node: n, since: w.now}
		w.clients, n.sessions = append(w.clients, c), append(n.sessions, c)
	}
}

func TestNodeThatFillsDrainsOrDiesLeavesTheNameOfTheAvailable(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable, p.MaxNodes = 3, 3 })
	n := publish(t, w)
	n.expect("before there is a node", "sim")
	w.until(t, 5*time.Minute, "three nodes", w.running(3))
	nodes := numbered(w)
	w.step()
	n.expect("all are idle", "sim", "192.0.2.1", "192.0.2.2", "192.0.2.3")
	n.expect("all are idle", "all.sim", "192.0.2.1", "192.0.2.2", "192.0.2.3")
	n.expect("all are idle", "private.sim", "10.0.0.1", "10.0.0.2", "10.0.0.3")
	n.expect("all are idle", "all.private.sim", "10.0.0.1", "10.0.0.2", "10.0.0.3")

	w.trouble(w.now.Add(time.Hour)) // from here on there are fewer than there should be
	w.full(nodes[0])
	n.soon(30*time.Second, "the first is high", "sim", "192.0.2.2", "192.0.2.3")
	n.expect("the first is high", "all.sim", "192.0.2.1", "192.0.2.2", "192.0.2.3")
	n.expect("the first is high", "private.sim", "10.0.0.2", "10.0.0.3")

	second := &simClient{id: "s", wanted: 1e6, left: 1e15, node: nodes[1], since: w.now}
	w.clients, nodes[1].sessions = append(w.clients, second), append(nodes[1].sessions, second)
	w.step()
	w.db.rows[nodes[1].id].OrderAction = statestore.OrderDrain
	n.soon(30*time.Second, "the second drains", "sim", "192.0.2.3")
	n.expect("the second drains and serves", "all.sim", "192.0.2.1", "192.0.2.2", "192.0.2.3")

	w.full(nodes[2])
	extra := &simClient{id: "x", wanted: 100e6, left: 1e15, node: nodes[0], since: w.now}
	w.clients, nodes[0].sessions = append(w.clients, extra), append(nodes[0].sessions, extra)
	w.pass(30 * time.Second)
	if got := n.ask("sim"); len(got) != 1 {
		t.Errorf("with none available: %v, want the least loaded alone", got)
	}

	w.breaks(nodes[2])
	n.soon(2*time.Minute, "the third is dead", "sim", "192.0.2.1")
	n.soon(3*time.Minute, "the third is dead and given up", "all.sim", "192.0.2.1", "192.0.2.2")
}

func TestNamesStayWhileTheStateStoreIsAway(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 1 })
	n := publish(t, w)
	w.until(t, 5*time.Minute, "a node", w.running(1))
	numbered(w)
	w.step()
	n.expect("at first", "sim", "192.0.2.1")
	w.trouble(w.now.Add(10 * time.Minute))
	w.db.awayUntil = w.now.Add(2 * time.Minute)
	w.pass(time.Minute)
	n.expect("while it is away", "sim", "192.0.2.1")
	w.pass(90 * time.Second)
	w.db.cluster.Name = "renamed"
	w.pass(10 * time.Second)
	n.expect("by its old name", "sim")
	n.expect("by its new name", "renamed", "192.0.2.1")
}

func TestNodesThatAreToldAsHostNamesHaveAddressesToo(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 1 })
	known := true
	n := publish(t, w, func(c *cluster.DirectoryConfig) {
		c.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
			if !known || !strings.HasPrefix(host, "rack7.") {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr("198.51.100.7")}, nil
		}
	})
	w.until(t, 5*time.Minute, "a node", w.running(1))
	numbered(w)
	w.db.rows[w.sortedNodes()[0].id].PublicAddress = "rack7.example.org"
	w.step()
	n.expect("looked up", "sim", "198.51.100.7")
	known = false
	n.expect("while it cannot be looked up", "sim", "198.51.100.7")
}
