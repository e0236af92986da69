package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/statestore"
)

// Serving are the nodes of a cluster that clients may be sent to.
type Serving struct {
	// Available take new clients. While nothing is available it is the least
	// loaded of the others, and never empty while a node serves.
	Available []Endpoint
	// All serve, draining ones too.
	All []Endpoint
}

// Endpoint is where a node is reached.
type Endpoint struct {
	NodeID string
	// Public is an address or a host name, as the node was told or found out; the
	// private one where it has no other. Private may be empty.
	Public, Private string
}

// Serving answers by the same view as Best, and reserves nothing. Any manager
// may answer.
func (r *Reconciler) Serving(ctx context.Context, clusterID string) (Serving, error) {
	b, err := r.placing.round(clusterID, r.now(), func() (*round, error) { return r.look(ctx, clusterID, nil) })
	if err != nil {
		return Serving{}, err
	}
	r.placing.mutex.Lock()
	defer r.placing.mutex.Unlock()
	view := *b
	view.now, view.reports = r.now(), r.placing.hear(r.now(), r.config.Fleet)
	snapshot := r.snapshot(&view)
	snapshot.Nodes = reachable(&view, snapshot.Nodes)
	return view.serving(policy.Rank(snapshot, view.policy, view.now)), nil
}

func (b *round) serving(ranked []policy.Placement) Serving {
	var s Serving
	known, running := map[string]Endpoint{}, []Endpoint{}
	for _, n := range b.nodes {
		if n.State != statestore.NodeRunning && n.State != statestore.NodeDraining || n.TransferPort == 0 {
			continue
		}
		e := Endpoint{NodeID: n.ID, Public: n.PublicAddress, Private: n.PrivateAddress}
		if e.Public == "" {
			e.Public = e.Private
		}
		if e.Public == "" {
			continue
		}
		known[n.ID] = e
		s.All = append(s.All, e)
		if report, _ := b.reports.of(n.ID); n.State == statestore.NodeRunning && !report.Draining {
			running = append(running, e)
		}
	}
	for _, p := range ranked {
		if e, ok := known[p.NodeID]; ok && !p.Overflow {
			s.Available = append(s.Available, e)
		}
	}
	if len(s.Available) > 0 {
		return s
	}
	for _, p := range ranked { // the least loaded of the full ones
		if e, ok := known[p.NodeID]; ok {
			s.Available = []Endpoint{e}
			return s
		}
	}
	if s.Available = running; len(running) == 0 {
		s.Available = s.All
	}
	return s
}

// DirectoryConfig of a Directory. Reconciler, Store, Zone and Name must be given.
type DirectoryConfig struct {
	Reconciler *Reconciler
	Store      Store
	// Zone takes the records of all clusters; Name is its own.
	Zone dns.Zone
	Name string
	// TTL of the records; dns.DefaultTTL if zero.
	TTL time.Duration
	// Every is how often the names are held against the nodes; 1 s if zero.
	Every time.Duration
	// Lookup resolves nodes that are told as a host name; the system's if nil.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	Log    *slog.Logger
}

// Directory keeps the clusters' names in a zone true.
type Directory struct {
	DirectoryConfig
	last  map[string][]dns.Record // by cluster
	hosts map[string]resolved
}

// resolved is what a host name meant.
type resolved struct {
	addresses []netip.Addr
	at        time.Time
}

// hostFor is how long what a host name means is taken for true.
const hostFor = 30 * time.Second

// NewDirectory makes a directory that does nothing until it runs.
func NewDirectory(c DirectoryConfig) (*Directory, error) {
	if c.Reconciler == nil || c.Store == nil || c.Zone == nil || c.Name == "" {
		return nil, errors.New("directory: reconciler, store, zone and its name must be given")
	}
	if c.TTL <= 0 {
		c.TTL = dns.DefaultTTL
	}
	if c.Every <= 0 {
		c.Every = time.Second
	}
	if c.Lookup == nil {
		c.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Directory{DirectoryConfig: c, last: map[string][]dns.Record{}, hosts: map[string]resolved{}}, nil
}

// Run steps until ctx ends. One goroutine at a time.
func (d *Directory) Run(ctx context.Context) {
	tick := time.NewTicker(d.Every)
	defer tick.Stop()
	for said := ""; ; {
		err := d.Step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			said = ""
		case err.Error() != said:
			said = err.Error()
			d.Log.WarnContext(ctx, "the clusters' names stay as they are", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Step makes the names what they should be now. What cannot be told now, since
// the state store is away, stays as it was.
func (d *Directory) Step(ctx context.Context) error {
	clusters, err := d.Store.Clusters(ctx)
	if err != nil {
		return err
	}
	var wanted []dns.Record
	var failures []error
	last := make(map[string][]dns.Record, len(clusters))
	for _, c := range clusters {
		records, known := d.last[c.ID]
		serving, err := d.Reconciler.Serving(ctx, c.ID)
		if err == nil {
			records, known = d.records(ctx, c.Name, serving), true
		} else {
			failures = append(failures, err)
		}
		if known {
			last[c.ID] = records
			wanted = append(wanted, records...)
		}
	}
	d.last = last
	change, err := d.Zone.Converge(ctx, wanted)
	if err == nil && !change.None() {
		d.Log.InfoContext(ctx, "names changed", "zone", d.Name, "records", change.String())
	}
	return errors.Join(append(failures, err)...)
}

func (d *Directory) records(ctx context.Context, name string, s Serving) []dns.Record {
	names := dns.NamesOf(name, d.Name)
	public := func(e Endpoint) string { return e.Public }
	private := func(e Endpoint) string { return e.Private }
	return []dns.Record{
		{Name: names.Available, TTL: d.TTL, Addresses: d.addresses(ctx, s.Available, public)},
		{Name: names.All, TTL: d.TTL, Addresses: d.addresses(ctx, s.All, public)},
		{Name: names.AvailablePrivate, TTL: d.TTL, Addresses: d.addresses(ctx, s.Available, private)},
		{Name: names.AllPrivate, TTL: d.TTL, Addresses: d.addresses(ctx, s.All, private)},
	}
}

func (d *Directory) addresses(ctx context.Context, endpoints []Endpoint, of func(Endpoint) string) []netip.Addr {
	var out []netip.Addr
	for _, e := range endpoints {
		host := of(e)
		if host == "" {
			continue
		}
		if a, err := netip.ParseAddr(host); err == nil {
			out = append(out, a)
			continue
		}
		out = append(out, d.resolve(ctx, host)...)
	}
	return out
}

// resolve keeps what it knew while the name cannot be looked up.
func (d *Directory) resolve(ctx context.Context, host string) []netip.Addr {
	known, ok := d.hosts[host]
	if ok && time.Since(known.at) < hostFor {
		return known.addresses
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	found, err := d.Lookup(ctx, host)
	if err != nil {
		d.Log.DebugContext(ctx, "host name of a node is not known", "host", host, "error", err)
		found = known.addresses
	}
	d.hosts[host] = resolved{found, time.Now()}
	return found
}
