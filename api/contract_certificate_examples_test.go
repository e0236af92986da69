package api_test

import (
	"net/http"

	"github.com/godwit/godwit/certificate/certtest"
)

var certificateExamples = map[string]func(*scene) ask{
	"get-certificate": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().Name}} },
	"put-certificate": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: s.upload()} },
	"delete-certificate": func(s *scene) ask {
		id := s.cluster().ID
		s.must(http.StatusOK, "PUT", "/api/v1/clusters/"+id+"/certificate", s.upload(), s.admin, with("If-Match", `"1"`))
		return ask{at: at{"cluster": id}}
	},
}

// upload is a good one.
func (s *scene) upload() map[string]any {
	s.t.Helper()
	p := certtest.New(s.t).Issue(s.t, certtest.Leaf{Names: []string{"media.example.org"}})
	return map[string]any{"chain": string(p.Chain), "key": string(p.Key)}
}
