package api

import (
	"context"
	"net/http"
	"time"

	"github.com/godwit/godwit/statestore"
)

// ClusterCondition is something that was or is wrong with a cluster.
type ClusterCondition struct {
	ID      string     `json:"id"`
	Cluster Ref        `json:"cluster"`
	Kind    string     `json:"kind" example:"quota_reached"`
	Subject string     `json:"subject,omitempty" doc:"What it is about, such as an offering or a node."`
	Since   time.Time  `json:"since"`
	SeenAt  time.Time  `json:"seen_at" doc:"Last time that it was found to be so."`
	Until   *time.Time `json:"until,omitempty" doc:"Absent while it lasts."`
	Text    string     `json:"text" doc:"What is the matter."`
	Next    string     `json:"next,omitempty" doc:"What to do about it."`
}

type conditionsIn struct {
	Cluster string    `query:"cluster" maxLength:"64" doc:"Id or name; left out, all."`
	Kind    string    `query:"kind" maxLength:"64"`
	Open    bool      `query:"open" doc:"Only those that last."`
	From    time.Time `query:"from" doc:"Those that lasted at this time or later."`
	To      time.Time `query:"to" doc:"Those that began before this time."`
	Paging
}

func (s *Server) conditionRoutes() {
	register(s, operation{id: "list-conditions", method: get, path: "/conditions", tag: "Conditions", role: RoleViewer,
		summary: "List what is or was wrong with clusters, newest first", errors: []int{http.StatusNotFound}}, s.listConditions)
}

func (p *picture) conditionView(r statestore.ConditionRow) ClusterCondition {
	return ClusterCondition{
		ID: r.ID, Cluster: p.clusterRef(r.ClusterID), Kind: r.Kind, Subject: r.Subject, Since: r.Since,
		SeenAt: r.SeenAt, Until: r.Until, Text: r.Text, Next: r.Next,
	}
}

func (s *Server) listConditions(ctx context.Context, in *conditionsIn) (*body[Page[ClusterCondition]], error) {
	id, err := s.clusterID(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	f := statestore.ConditionFilter{ClusterID: id, Kind: in.Kind, Open: in.Open, From: in.From, To: in.To}
	l, err := s.store.Conditions.List(ctx, f, in.page())
	return paged(l, err, s.flock.current().conditionView)
}
