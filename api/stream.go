package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

const (
	// heartbeat keeps proxies from closing a quiet stream, and finds clients that vanished.
	heartbeat = 15 * time.Second
	// streamWrite is how long a client may take to accept a write.
	streamWrite = 10 * time.Second
	// streamTrust is how long a stream goes on without asking whether its session still holds.
	streamTrust = 30 * time.Second
)

func (s *Server) streamEvents(ctx context.Context, in *eventsIn) (*huma.StreamResponse, error) {
	topics, err := in.topics(callerOf(ctx).role)
	if err != nil {
		return nil, err
	}
	position, resumed := s.hub.now(), true
	if in.LastEventID != "" {
		position, resumed = s.hub.resume(in.LastEventID)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer s.hub.follow(topics)()
		s.Changed() // a first look need not wait for the next change
		r, w := humachi.Unwrap(ctx)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		st := &stream{s: s, w: w, control: http.NewResponseController(w), topics: topics, position: position}
		if !resumed {
			st.position = s.hub.now()
			if st.reset("the manager restarted") != nil {
				return
			}
		}
		st.run(r)
	}}, nil
}

// stream is one follower.
type stream struct {
	s        *Server
	w        http.ResponseWriter
	control  *http.ResponseController
	topics   []string
	position uint64
}

// run sends until the client leaves, its session ends or the server stops.
func (st *stream) run(r *http.Request) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	trust := time.NewTicker(streamTrust)
	defer trust.Stop()
	if st.write(": follow\nretry: 2000\n\n") != nil {
		return
	}
	for {
		events, next, missed, wake := st.s.hub.since(st.position, st.topics)
		if missed {
			if st.reset("too much happened meanwhile") != nil {
				return
			}
			events = nil
		}
		for _, e := range events {
			if st.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", st.s.hub.id(e.seq), e.name, e.data)) != nil {
				return
			}
		}
		st.position = next
		select {
		case <-wake:
		case <-beat.C:
			if st.write(": still here\n\n") != nil {
				return
			}
		case <-trust.C:
			if c, err := st.s.authenticate(r, false); err != nil || !c.role.Includes(RoleViewer) || slices.Contains(st.topics, topicAudit) && !c.role.Includes(RoleAdmin) {
				return
			}
		case <-st.s.stopping:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (st *stream) reset(why string) error {
	return st.write(fmt.Sprintf("id: %s\nevent: reset\ndata: {\"reason\":%q}\n\n", st.s.hub.id(st.s.hub.now()-1), why))
}

func (st *stream) write(text string) error {
	if err := st.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := io.WriteString(st.w, text); err != nil {
		return err
	}
	if err := st.control.Flush(); err != nil {
		return err
	}
	// HTTP/2 resets a stream whose deadline passes though nothing waits to be written: a quiet one must have none.
	return st.control.SetWriteDeadline(time.Time{})
}
