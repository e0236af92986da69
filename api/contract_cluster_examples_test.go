package api_test

import (
	"fmt"
	"time"

	"github.com/godwit/godwit/api"
)

var clusterExamples = map[string]func(*scene) ask{
	"list-clusters": func(*scene) ask { return ask{} },
	"create-cluster": func(s *scene) ask {
		return ask{body: fmt.Sprintf(`{"name":%q,"template":%q,"policy":{"max_nodes":3}}`, s.name("cluster"), s.template().Name)}
	},
	"get-cluster":    func(s *scene) ask { return ask{at: at{"cluster": s.cluster().Name}} },
	"patch-cluster":  func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"name":"renamed"}`} },
	"delete-cluster": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
	"pause-cluster":  func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
	"resume-cluster": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
	"scale-cluster":  func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"nodes":2}`} },

	"list-rollouts":  func(s *scene) ask { return ask{at: at{"cluster": s.rollout()}} },
	"get-rollout":    func(s *scene) ask { return ask{at: at{"cluster": s.rollout()}} },
	"start-rollout":  func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"surge":2}`} },
	"pause-rollout":  func(s *scene) ask { return ask{at: at{"cluster": s.rollout()}} },
	"resume-rollout": func(s *scene) ask { return ask{at: at{"cluster": s.rollout()}} },
	"abort-rollout":  func(s *scene) ask { return ask{at: at{"cluster": s.rollout()}} },

	"get-policy":           func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
	"put-policy":           func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"max_nodes":4}`} },
	"patch-policy":         func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"max_nodes":5}`} },
	"preview-policy":       func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"min_available":2}`} },
	"list-policy-versions": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
	"get-policy-version":   func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID, "version": "1"}} },

	"list-templates": func(*scene) ask { return ask{} },
	"create-template": func(s *scene) ask {
		return ask{body: api.TemplateCreate{Name: s.name("template"), Provider: "local", Spec: []byte(`{}`)}}
	},
	"validate-template": func(*scene) ask { return ask{body: `{"provider":"local","spec":{}}`} },
	"get-template":      func(s *scene) ask { return ask{at: at{"template": s.template().Name}} },
	"put-template":      func(s *scene) ask { return ask{at: at{"template": s.template().ID}, body: `{"spec":{"node":{}}}`} },
	"delete-template":   func(s *scene) ask { return ask{at: at{"template": s.template().ID}} },

	"list-template-versions": func(s *scene) ask { return ask{at: at{"template": s.template().ID}} },
	"get-template-version":   func(s *scene) ask { return ask{at: at{"template": s.template().ID, "version": "1"}} },
	"duplicate-template": func(s *scene) ask {
		return ask{at: at{"template": s.template().ID}, body: fmt.Sprintf(`{"name":%q}`, s.name("copy"))}
	},
	"diff-template": func(s *scene) ask { return ask{at: at{"template": s.template().ID}, body: `{"spec":{"node":{}}}`} },
	"launch-template": func(s *scene) ask {
		return ask{at: at{"template": s.template().ID}, body: fmt.Sprintf(`{"name":%q}`, s.name("cluster"))}
	},

	"revert-policy": func(s *scene) ask {
		id := s.cluster().ID
		return ask{at: at{"cluster": id}, body: `{"version":1}`, tag: "/api/v1/clusters/" + id + "/policy"}
	},
	"get-schedule":  func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, query: "days=3"} },
	"diff-policies": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, query: "from=1&to=1"} },

	"what-if": func(s *scene) ask {
		s.nodes.record(s.clock.Now().Add(-time.Hour), 20)
		return ask{at: at{"cluster": s.cluster().ID}, body: `{"policy":{"max_nodes":3},"price_per_hour":0.2}`}
	},
	"get-forecast": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },

	"why-not": func(s *scene) ask { return ask{query: "action=launch&cluster=" + s.decision().ClusterID} },
	"replay-decision": func(s *scene) ask {
		return ask{at: at{"decision": s.decision().ID}, body: `{"policy":{"max_nodes":3}}`}
	},
	"list-conditions": func(s *scene) ask { return ask{query: "open=true"} },
	"list-decisions":  func(s *scene) ask { return ask{query: "cluster=" + s.decision().ClusterID} },
	"get-decision":    func(s *scene) ask { return ask{at: at{"decision": s.decision().ID}} },
}
