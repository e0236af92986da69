package api_test

var configurationExamples = map[string]func(*scene) ask{
	"get-configuration":   func(s *scene) ask { return ask{at: at{"cluster": s.cluster().Name}} },
	"put-configuration":   func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"send_cap_mbps":100}`} },
	"patch-configuration": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}, body: `{"max_sessions":20}`} },
	"revert-configuration": func(s *scene) ask {
		id := s.cluster().ID
		return ask{at: at{"cluster": id}, body: `{"version":1}`, tag: "/api/v1/clusters/" + id + "/configuration"}
	},
	"list-configuration-versions": func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
	"get-configuration-version":   func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID, "version": "1"}} },
	"list-links":                  func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
	"get-configuration-rollout":   func(s *scene) ask { return ask{at: at{"cluster": s.cluster().ID}} },
}
