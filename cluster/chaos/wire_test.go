package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// wire is a manager's connection to its cloud.
type wire struct {
	m  *manager
	to http.Handler
}

// RoundTrip implements http.RoundTripper. The manager may die before the request
// and after its effect; requests and answers are lost and late.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	h, what := w.m.h, callOf(r)
	if w.m.touch() {
		return nil, errDead
	}
	late := time.Duration(5+h.drawOnce("travel "+what, 200)) * time.Millisecond
	if h.harmed("slow "+what, 40) {
		late = time.Duration(1+h.drawOnce("how slow "+what, 40)) * time.Second
		h.meet("slow call")
	}
	travel := time.NewTimer(late)
	defer travel.Stop()
	select {
	case <-travel.C:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if h.harmed("request "+what, 40) {
		h.told("the request %s is lost", what)
		h.meet("lost request")
		return nil, errors.New("connection refused")
	}
	answer, err := w.serve(r)
	if w.m.touch() {
		return nil, errDead
	}
	if err == nil && h.harmed("answer "+what, 30) {
		h.told("the answer to %s is lost", what)
		h.meet("lost answer")
		return nil, errors.New("connection reset by peer")
	}
	if err == nil && r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	return answer, err
}

// serve is the way through the cloud's own decoder.
func (w wire) serve(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // the value that net/http compares with
				panic(p)
			}
			answer, err = nil, errors.New("connection reset by peer")
		}
	}()
	asked := r.Clone(r.Context())
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	recorder, to := httptest.NewRecorder(), w.to
	w.m.h.mutex.Lock()
	if w.m.h.met["calls"]++; w.m.h.denied {
		to = w.m.h.cloud.stranger()
	}
	w.m.h.mutex.Unlock()
	to.ServeHTTP(recorder, asked)
	answer = recorder.Result()
	answer.Request = r
	return answer, nil
}

// callOf names a call: method and path, or the action of a form, and which
// machine it is for.
func callOf(r *http.Request) string {
	if r.Body == nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded; charset=utf-8" && r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return r.Method + " " + r.URL.Path
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Sprint(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	action, _, _ := strings.Cut(strings.TrimPrefix(string(body), "Action="), "&")
	if _, token, found := strings.Cut(string(body), "ClientToken="); found {
		token, _, _ = strings.Cut(token, "&")
		action += " " + token
	}
	return action
}
