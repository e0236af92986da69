package api

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Check is one thing that the manager needs to be of use. Ready returns nil, or says what is wrong.
type Check struct {
	Name  string
	Ready func(context.Context) error
}

// readyTimeout bounds a check: a probe that hangs is an answer too.
const readyTimeout = 2 * time.Second

// health says that the process lives; it asks nobody.
func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

type readiness struct {
	Ready    bool              `json:"ready"`
	NotReady map[string]string `json:"not_ready,omitempty"`
}

// ready asks all checks at once and says which fail and why.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := readiness{Ready: true}
	for _, c := range s.checks {
		wg.Go(func() {
			if err := c.Ready(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if out.NotReady == nil {
					out.NotReady = map[string]string{}
				}
				out.Ready, out.NotReady[c.Name] = false, err.Error()
			}
		})
	}
	wg.Wait()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !out.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(out) // a prober that left needs no answer
}
