package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/statestore"
)

// LogLevels say how much the programs of this installation log.
type LogLevels struct {
	Manager   string             `json:"manager" enum:",debug,info,warn,error" doc:"Of managers; empty: as they were started."`
	Nodes     string             `json:"nodes" enum:",debug,info,warn,error" doc:"Of nodes whose cluster's configuration names none; empty: as they were started."`
	Overrides []LogLevelOverride `json:"overrides" nullable:"false" maxItems:"100" doc:"Nodes that log otherwise for a while."`
}

// LogLevelOverride gives one node another level until a time.
type LogLevelOverride struct {
	Node  string    `json:"node" maxLength:"64" doc:"Id or name; answers hold the id."`
	Level string    `json:"level" enum:"debug,info,warn,error"`
	Until time.Time `json:"until" doc:"It ends by itself then, also when the manager is away."`
}

type logLevelsIn struct {
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    LogLevels
}

// longestOverride bounds an override: a node that is forgotten at debug fills its disk.
const longestOverride = 7 * 24 * time.Hour

func (s *Server) logLevelRoutes() {
	const tag = "Settings"
	register(s, operation{id: "get-log-levels", method: get, path: "/log-levels", tag: tag, role: RoleViewer,
		summary: "Get how much managers and nodes log"}, s.getLogLevels)
	register(s, operation{id: "put-log-levels", method: put, path: "/log-levels", tag: tag, role: RoleAdmin,
		summary: "Set how much managers and nodes log; it holds within seconds"}, s.putLogLevels)
}

func (s *Server) readLevels(ctx context.Context, t *statestore.Tables) (configuration.LogLevels, error) {
	var l configuration.LogLevels
	err := t.Settings.Get(ctx, configuration.LevelsKey, &l)
	if errors.Is(err, statestore.ErrNotFound) {
		err = nil
	}
	return l.Current(s.now()), err
}

func taggedLevels(l configuration.LogLevels) *tagged[LogLevels] {
	out := LogLevels{Manager: l.Manager, Nodes: l.Nodes, Overrides: []LogLevelOverride{}}
	for _, o := range l.Overrides {
		out.Overrides = append(out.Overrides, LogLevelOverride(o))
	}
	return &tagged[LogLevels]{ETag: etag(l.Version + 1), Body: out} // a version is never 0
}

func (s *Server) getLogLevels(ctx context.Context, _ *struct{}) (*tagged[LogLevels], error) {
	l, err := s.readLevels(ctx, s.store.Tables)
	if err != nil {
		return nil, err
	}
	return taggedLevels(l), nil
}

func (s *Server) putLogLevels(ctx context.Context, in *logLevelsIn) (*tagged[LogLevels], error) {
	base, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	var l configuration.LogLevels
	err = s.change(ctx, "update", "log_levels", func(tx *statestore.Tables, a *trail) error {
		old, err := s.readLevels(ctx, tx)
		if err != nil {
			return err
		}
		if old.Version+1 != base {
			return newProblem(http.StatusPreconditionFailed, "", "the log levels were changed meanwhile: read them again and repeat the change")
		}
		l = configuration.LogLevels{Version: old.Version + 1, Manager: in.Body.Manager, Nodes: in.Body.Nodes, Overrides: []configuration.Override{}}
		for i, o := range in.Body.Overrides {
			field := fmt.Sprintf("body.overrides[%d]", i)
			n, err := s.findNode(ctx, tx, o.Node)
			var p *Problem
			if errors.As(err, &p) {
				return invalid(field+".node", "there is no node %q", o.Node)
			}
			if err != nil {
				return err
			}
			if left := o.Until.Sub(s.now()); left <= 0 || left > longestOverride {
				return invalid(field+".until", "must be within the next seven days")
			}
			l.Overrides = append(l.Overrides, configuration.Override{Node: n.ID, Level: o.Level, Until: o.Until.UTC()})
		}
		if err := l.Check(); err != nil {
			return configurationError(err)
		}
		a.id, a.before, a.after = configuration.LevelsKey, taggedLevels(old).Body, taggedLevels(l).Body
		return tx.Settings.Put(ctx, configuration.LevelsKey, l)
	})
	if err != nil {
		return nil, err
	}
	return taggedLevels(l), nil
}
