package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	identityjoin "github.com/godwit/godwit/identity/join"
)

// Attempts to join or renew that an address may have refused: a burst, and then one a second. One that succeeds gives
// the burst back, so that a thousand nodes behind one address come in as fast as they can.
const (
	joinBurst  = 60
	joinRefill = time.Second
)

// limitJoins stands before the nodes' endpoints, which anybody can reach.
func (s *Server) limitJoins(next http.Handler) http.Handler {
	refused := newThrottle(joinBurst, joinRefill, s.now)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := remoteHost(r)
		wait, ok := refused.take(address)
		if !ok {
			// The code is the one on which a node asks again.
			w.Header().Set("Content-Type", problemType)
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			w.WriteHeader(http.StatusTooManyRequests)
			_ = json.NewEncoder(w).Encode(identityjoin.Refusal{ // a caller that hung up asks again
				Status: http.StatusTooManyRequests, Code: identityjoin.CodeUnavailable, Title: "too many refused requests",
				Detail: "too many requests of " + address + " were refused; try again in a moment",
			})
			return
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		if rec.status < http.StatusBadRequest {
			refused.forgive(address)
		}
	})
}
