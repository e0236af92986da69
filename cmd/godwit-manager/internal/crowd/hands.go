package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

var errGone = errors.New("no such instance")

// hands runs the simulated cloud until ctx ends.
func hands(ctx context.Context, args []string) error {
	var m machines
	f := flag.NewFlagSet("crowd hands", flag.ContinueOnError)
	socket := f.String("socket", "", "where to listen")
	f.StringVar(&m.dir, "dir", "", "where nodes keep their identities")
	f.IntVar(&m.sessions, "sessions", 10, "sessions per node")
	tenants := f.String("tenants", "", "file with the access keys' ids, one a line; read when the first node has joined")
	if err := f.Parse(args); err != nil {
		return err
	}
	m.ctx, m.tenants, m.slots = ctx, *tenants, make(chan struct{}, 16)
	m.byToken, m.byID = map[string]*machine{}, map[string]*machine{}
	server := rpc.NewServer()
	if err := server.RegisterName("Cloud", &m); err != nil {
		return err
	}
	if err := os.RemoveAll(*socket); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", *socket)
	if err != nil {
		return fmt.Errorf("simulated cloud: %w", err)
	}
	go func() { <-ctx.Done(); l.Close() }()
	for {
		conn, err := l.Accept()
		if err != nil {
			m.running.Wait()
			if ctx.Err() == nil {
				return fmt.Errorf("simulated cloud: %w", err)
			}
			return nil
		}
		go server.ServeConn(conn)
	}
}

// machines is the simulated cloud's stock. Its exported methods are the calls
// that the manager's end makes.
type machines struct {
	ctx      context.Context
	dir      string
	tenants  string
	sessions int
	slots    chan struct{} // bounds how many nodes join at once
	running  sync.WaitGroup

	mu      sync.Mutex
	byToken map[string]*machine
	byID    map[string]*machine
}

type machine struct {
	instance provisioner.Instance
	stop     context.CancelFunc
}

// Launch starts a node; repeating it returns the first one's instance.
func (m *machines) Launch(request provisioner.LaunchRequest, out *provisioner.Instance) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if have := m.byToken[request.ClientToken]; have != nil {
		*out = have.instance
		return nil
	}
	ctx, stop := context.WithCancel(m.ctx)
	n := len(m.byToken)
	it := &machine{stop: stop, instance: provisioner.Instance{
		ID: fmt.Sprintf("i-%06d", n), ClientToken: request.ClientToken, NodeID: request.NodeID, Owner: request.Owner,
		State: provisioner.Running, Zone: "zone-" + string(rune('a'+n%3)), Type: "sim.large",
		PrivateAddresses: []string{fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255)}, LaunchedAt: time.Now().UTC(), Tags: request.Tags,
	}}
	m.byToken[request.ClientToken], m.byID[it.instance.ID] = it, it
	node := &node{machines: m, number: n, bootstrap: request.Bootstrap, address: it.instance.PrivateAddresses[0], instance: it.instance.ID}
	m.running.Go(func() { node.live(ctx) })
	*out = it.instance
	return nil
}

// Get returns one instance.
func (m *machines) Get(id string, out *provisioner.Instance) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.byID[id]
	if it == nil {
		return errGone
	}
	*out = it.instance
	return nil
}

// List returns an owner's instances in order of id.
func (m *machines) List(owner provisioner.Owner, out *[]provisioner.Instance) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, it := range m.byID {
		if owner.Owns(it.instance.Owner) {
			*out = append(*out, it.instance)
		}
	}
	slices.SortFunc(*out, func(a, b provisioner.Instance) int { return strings.Compare(a.ID, b.ID) })
	return nil
}

// Terminate ends instances.
func (m *machines) Terminate(ids []string, _ *struct{}) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if it := m.byID[id]; it != nil {
			it.stop()
			delete(m.byID, id)
		}
	}
	return nil
}
