package api_test

import "github.com/godwit/godwit/api"

var transferExamples = map[string]func(*scene) ask{
	"list-transfers": func(*scene) ask { return ask{} },
	"create-transfer": func(s *scene) ask {
		key := s.key()
		return ask{as: basic(key.ID, key.Secret), body: api.TransferCreate{
			Direction: "push", Paths: []string{"/in/"}, ClientKey: clientKey(1), Cluster: s.cluster().Name,
		}}
	},
	"create-spec": func(s *scene) ask {
		id, tenant := s.transfer()
		return ask{as: tenant, at: at{"transfer": id}, body: api.SpecRequest{ClientKey: clientKey(1), Reason: "broken"}}
	},
	"get-transfer": func(s *scene) ask {
		id, _ := s.transfer()
		return ask{at: at{"transfer": id}}
	},
	"update-transfer": func(s *scene) ask {
		id, _ := s.transfer()
		return ask{at: at{"transfer": id}, body: `{"target_rate_bps":5000000}`}
	},
	"cancel-transfer": func(s *scene) ask {
		id, _ := s.transfer()
		return ask{at: at{"transfer": id}}
	},

	"list-access-keys": func(*scene) ask { return ask{} },
	"create-access-key": func(s *scene) ask {
		return ask{body: api.AccessKeyCreate{Name: s.name("tenant"), Storage: api.Storage{Type: "local", Path: "/srv/contract"}}}
	},
	"get-access-key":    func(s *scene) ask { return ask{at: at{"key": s.key().ID}} },
	"update-access-key": func(s *scene) ask { return ask{at: at{"key": s.key().ID}, body: `{"permissions":["read"]}`} },
	"rotate-access-key": func(s *scene) ask { return ask{at: at{"key": s.key().ID}, body: `{"overlap_s":60}`} },
	"revoke-access-key": func(s *scene) ask { return ask{at: at{"key": s.key().ID}} },
}
