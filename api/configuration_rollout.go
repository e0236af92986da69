package api

import (
	"context"
	"errors"
	"slices"

	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/statestore"
)

// maxRollout bounds the nodes of one answer.
const maxRollout = 500

func (s *Server) getConfigurationRollout(ctx context.Context, in *clusterIn) (*body[ConfigurationRollout], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	out := ConfigurationRollout{Version: c.ConfigVersion, Nodes: []ConfigurationRolloutNode{}}
	of := laggards{s: s, c: c, wanted: configuration.Read(c.Config), by: map[int64][]configuration.Difference{}}
	p := s.flock.current()
	for i := range p.nodes {
		row := &p.nodes[i]
		if row.ClusterID != c.ID {
			continue
		}
		n, err := of.view(ctx, row)
		if err != nil {
			return nil, err
		}
		out.Nodes = append(out.Nodes, n)
		if row.State != statestore.NodeRunning && row.State != statestore.NodeDraining {
			continue // told when it joins
		}
		out.Total++
		switch {
		case n.Applied:
			out.Applied++
		case n.Error != "":
			out.Refused++
			out.Pending++
		default:
			out.Pending++
		}
	}
	slices.SortStableFunc(out.Nodes, func(a, b ConfigurationRolloutNode) int {
		switch {
		case a.Applied == b.Applied:
			return 0
		case b.Applied:
			return -1
		}
		return 1
	})
	out.Nodes = out.Nodes[:min(len(out.Nodes), maxRollout)]
	return ok(out), nil
}

// laggards compares the nodes of one cluster with its configuration. What versions differ in is read once for each.
type laggards struct {
	s      *Server
	c      statestore.Cluster
	wanted NodeConfiguration
	by     map[int64][]configuration.Difference
}

func (l *laggards) view(ctx context.Context, row *statestore.Node) (ConfigurationRolloutNode, error) {
	n := ConfigurationRolloutNode{ID: row.ID, Name: row.Name, State: string(row.State), ConfigVersion: row.ConfigVersion, Drift: []configuration.Difference{}}
	v, heard := l.s.fleet.Node(row.ID)
	if heard && v.Facts != nil {
		n.ConfigVersion = int64(v.Facts.GetConfigVersion()) //nolint:gosec // counts an operator's edits
		// A refusal of a version that is no longer wanted is history.
		if int64(v.Facts.GetRefusedVersion()) == l.c.ConfigVersion { //nolint:gosec // see above
			n.Error = v.Facts.GetConfigError()
		}
		for _, d := range v.Facts.GetDrift() {
			n.Drift = append(n.Drift, configuration.Difference{Field: d.GetField(), Wanted: d.GetWanted(), Has: d.GetHas(), How: d.GetHow()})
		}
	}
	if n.ConfigVersion != l.c.ConfigVersion {
		var err error
		if n.Drift, err = l.behind(ctx, n.ConfigVersion); err != nil {
			return n, err
		}
	}
	n.Applied = heard && n.ConfigVersion == l.c.ConfigVersion && len(n.Drift) == 0 && n.Error == ""
	return n, nil
}

func (l *laggards) behind(ctx context.Context, version int64) ([]configuration.Difference, error) {
	if d, known := l.by[version]; known {
		return d, nil
	}
	old, err := l.s.store.Configurations.Get(ctx, l.c.ID, version)
	if err != nil && !errors.Is(err, statestore.ErrNotFound) {
		return nil, err
	}
	l.by[version] = configuration.Differences(l.wanted, configuration.Read(old.Config))
	return l.by[version], nil
}
