package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/statestore"
)

func (s *Server) listNodeServices(ctx context.Context, in *nodeIn) (*body[NodeServices], error) {
	n, err := s.findNode(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	out := NodeServices{Items: []NodeService{}}
	v, heard := s.fleet.Node(n.ID)
	if !heard || n.State == statestore.NodeTerminated {
		return ok(out), nil
	}
	for _, sv := range v.Facts.GetServices() {
		view := NodeService{Service: serviceView(sv), PID: int(sv.GetPid())}
		if ms := sv.GetSinceUnixMs(); ms > 0 {
			at := time.UnixMilli(ms).UTC()
			view.Since = &at
		}
		out.Items = append(out.Items, view)
	}
	return ok(out), nil
}

func (s *Server) restartNodeService(ctx context.Context, in *restartServiceIn) (*body[NodeServices], error) {
	n, err := s.findNode(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	v, heard := s.fleet.Node(n.ID)
	if heard && !slices.ContainsFunc(v.Facts.GetServices(), func(sv *report.Service) bool { return sv.GetName() == in.Service }) {
		return nil, notFound("service of node "+n.Name, in.Service)
	}
	if !heard || n.State != statestore.NodeRunning && n.State != statestore.NodeDraining {
		return nil, conflict("node %s is %s and does not report; a service is restarted on a node that runs", n.Name, n.State)
	}
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	err = s.change(ctx, "restart", "service", func(_ *statestore.Tables, a *trail) error {
		a.id, a.after = n.ID, map[string]any{"node": n.Name, "service": in.Service, "reason": reason}
		why := "asked for by " + a.by.actor()
		if reason != "" {
			why += ": " + reason
		}
		return nodeAnswer(n.Name, s.config.Commands.Restart(ctx, n.ID, command.RestartRequest{Service: in.Service, Reason: why}))
	})
	if err != nil {
		return nil, err
	}
	return s.listNodeServices(ctx, &nodeIn{ID: n.ID})
}

// nodeAnswer turns what a node answered, or that it did not, into what a caller is told.
func nodeAnswer(node string, err error) error {
	var said *command.Error
	switch {
	case errors.As(err, &said) && said.Code == command.CodeUnsupported:
		return conflict("node %s runs an older release that cannot do this; replace it", node)
	case errors.As(err, &said) && said.Code == command.CodeNotFound:
		return newProblem(http.StatusNotFound, "", "node "+node+": "+said.Message)
	case errors.As(err, &said):
		return conflict("node %s: %s", node, said.Message)
	case errors.Is(err, command.ErrNotConnected), errors.Is(err, command.ErrTimeout):
		p := newProblem(http.StatusServiceUnavailable, "node_unreachable", "node "+node+" cannot be reached at the moment; try again")
		p.retryAfter(storeRetry)
		return p
	}
	return err
}

func (s *Server) listNodeSessions(ctx context.Context, in *nodeSessionsIn) (*body[Page[NodeSession]], error) {
	n, err := s.findNode(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	if err != nil || in.Cursor != "" && !strings.HasPrefix(string(after), sessionCursor) {
		return nil, invalid("query.cursor", "is not one that this list gave")
	}
	out := Page[NodeSession]{Items: []NodeSession{}}
	v, heard := s.fleet.Node(n.ID)
	if !heard || v.Stale(s.now()) {
		return ok(out), nil
	}
	sorted := slices.SortedFunc(slices.Values(v.Sessions), func(a, b *report.Session) int { return strings.Compare(a.GetId(), b.GetId()) })
	last := strings.TrimPrefix(string(after), sessionCursor)
	for _, x := range sorted {
		if x.GetId() <= last {
			continue
		}
		if len(out.Items) == in.Limit {
			out.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(sessionCursor + out.Items[in.Limit-1].ID))
			break
		}
		out.Items = append(out.Items, nodeSession(x))
	}
	return ok(out), nil
}

// sessionCursor keeps cursors of other lists out.
const sessionCursor = "sessions\x00"

func nodeSession(x *report.Session) NodeSession {
	out := NodeSession{
		ID: x.GetId(), Transfer: x.GetTransferId(), AccessKey: x.GetTenant(), Direction: x.GetDirection(), State: x.GetState(),
		RateBps: int64(x.GetRateBps()), WantedBps: int64(x.GetWantedBps()), ShareBps: int64(x.GetShareBps()), Capped: x.GetCapped(),
		Bytes: whole(x.GetBytesDone()), BytesTotal: whole(x.GetBytesTotal()), Files: whole(x.GetFilesDone()), FilesTotal: whole(x.GetFilesTotal()),
		RTTMillis: float64(x.GetRttUs()) / 1000, Loss: x.GetLoss(), Peer: x.GetPeer(), Policy: x.GetPolicy(), Cipher: x.GetCipher(),
		Movable: x.GetMovable(), Paths: x.GetPaths(), StartedAt: time.UnixMilli(x.GetStartedUnixMs()).UTC(),
	}
	if out.Paths == nil {
		out.Paths = []string{}
	}
	if out.State == "" {
		out.State = "running"
	}
	return out
}

// whole takes a node's count of bytes or files.
func whole(n uint64) int64 { return int64(min(n, 1<<62)) } //nolint:gosec // bounded

const (
	// consoleWait is how long the leader may take to ask the provider.
	consoleWait = 20 * time.Second
	consoleLook = 250 * time.Millisecond
)

// getNodeConsole asks the leader, which alone may speak with providers, by way of the state store.
func (s *Server) getNodeConsole(ctx context.Context, in *nodeIn) (*body[ConsoleOutput], error) {
	n, err := s.findNode(ctx, s.store.Tables, in.ID)
	if err != nil {
		return nil, err
	}
	if n.InstanceID == "" {
		return nil, conflict("node %s has no machine yet", n.Name)
	}
	row, err := s.store.Consoles.Ask(ctx, n.ID)
	if err != nil {
		return nil, err
	}
	s.config.Wake()
	for deadline := time.Now().Add(consoleWait); row.AnsweredAt == nil; {
		if time.Now().After(deadline) || !pause(ctx, consoleLook) {
			p := newProblem(http.StatusServiceUnavailable, "no_answer", "the leading manager has not answered for the provider of "+n.Name+" in time; try again")
			p.retryAfter(storeRetry)
			return nil, p
		}
		if row, err = s.store.Consoles.Get(ctx, n.ID); err != nil {
			return nil, err
		}
	}
	if row.ErrorText != "" {
		return nil, conflict("the provider has no console output of %s: %s", n.Name, row.ErrorText)
	}
	return ok(ConsoleOutput{At: *row.AnsweredAt, Text: strings.ToValidUTF8(strings.ReplaceAll(string(row.Output), "\x00", ""), "\uFFFD")}), nil
}
