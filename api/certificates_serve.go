package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/godwit/godwit/certificate"
	"github.com/godwit/godwit/statestore"
)

// Sources of certificates.
const (
	SourceNone     = "none"
	SourceUploaded = "uploaded"
	SourceFile     = "file"
	SourceOrdered  = "ordered"
)

// Certificates are what a manager knows of certificates besides those that were uploaded.
type Certificates interface {
	// Given is the chain that the nodes of a cluster show when none is uploaded, empty while there is none, and its source.
	Given(ctx context.Context, cluster string) (source, chain string, err error)
	// Zones are the names of a cluster in each zone that has any.
	Zones(cluster string) []ClusterNames
}

// noCertificates knows of none.
type noCertificates struct{}

func (noCertificates) Given(context.Context, string) (source, chain string, err error) {
	return SourceNone, "", nil
}
func (noCertificates) Zones(string) []ClusterNames { return nil }

// list is each name once.
func (n ClusterNames) list() []string {
	var names []string
	for _, name := range []string{n.Available, n.All, n.AvailablePrivate, n.AllPrivate} {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// certificateTag is never that of version 0.
func certificateTag(row statestore.ClusterCertificate) int64 { return row.Version + 1 }

func (s *Server) certificateView(ctx context.Context, c statestore.Cluster, row statestore.ClusterCertificate) (*tagged[ClusterCertificate], error) {
	v := ClusterCertificate{Source: SourceUploaded, Names: []string{}, Uncovered: []string{}}
	for _, zone := range s.config.Certificates.Zones(c.Name) {
		v.Names = append(v.Names, zone.list()...)
	}
	chain := row.Chain
	if chain == "" {
		var err error
		if v.Source, chain, err = s.config.Certificates.Given(ctx, c.Name); err != nil {
			return nil, err
		}
	} else {
		v.Author, v.UpdatedAt = row.Author, &row.UpdatedAt
	}
	if chain != "" {
		f, err := certificate.Read(chain)
		if err != nil {
			return nil, err
		}
		v.Certificate = factsView(f)
		v.Uncovered = slices.DeleteFunc(slices.Clone(v.Names), f.Covers)
	}
	return &tagged[ClusterCertificate]{ETag: etag(certificateTag(row)), Body: v}, nil
}

func factsView(f certificate.Facts) *CertificateFacts {
	return &CertificateFacts{Names: f.Names, Issuer: f.Issuer, SHA256: f.SHA256, NotBefore: f.From.UTC(), NotAfter: f.Ends.UTC()}
}

// certificateTrail is what the audit holds of an uploaded certificate: what it says of itself.
func certificateTrail(chain string) any {
	f, err := certificate.Read(chain)
	if err != nil {
		return nil // there is none
	}
	return factsView(f)
}

func (s *Server) getCertificate(ctx context.Context, in *clusterIn) (*tagged[ClusterCertificate], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	row, err := s.store.ClusterCertificates.Get(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	return s.certificateView(ctx, c, row)
}

func (s *Server) putCertificate(ctx context.Context, in *certificatePutIn) (*tagged[ClusterCertificate], error) {
	facts, err := certificate.Pair{Chain: in.Body.Chain, Key: in.Body.Key}.Check(s.now())
	if fault, ok := errors.AsType[*certificate.Fault](err); ok {
		return nil, invalid("body."+fault.Field, "%s", fault.Problem)
	} else if err != nil {
		return nil, err
	}
	var c statestore.Cluster
	var row statestore.ClusterCertificate
	err = s.change(ctx, "update", "certificate", func(tx *statestore.Tables, a *trail) error {
		if c, err = findCluster(ctx, tx, in.Cluster); err != nil {
			return err
		}
		if deleting(c) {
			return conflict("cluster %s is being deleted", c.Name)
		}
		before, err := tx.ClusterCertificates.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		a.id, a.before, a.after = c.ID, certificateTrail(before.Chain), factsView(facts)
		if err := a.edits(in.IfMatch, certificateTag(before)); err != nil {
			return err
		}
		if !in.Body.OtherNames {
			if err := s.lookedFor(c.Name, facts); err != nil {
				return err
			}
		}
		row, err = tx.ClusterCertificates.Put(ctx, c.ID, before.Version, in.Body.Chain, statestore.Secret(in.Body.Key), a.by.actor())
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.certificateView(ctx, c, row)
}

// lookedFor refuses a certificate that has not the name by which any zone has the nodes that take new clients.
func (s *Server) lookedFor(cluster string, f certificate.Facts) error {
	var wanted []string
	for _, zone := range s.config.Certificates.Zones(cluster) {
		name := zone.Available
		if name == "" {
			name = zone.AvailablePrivate
		}
		if f.Covers(name) {
			return nil
		}
		wanted = append(wanted, name)
	}
	if len(wanted) == 0 {
		return nil // nothing is published: any name is the operator's own affair
	}
	return invalid("body.chain", "is for %s, but clients look for %s; have it issued for that, or send other_names, if the certificate's names lead to the nodes by other means",
		strings.Join(f.Names, ", "), strings.Join(wanted, " or "))
}

func (s *Server) deleteCertificate(ctx context.Context, in *clusterIn) (*empty, error) {
	return &empty{}, s.change(ctx, "delete", "certificate", func(tx *statestore.Tables, a *trail) error {
		c, err := findCluster(ctx, tx, in.Cluster)
		if err != nil {
			return err
		}
		before, err := tx.ClusterCertificates.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		if before.Chain == "" {
			return notFound("uploaded certificate of cluster", c.Name)
		}
		a.id, a.before = c.ID, certificateTrail(before.Chain)
		_, err = tx.ClusterCertificates.Remove(ctx, c.ID, before.Version, a.by.actor())
		return err
	})
}
