package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// Document is the OpenAPI 3.1 description of every operation.
func Document() *huma.OpenAPI {
	s := &Server{huma: humachi.New(chi.NewMux(), description())}
	s.routes()
	return s.huma.OpenAPI()
}

// description is what the document says of the whole.
func description() huma.Config {
	installProblems()
	c := huma.DefaultConfig("Godwit", "1")
	c.Info.Description = "Operate transfer clusters: what they run, why, and who moves what. " +
		"Rates are bits per second (_bps), sizes bytes, durations seconds (_s), times RFC 3339 in UTC. " +
		"Errors are RFC 9457 problem documents. Lists page by cursor."
	c.CreateHooks = nil
	c.DocsPath, c.OpenAPIPath, c.SchemasPath = "", "", ""
	c.RejectUnknownQueryParameters = true
	// "json" is for every +json type, such as that of problems.
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readJSON}
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	c.DefaultFormat = "application/json"
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session":   {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Set by signing in; people and the console."},
		"token":     {Type: "http", Scheme: "bearer", Description: "An API token."},
		"accessKey": {Type: "http", Scheme: "basic", Description: "An access key's id and secret; transfer operations only."},
	}
	return c
}

// document serves the description. It is made once: operations do not change while the manager runs.
func (s *Server) document() http.HandlerFunc {
	b, err := json.Marshal(s.huma.OpenAPI())
	return func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			s.refuseHTTP(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(b)
	}
}
