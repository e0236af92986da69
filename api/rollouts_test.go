package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/godwit/godwit/api"
)

func TestARolloutGoesAsThePolicySaysButForWhatItsStartSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newScene(w)
	c := s.cluster()
	path := "/api/v1/clusters/" + c.Name + "/rollout"
	s.must(http.StatusNotFound, "GET", path, nil, s.admin)
	r := decode[api.Rollout](t, s.must(http.StatusCreated, "POST", path, `{}`, s.admin))
	if r.State != "rolling" || r.Surge != 1 || r.SurgePercent != 10 || r.MaxFailures != 3 || r.To.Version != 1 || r.Cluster.ID != c.ID {
		t.Errorf("%+v", r)
	}
	if got := decode[api.Problem](t, s.must(http.StatusConflict, "POST", path, `{}`, s.admin)).Detail; !strings.Contains(got, "under way (rolling)") {
		t.Errorf("a second one: %s", got)
	}
	for _, step := range []struct{ verb, state string }{{"pause", "paused"}, {"resume", "rolling"}, {"abort", "aborted"}} {
		if r = decode[api.Rollout](t, s.must(http.StatusOK, "POST", path+"/"+step.verb, nil, s.admin)); r.State != step.state {
			t.Errorf("%s: %+v", step.verb, r)
		}
	}
	if r.EndedAt == nil || !strings.HasPrefix(r.Reason, "abort by ") {
		t.Errorf("%+v", r)
	}
	s.must(http.StatusConflict, "POST", path+"/resume", nil, s.admin)
	s.must(http.StatusUnprocessableEntity, "POST", path, `{"surge":0}`, s.admin)
	r = decode[api.Rollout](t, s.must(http.StatusCreated, "POST", path, `{"surge_percent":25,"max_failures":1}`, s.admin))
	if r.Surge != 0 || r.SurgePercent != 25 || r.MaxFailures != 1 {
		t.Errorf("%+v", r)
	}
	list := decode[api.Page[api.Rollout]](t, s.must(http.StatusOK, "GET", path+"s", nil, s.admin))
	if len(list.Items) != 2 || list.Items[0].ID != r.ID {
		t.Errorf("%+v", list)
	}
}
