package dns

import (
	"strings"
	"time"
)

// Destination is a hosted zone and what is published in it.
type Destination struct {
	Service Service
	// Label tells it from others: "route53 example.org".
	Label string
	// Pattern is the name of a cluster's available nodes, with {cluster} for its own.
	Pattern string
	// Cluster is the only one that is published; empty: all are.
	Cluster string
	// Public and Private addresses that are published. Private ones alone take the
	// names that public ones have elsewhere: so a zone that is seen from within only
	// gives the same names another meaning.
	Public, Private bool
	TTL             time.Duration
}

// Wildcard is what a Pattern has in place of a cluster's name.
const Wildcard = "{cluster}"

// Names are those of a cluster; empty ones are not published.
func (d Destination) Names(cluster string) Names {
	if d.Cluster != "" && d.Cluster != cluster {
		return Names{}
	}
	base := strings.ReplaceAll(d.Pattern, Wildcard, strings.ToLower(cluster))
	switch {
	case d.Public && d.Private:
		return Names{Available: base, All: "all." + base, AvailablePrivate: "private." + base, AllPrivate: "all.private." + base}
	case d.Private:
		return Names{AvailablePrivate: base, AllPrivate: "all." + base}
	}
	return Names{Available: base, All: "all." + base}
}
