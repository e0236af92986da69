package api_test

import "github.com/godwit/godwit/api"

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

	"list-users": func(*scene) ask { return ask{} },
	"create-user": func(s *scene) ask {
		return ask{body: api.UserCreate{Name: s.name("user"), Password: contractPassword, Role: api.RoleViewer}}
	},
	"update-user": func(s *scene) ask {
		return ask{at: at{"user": s.user().ID}, body: `{"role":"operator"}`}
	},
	"delete-user": func(s *scene) ask { return ask{at: at{"user": s.user().ID}} },

	"list-api-tokens": func(*scene) ask { return ask{} },
	"create-api-token": func(s *scene) ask {
		_, session := s.session()
		return ask{as: session, body: api.APITokenCreate{Name: "ci", Role: api.RoleViewer, Scopes: []string{"nodes:read"}}}
	},
	"delete-api-token": func(s *scene) ask { return ask{at: at{"token": s.apiToken().ID}} },

	"list-audit": func(*scene) ask { return ask{query: "object=user"} },
}
