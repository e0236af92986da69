package api_test

import (
	"net/http"

	"github.com/godwit/godwit/api"
)

var peopleExamples = map[string]func(*scene) ask{
	"get-setup": func(*scene) ask { return ask{} },
	"complete-setup": func(s *scene) ask {
		return ask{body: api.SetupRequest{Token: s.link(), Name: s.name("admin"), Password: contractPassword}}
	},
	"sign-in": func(s *scene) ask {
		return ask{body: api.SignIn{Name: s.user().Name, Password: contractPassword}}
	},
	"sign-out": func(s *scene) ask {
		_, session := s.session()
		return ask{as: session}
	},
	"get-me": func(*scene) ask { return ask{} },
	"change-password": func(s *scene) ask {
		_, session := s.session()
		return ask{as: session, body: api.PasswordChange{Current: contractPassword, New: "rain on the roof"}}
	},

	"list-sessions": func(s *scene) ask {
		u, _ := s.session()
		return ask{query: "user=" + u.Name}
	},
	"end-session": func(s *scene) ask {
		u, _ := s.session()
		r := s.must(http.StatusOK, "GET", "/api/v1/sessions?user="+u.ID, nil, s.admin)
		return ask{at: at{"session": decode[api.Page[api.Session]](s.t, r).Items[0].ID}}
	},

	"list-users": func(*scene) ask { return ask{} },
	"create-user": func(s *scene) ask {
		return ask{body: api.UserCreate{Name: s.name("user"), Password: contractPassword, Role: api.RoleViewer}}
	},
	"get-user": func(s *scene) ask { return ask{at: at{"user": s.user().Name}} },
	"update-user": func(s *scene) ask {
		return ask{at: at{"user": s.user().ID}, body: api.UserUpdate{Name: new(s.name("renamed")), Role: new(api.RoleOperator)}}
	},
	"delete-user": func(s *scene) ask { return ask{at: at{"user": s.user().ID}} },

	"list-api-tokens": func(*scene) ask { return ask{} },
	"create-api-token": func(s *scene) ask {
		_, session := s.session()
		return ask{as: session, body: api.APITokenCreate{Name: "ci", Role: api.RoleViewer, Scopes: []string{"nodes:read"}}}
	},
	"get-api-token": func(s *scene) ask { return ask{at: at{"token": s.apiToken().ID}} },
	"update-api-token": func(s *scene) ask {
		_, session := s.session()
		body := api.APITokenCreate{Name: "ci", Role: api.RoleViewer}
		made := decode[api.APITokenCreated](s.t, s.must(http.StatusCreated, "POST", "/api/v1/api-tokens", body, session))
		return ask{as: session, at: at{"token": made.ID}, body: `{"name":"nightly","scopes":["nodes:read"],"expires_in_s":3600}`}
	},
	"delete-api-token": func(s *scene) ask { return ask{at: at{"token": s.apiToken().ID}} },

	"list-audit": func(*scene) ask { return ask{query: "object=user"} },
}
