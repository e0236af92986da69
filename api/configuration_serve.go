package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/statestore"
)

func configurationView(v statestore.ConfigurationVersion) ConfigurationVersion {
	return ConfigurationVersion{Version: v.Version, Configuration: configuration.Read(v.Config), Author: v.Author, CreatedAt: v.CreatedAt}
}

func (s *Server) getConfiguration(ctx context.Context, in *clusterIn) (*tagged[ConfigurationVersion], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Configurations.Get(ctx, c.ID, c.ConfigVersion)
	if err != nil {
		return nil, err
	}
	return &tagged[ConfigurationVersion]{ETag: etag(v.Version), Body: configurationView(v)}, nil
}

// configurationEdit is who changes what from which version; next is the document that it becomes.
type configurationEdit struct {
	cluster, ifMatch, action string
	next                     func(ctx context.Context, tx *statestore.Tables, c statestore.Cluster) (NodeConfiguration, error)
}

func (s *Server) putConfiguration(ctx context.Context, in *configurationPutIn) (*tagged[ConfigurationVersion], error) {
	return s.editConfiguration(ctx, configurationEdit{in.Cluster, in.IfMatch, "update",
		func(context.Context, *statestore.Tables, statestore.Cluster) (NodeConfiguration, error) {
			return configuration.Parse(in.Body)
		}})
}

func (s *Server) patchConfiguration(ctx context.Context, in *configurationPutIn) (*tagged[ConfigurationVersion], error) {
	return s.editConfiguration(ctx, configurationEdit{in.Cluster, in.IfMatch, "update",
		func(_ context.Context, _ *statestore.Tables, c statestore.Cluster) (NodeConfiguration, error) {
			var over map[string]any
			if err := json.Unmarshal(in.Body, &over); err != nil {
				return NodeConfiguration{}, err
			}
			doc, err := json.Marshal(merge(raw(c.Config), over))
			if err != nil {
				return NodeConfiguration{}, err
			}
			return configuration.Parse(doc)
		}})
}

func (s *Server) revertConfiguration(ctx context.Context, in *configurationRevertIn) (*tagged[ConfigurationVersion], error) {
	return s.editConfiguration(ctx, configurationEdit{in.Cluster, in.IfMatch, "revert",
		func(ctx context.Context, tx *statestore.Tables, c statestore.Cluster) (NodeConfiguration, error) {
			v, err := configurationAt(ctx, tx, c, in.Body.Version)
			if err != nil {
				return NodeConfiguration{}, err
			}
			d, err := configuration.Parse(v.Config)
			if err != nil {
				return d, conflict("version %d of the configuration of %s is not accepted by this release: %s", v.Version, c.Name, err.Error())
			}
			return d, nil
		}})
}

func (s *Server) editConfiguration(ctx context.Context, edit configurationEdit) (*tagged[ConfigurationVersion], error) {
	base, err := version(edit.ifMatch)
	if err != nil {
		return nil, err
	}
	var v statestore.ConfigurationVersion
	err = s.change(ctx, edit.action, "configuration", func(tx *statestore.Tables, a *trail) error {
		c, err := findCluster(ctx, tx, edit.cluster)
		if err != nil {
			return err
		}
		if deleting(c) {
			return conflict("cluster %s is being deleted", c.Name)
		}
		if c.ConfigVersion != base {
			return staleConfiguration(ctx, tx, c, base)
		}
		d, err := edit.next(ctx, tx, c)
		if err == nil && edit.action != "revert" {
			err = knownKeys(ctx, tx, d, configuration.Read(c.Config))
		}
		if err != nil {
			return configurationError(err)
		}
		doc, err := json.Marshal(d)
		if err != nil {
			return err
		}
		a.id, a.before, a.after = c.ID, raw(c.Config), d
		v, err = tx.Configurations.Put(ctx, c.ID, base, doc, a.by.actor())
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return &tagged[ConfigurationVersion]{ETag: etag(v.Version), Body: configurationView(v)}, nil
}

// configurationError turns the faults of fields into those of the body.
func configurationError(err error) error {
	var known *Problem
	var faults configuration.Faults
	switch {
	case errors.As(err, &known):
		return err
	case !errors.As(err, &faults):
		return invalid("body", "%s", err.Error())
	}
	p := newProblem(http.StatusUnprocessableEntity, "invalid", "the configuration is refused: "+faults.Error())
	for _, f := range faults {
		p.Errors = append(p.Errors, Invalid{Location: "body." + f.Field, Message: f.Problem})
	}
	return p
}

// staleConfiguration refuses a change that was made from an older version, and says what others changed since.
func staleConfiguration(ctx context.Context, tx *statestore.Tables, c statestore.Cluster, base int64) error {
	text := fmt.Sprintf("the configuration of %s is at version %d, the change was made from %d", c.Name, c.ConfigVersion, base)
	if old, err := tx.Configurations.Get(ctx, c.ID, base); err == nil {
		var names []string
		for _, d := range configuration.Differences(configuration.Read(c.Config), configuration.Read(old.Config)) {
			names = append(names, d.Field)
		}
		if len(names) > 0 {
			text += "; since then changed: " + strings.Join(names, ", ")
		}
	}
	return newProblem(http.StatusPreconditionFailed, "", text+". Read it again and repeat the change")
}

func configurationAt(ctx context.Context, t *statestore.Tables, c statestore.Cluster, v int64) (statestore.ConfigurationVersion, error) {
	row, err := t.Configurations.Get(ctx, c.ID, v)
	if errors.Is(err, statestore.ErrNotFound) {
		err = noVersion("the configuration of", c.Name, v)
	}
	return row, err
}

func (s *Server) listConfigurationVersions(ctx context.Context, in *configurationVersionsIn) (*body[Page[ConfigurationVersion]], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Configurations.List(ctx, c.ID, in.page())
	return paged(l, err, configurationView)
}

func (s *Server) getConfigurationVersion(ctx context.Context, in *configurationVersionIn) (*body[ConfigurationVersion], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	v, err := configurationAt(ctx, s.store.Tables, c, in.Version)
	if err != nil {
		return nil, err
	}
	return ok(configurationView(v)), nil
}
