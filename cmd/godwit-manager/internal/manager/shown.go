package manager

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/internal/loop"
	"github.com/godwit/godwit/statestore"
)

// shown are the certificates that nodes show to clients which look for them by name: what was uploaded for a cluster goes
// before files, and those before what is ordered. Safe for concurrent use.
type shown struct {
	store *statestore.Store
	names *names
	files *certificates // nil: none
	// ordered certificates are in the state store.
	ordered []certificate.Wanted
	log     *slog.Logger
	now     func() time.Time

	mu sync.Mutex
	// opened are uploaded certificates with their keys, by cluster id.
	opened map[string]opened
}

// opened is one version of an uploaded certificate; its pair is empty if its key cannot be opened.
type opened struct {
	version int64
	pair    certificate.Pair
}

// showing is what the nodes of a cluster are to show.
type showing struct {
	certificate.Pair
	source string // one of api's
}

// what to call it when it is spoken of.
func (s showing) what() string {
	switch s.source {
	case api.SourceUploaded:
		return "the uploaded certificate"
	case api.SourceFile:
		return "the certificate in the manager's files"
	}
	return "the certificate"
}

// given are those of files and orders, by the cluster's name.
func (s *shown) given(ctx context.Context) (map[string]showing, error) {
	all := map[string]showing{}
	ordered, err := certificate.Current(ctx, s.store.Settings, s.ordered)
	if err != nil {
		return nil, err
	}
	for name, pair := range ordered {
		all[name] = showing{pair, api.SourceOrdered}
	}
	for name, pair := range s.files.now() {
		all[name] = showing{pair, api.SourceFile}
	}
	return all, nil
}

// uploaded are those that somebody uploaded, by the cluster's id.
func (s *shown) uploaded(ctx context.Context) (map[string]showing, error) {
	rows, err := s.store.ClusterCertificates.All(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, known := map[string]showing{}, map[string]opened{}
	for _, row := range rows {
		o, there := s.opened[row.ClusterID]
		if !there || o.version != row.Version {
			o = opened{version: row.Version}
			key, err := s.store.ClusterCertificates.Key(ctx, row.ClusterID, row.Version)
			switch {
			case err == nil:
				o.pair = certificate.Pair{Chain: row.Chain, Key: string(key)}
			case errors.Is(err, statestore.ErrUnsealed):
				s.log.WarnContext(ctx, "an uploaded certificate cannot be used: upload it again", "cluster", row.ClusterID, "error", err)
			case errors.Is(err, statestore.ErrNotFound):
				continue // it was replaced at this moment
			default:
				return nil, err
			}
		}
		known[row.ClusterID] = o
		if o.pair.Chain != "" {
			all[row.ClusterID] = showing{o.pair, api.SourceUploaded}
		}
	}
	s.opened = known
	return all, nil
}

// by are all, by cluster id. clusters are the names of the clusters that there are, by id.
func (s *shown) by(ctx context.Context, clusters map[string]string) (map[string]showing, error) {
	given, err := s.given(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]showing{}
	for id, name := range clusters {
		if v, there := given[name]; there {
			all[id] = v
		}
	}
	uploaded, err := s.uploaded(ctx)
	maps.Copy(all, uploaded)
	return all, err
}

// Given implements api.Certificates.
func (s *shown) Given(ctx context.Context, name string) (source, chain string, err error) {
	given, err := s.given(ctx)
	if err != nil {
		return "", "", err
	}
	if v, there := given[name]; there {
		return v.source, v.Chain, nil
	}
	for _, w := range s.ordered {
		if w.Cluster == name {
			return api.SourceOrdered, "", nil
		}
	}
	return api.SourceNone, "", nil
}

// Zones implements api.Certificates.
func (s *shown) Zones(name string) []api.ClusterNames { return s.names.zones(name) }

// troubles are those of the certificates that are shown, by cluster id.
func (s *shown) troubles(ctx context.Context, clusters map[string]string) (map[string]cluster.CertificateTrouble, error) {
	all, err := s.by(ctx, clusters)
	if err != nil {
		return nil, err
	}
	found := map[string]cluster.CertificateTrouble{}
	for id, v := range all {
		facts, err := certificate.Read(v.Chain)
		if err != nil {
			return nil, err
		}
		t := cluster.CertificateTrouble{Ending: facts.Ending(v.what(), s.now())}
		if v.source == api.SourceFile {
			t.Failing = s.files.complaint(clusters[id])
		}
		if t != (cluster.CertificateTrouble{}) {
			found[id] = t
		}
	}
	return found, nil
}

// watchEvery is how often certificates are looked at for their end.
const watchEvery = 5 * time.Second

// watchCertificates says, while this manager leads, which certificates end, until ctx ends.
func (m *manager) watchCertificates(ctx context.Context) {
	loop.Run(ctx, watchEvery, func(ctx context.Context) error {
		if _, leading := m.elector.Leading(); !leading {
			m.cluster.NoteCertificates("shown", nil) // another one knows
			return nil
		}
		ids, err := m.clusterIDs(ctx)
		if err != nil {
			return err
		}
		names := make(map[string]string, len(ids))
		for name, id := range ids {
			names[id] = name
		}
		found, err := m.shown.troubles(ctx, names)
		if err == nil { // otherwise what was said before still stands
			m.cluster.NoteCertificates("shown", found)
		}
		return err
	}, func(err error) { m.log.WarnContext(ctx, "certificates are not looked at", "error", err) })
}
