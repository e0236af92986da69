package armsim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// The one principal, and its secret.
const (
	Tenant = "00000000-0000-4000-8000-00000000000a"
	Client = "00000000-0000-4000-8000-00000000000b"
	Secret = "let me in"
	token  = "a token of " + Client
)

// issue is the issuer of tokens, for client credentials:
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func (c *Cloud) issue(w http.ResponseWriter, r *http.Request) {
	base := "https://" + r.Host + "/" + Tenant
	status, body := http.StatusOK, map[string]any{}
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		body["issuer"], body["token_endpoint"], body["authorization_endpoint"] = base+"/v2.0", base+"/oauth2/v2.0/token", base+"/oauth2/v2.0/authorize"
	case !strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		status = http.StatusNotFound
	case r.FormValue("client_id") != Client || r.FormValue("client_secret") != Secret:
		status = http.StatusUnauthorized
		body["error"], body["error_description"] = "invalid_client", "AADSTS7000215: Invalid client secret provided."
	default:
		body["token_type"], body["expires_in"], body["access_token"] = "Bearer", 3600, token
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs none
}
