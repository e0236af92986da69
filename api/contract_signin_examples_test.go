package api_test

import (
	"fmt"
	"net/http"

	"github.com/godwit/godwit/api"
)

// provider is a new OpenID provider that does not answer: egress refuses to ask it.
func (s *scene) provider() api.SignInProvider {
	s.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"oidc":{"issuer":"https://127.0.0.1:1","client_id":"c"},"secret":"s","default_role":"viewer"}`, s.name("provider"))
	return decode[api.SignInProvider](s.t, s.must(http.StatusCreated, "POST", "/api/v1/sign-in-providers", body, s.admin))
}

var signInExamples = map[string]func(*scene) ask{
	"get-sign-in-methods": func(*scene) ask { return ask{} },
	"begin-oidc-sign-in":  func(s *scene) ask { return ask{at: at{"provider": s.provider().Name}} },
	"finish-oidc-sign-in": func(s *scene) ask {
		return ask{at: at{"provider": s.provider().Name}, query: "state=a&code=b", audited: true}
	},

	"list-sign-in-providers": func(*scene) ask { return ask{} },
	"create-sign-in-provider": func(s *scene) ask {
		return ask{body: fmt.Sprintf(`{"name":%q,"ldap":{"url":"ldaps://127.0.0.1:1","user_base":"dc=example"},"roles":[{"group":"a","role":"viewer"}]}`, s.name("provider"))}
	},
	"get-sign-in-provider": func(s *scene) ask { return ask{at: at{"provider": s.provider().ID}} },
	"update-sign-in-provider": func(s *scene) ask {
		return ask{at: at{"provider": s.provider().ID}, body: `{"title":"Acme","enabled":false}`}
	},
	"delete-sign-in-provider": func(s *scene) ask { return ask{at: at{"provider": s.provider().ID}} },
	"test-sign-in-provider":   func(s *scene) ask { return ask{at: at{"provider": s.provider().ID}} },
}
