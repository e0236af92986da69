package gcesim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// refusal is an answer that is no success.
type refusal struct {
	status  int
	reason  string // of errors[], as the API's clients know them
	message string
}

func refuse(status int, reason, format string, values ...any) *refusal {
	return &refusal{status, reason, fmt.Sprintf(format, values...)}
}

func notFound(url string) *refusal {
	return refuse(http.StatusNotFound, "notFound", "The resource '%s' was not found", url)
}

func invalid(field, value, why string) *refusal {
	return refuse(http.StatusBadRequest, "invalid", "Invalid value for field '%s': '%s'. %s", field, value, why)
}

func (r *refusal) write(w http.ResponseWriter) {
	body := map[string]any{"error": map[string]any{
		"code": r.status, "message": r.message,
		"errors": []errorItem{{Reason: r.reason, Domain: "global", Message: r.message}},
	}}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if r.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}

func selfLink(format string, values ...any) string {
	return "https://www.googleapis.com/compute/v1/projects/" + Project + "/" + fmt.Sprintf(format, values...)
}
