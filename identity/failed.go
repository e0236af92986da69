package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/statestore"
)

// maxReason bounds what a row says of a failure, in bytes; the journal has all.
const maxReason = 500

// unborn are the states in which a node may say that it cannot be set up.
var unborn = []statestore.NodeState{statestore.NodeLaunching, statestore.NodeBooting}

// failed takes the word of a machine that it will never be its node. The token proves that it is the machine, and is
// spent: what could not be set up must not join. The reconciler reads the reason from the row.
func (h *Handler) failed(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	report, err := readFailure(w, r)
	var node statestore.Node
	if err == nil {
		node, err = h.Authority.store.Nodes.Get(ctx, report.NodeID)
		if errors.Is(err, statestore.ErrNotFound) {
			err = tokenRefusal(http.StatusUnauthorized, join.CodeTokenUnknown, "the token is not one of this node's")
		}
	}
	if err == nil && !slices.Contains(unborn, node.State) {
		err = stateRefusal(node)
	}
	if err == nil {
		err = h.spend(ctx, r, node, report.Token, []byte("a failure"))
	}
	if err == nil {
		node, err = h.Authority.store.Nodes.Update(ctx, node.ID, func(n *statestore.Node) { n.FailureReason = summary(report) })
	}
	if err != nil {
		h.refuse(w, r, &join.Request{NodeID: report.NodeID}, err)
		return
	}
	h.Log.Warn("a node could not be set up", "node", node.Name, "reason", report.Reason, "remote", r.RemoteAddr)
	h.record(ctx, event.NodeFailed, node, event.Node{Reason: report.Reason, Output: report.Output, Remote: r.RemoteAddr})
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}") // a caller that hung up tells again
}

func readFailure(w http.ResponseWriter, r *http.Request) (join.Failure, error) {
	var f join.Failure
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8*join.OutputLimit)) // JSON may escape every byte
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	switch {
	case err != nil:
		return join.Failure{}, bad("request body: %v", err)
	case !nodeID.MatchString(f.NodeID) || f.NodeID == reservedNode:
		return join.Failure{}, bad("node_id %.80q is malformed", f.NodeID)
	case strings.TrimSpace(f.Reason) == "" || len(f.Reason) > maxReason || len(f.Output) > join.OutputLimit:
		return join.Failure{}, bad("reason must have 1 to %d bytes, output at most %d", maxReason, join.OutputLimit)
	}
	f.Reason, f.Output = printable(f.Reason), printable(f.Output)
	return f, nil
}

// printable keeps text and line breaks: what a script wrote must not steer the terminal of who reads it. Postgres takes
// no NUL.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return -1
	}, s)
}

// summary is the reason and the last lines of the output, as far as a row has room.
func summary(f join.Failure) string {
	out := f.Reason
	lines := strings.Split(strings.TrimSpace(f.Output), "\n")
	tail := strings.Join(lines[max(0, len(lines)-3):], " | ")
	if room := maxReason - len(out) - 2; tail != "" && room > 0 {
		out = fmt.Sprintf("%s: %s", out, strings.ToValidUTF8(tail[max(0, len(tail)-room):], ""))
	}
	return out
}
