package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/transfer"
)

// direction shows the stored direction as the client sees it.
func direction(d statestore.Direction) string {
	if d == statestore.DirectionReceive {
		return string(transfer.Pull)
	}
	return string(transfer.Push)
}

// transferView joins a transfer's row with its live sessions. Counters of the row lag behind by a few seconds, those of
// the live sessions leave out the ended ones: the larger is nearer. Sessions whose nodes died count with their last word.
func (s *Server) transferView(p *picture, t statestore.Transfer, live []*fleet.Live) Transfer {
	out := Transfer{
		ID: t.ID, Name: t.Name, AccessKey: t.AccessKeyID, Cluster: p.clusterRef(t.ClusterID), Direction: direction(t.Direction),
		Paths: t.Paths, State: string(t.State), Bytes: t.Bytes, TotalBytes: t.BytesTotal, Files: t.Files, Nodes: []Ref{},
		Moved: t.Moved, Client: t.ClientAddr, Error: t.ErrorText, CreatedAt: t.CreatedAt, StartedAt: t.StartedAt, EndedAt: t.EndedAt,
	}
	if out.Paths == nil {
		out.Paths = []string{}
	}
	var rates access.Rates
	if json.Unmarshal(t.Limits, &rates) == nil {
		out.TargetBps, out.Policy, out.Flows = rates.TargetBps, rates.Policy, rates.Flows
	}
	if !t.State.Final() {
		addLive(p, &out, live, s.fleet.Lost(t.ID))
	}
	if t.State == statestore.TransferDone && t.ErrorText == "" && t.BytesTotal > 0 {
		// All of it is there: what a node that died had not reported, and what was there before, is as well.
		out.Bytes = t.BytesTotal
	}
	return out
}

// strangerView shows a session whose transfer no row tells of: its client came with an access key, straight to the node.
func (s *Server) strangerView(p *picture, live []*fleet.Live) Transfer {
	l := live[0]
	started := time.UnixMilli(l.GetStartedUnixMs()).UTC()
	out := Transfer{
		ID: l.GetTransferId(), AccessKey: l.GetTenant(), Direction: l.GetDirection(), Paths: l.GetPaths(), Nodes: []Ref{},
		State: string(statestore.TransferRunning), CreatedAt: started, StartedAt: &started,
	}
	if out.ID == "" {
		out.ID = l.GetId()
	}
	if out.Paths == nil {
		out.Paths = []string{}
	}
	if n := p.byID[l.NodeID]; n != nil {
		out.Cluster = p.clusterRef(n.ClusterID)
	}
	addLive(p, &out, live, s.fleet.Lost(out.ID))
	return out
}

func addLive(p *picture, out *Transfer, live, lost []*fleet.Live) {
	var bytes, total, files, failed int64
	for _, l := range lost {
		bytes, files = bytes+whole(l.GetBytesDone()), files+whole(l.GetFilesDone())
		total = max(total, whole(l.GetBytesTotal()))
	}
	if len(live) == 0 {
		out.Bytes, out.Files, out.TotalBytes = max(out.Bytes, bytes), max(out.Files, files), max(out.TotalBytes, total)
		return
	}
	var rate, rtt, loss, weight float64
	for _, l := range live {
		bytes += int64(l.GetBytesDone())
		total = max(total, int64(l.GetBytesTotal()))
		files += int64(l.GetFilesDone())
		failed += int64(l.GetFilesFailed())
		rate += l.GetRateBps()
		// The slowest session's path is what an operator asks after; loss is weighed by rate.
		rtt = max(rtt, float64(l.GetRttUs())/1000)
		loss += l.GetLoss() * (l.GetRateBps() + 1)
		weight += l.GetRateBps() + 1
		if out.Client == "" {
			out.Client = l.GetPeer()
		}
		if out.Policy == "" {
			out.Policy = l.GetPolicy()
		}
		if !slices.ContainsFunc(out.Nodes, func(r Ref) bool { return r.ID == l.NodeID }) {
			out.Nodes = append(out.Nodes, p.nodeRef(l.NodeID))
		}
	}
	out.Live, out.State = true, string(statestore.TransferRunning)
	out.Bytes, out.Files, out.FilesFailed = max(out.Bytes, bytes), max(out.Files, files), failed
	out.TotalBytes = max(out.TotalBytes, total)
	out.RateBps, out.RTTMillis, out.Loss = int64(rate), rtt, loss/weight
	if left := out.TotalBytes - out.Bytes; out.TotalBytes > 0 && left >= 0 && rate >= 1 {
		eta := int64(float64(left) * 8 / rate)
		out.ETA = &eta
	}
}

// withSessions adds what is recorded, what was last heard and what is live of each session.
func (s *Server) withSessions(ctx context.Context, p *picture, out *Transfer, live []*fleet.Live) error {
	rows, err := s.store.Transfers.Sessions(ctx, out.ID)
	if err != nil && !errors.Is(err, statestore.ErrNotFound) && !errors.Is(err, statestore.ErrInvalid) {
		return err
	}
	out.Sessions = []TransferSession{}
	lost := s.fleet.Lost(out.ID)
	seen := map[string]bool{}
	for _, r := range rows {
		started := r.StartedAt
		node, err := s.pastNodeRef(ctx, p, r.NodeID)
		if err != nil {
			return err
		}
		v := TransferSession{
			ID: r.ID, Node: node, State: "ended", Bytes: r.Bytes, Files: r.Files,
			StartedAt: &started, EndedAt: r.EndedAt, EndReason: r.EndReason,
		}
		if r.EndedAt == nil {
			v.State = "running"
		}
		for _, l := range live {
			if l.GetId() == r.ID && r.EndedAt == nil {
				liveSession(&v, l)
			}
		}
		for _, l := range lost {
			if l.GetId() == r.ID {
				v.Bytes, v.Files = max(v.Bytes, whole(l.GetBytesDone())), max(v.Files, whole(l.GetFilesDone()))
			}
		}
		seen[r.ID] = true
		if !slices.ContainsFunc(out.Nodes, func(n Ref) bool { return n.ID == r.NodeID }) {
			out.Nodes = append(out.Nodes, v.Node)
		}
		out.Sessions = append(out.Sessions, v)
	}
	for _, l := range live {
		if !seen[l.GetId()] {
			started := time.UnixMilli(l.GetStartedUnixMs()).UTC()
			v := TransferSession{ID: l.GetId(), Node: p.nodeRef(l.NodeID), State: "running", StartedAt: &started}
			liveSession(&v, l)
			out.Sessions = append(out.Sessions, v)
		}
	}
	return nil
}

// pastNodeRef names a node that may have ended, by its id once nothing is known of it any more.
func (s *Server) pastNodeRef(ctx context.Context, p *picture, id string) (Ref, error) {
	if p.byID[id] != nil {
		return p.nodeRef(id), nil
	}
	n, err := s.store.Nodes.Get(ctx, id)
	if errors.Is(err, statestore.ErrNotFound) {
		return Ref{ID: id, Name: id}, nil
	}
	return Ref{ID: id, Name: n.Name}, err
}

func liveSession(v *TransferSession, l *fleet.Live) {
	v.RateBps, v.Loss, v.RTTMillis = int64(l.GetRateBps()), l.GetLoss(), float64(l.GetRttUs())/1000
	v.Bytes, v.Files = max(v.Bytes, int64(l.GetBytesDone())), max(v.Files, int64(l.GetFilesDone()))
}
