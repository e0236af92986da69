package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/godwit/godwit/internal/loop"
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
	// Names are those of a cluster; an empty one is not published. dns.NamesOf in Name
	// if nil.
	Names func(cluster string) dns.Names
	// Leading says whether this manager is the one to write; nil: every one is, each
	// in a zone of its own.
	Leading func() bool
	// TTL of the records; dns.DefaultTTL if zero.
	TTL time.Duration
	// Every is how often the names are held against the nodes; 1 s if zero.
	Every time.Duration
	// Texts are challenges of certificate authorities, by name; of those that are of
	// the names of the clusters here, the zone has them too. Nil: there are none.
	Texts func(ctx context.Context) (map[string][]string, error)
	// Lookup resolves nodes that are told as a host name; the system's if nil.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	Log    *slog.Logger
}

// Directory keeps the clusters' names in a zone true.
type Directory struct {
	DirectoryConfig
	last  map[string][]dns.Record // by cluster
	hosts map[string]resolved
	texts texts
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
	if c.Names == nil {
		c.Names = func(cluster string) dns.Names { return dns.NamesOf(cluster, c.Name) }
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
	loop.Run(ctx, d.Every, d.Step, func(err error) {
		d.Log.WarnContext(ctx, "the clusters' names stay as they are", "error", err)
	})
}

// Step makes the names what they should be now. What cannot be told now, since
// the state store is away, stays as it was; before all was told once, everything
// does. What keeps names from being published becomes a condition of the clusters
// that are concerned.
func (d *Directory) Step(ctx context.Context) error {
	if d.Leading != nil && !d.Leading() {
		d.last = map[string][]dns.Record{} // others write meanwhile
		d.Reconciler.notes.set(d.Name, nil)
		return nil
	}
	clusters, err := d.Store.Clusters(ctx)
	if err != nil {
		return err
	}
	var wanted []dns.Record
	var failures []error
	unknown := false
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
		unknown = unknown || !known
	}
	d.last = last
	if unknown { // its names may be there, of the time before this manager
		return errors.Join(failures...)
	}
	challenges, err := d.challenges(ctx, clusters)
	if err != nil {
		return errors.Join(append(failures, err)...)
	}
	change, err := d.Zone.Converge(ctx, append(wanted, challenges...))
	d.texts.converged(challenges, err)
	if !change.None() {
		d.Log.InfoContext(ctx, "names changed", "zone", d.Name, "records", change.String())
	}
	if ctx.Err() == nil {
		d.Reconciler.notes.set(d.Name, d.troubles(clusters, err))
	}
	return errors.Join(append(failures, err)...)
}

// troubles are the conditions that an error of the zone is.
func (d *Directory) troubles(clusters []statestore.Cluster, err error) map[conditionKey]string {
	if err == nil {
		return nil
	}
	found := map[conditionKey]string{}
	held, taken := errors.AsType[*dns.HeldError](err)
	for _, c := range clusters {
		if !taken {
			if len(d.last[c.ID]) > 0 {
				found[conditionKey{c.ID, conditionNames, d.Name}] = "names in " + d.Name + " stay as they are: " + err.Error()
			}
			continue
		}
		for _, r := range d.last[c.ID] {
			for _, h := range held.Names {
				if h.Name == r.Name {
					found[conditionKey{c.ID, conditionNameTaken, h.Name}] = h.Name + " is not published in " + held.Zone + ": " + h.By
				}
			}
		}
	}
	return found
}

func (d *Directory) records(ctx context.Context, name string, s Serving) []dns.Record {
	names := d.Names(name)
	public := func(e Endpoint) string { return e.Public }
	private := func(e Endpoint) string { return e.Private }
	var records []dns.Record
	for _, r := range []struct {
		name  string
		nodes []Endpoint
		of    func(Endpoint) string
	}{{names.Available, s.Available, public}, {names.All, s.All, public}, {names.AvailablePrivate, s.Available, private}, {names.AllPrivate, s.All, private}} {
		if r.name != "" {
			records = append(records, dns.Record{Name: r.name, TTL: d.TTL, Addresses: d.addresses(ctx, r.nodes, r.of)})
		}
	}
	return records
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
