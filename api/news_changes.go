package api

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/godwit/godwit/statestore"
)

const (
	// newsAtOnce bounds what one round reads of changes that followers missed; the next goes on.
	newsAtOnce = 100
	// nodeStill is how long a node that reports the same again goes untold: followers see by it that it is alive.
	nodeStill = 30 * time.Second
)

// tellConditions publishes the beginnings and ends of conditions since the last round.
func (n *news) tellConditions(ctx context.Context, p *picture) {
	if !n.placed {
		last, err := n.s.store.Conditions.LastChange(ctx)
		if err != nil {
			return // the next round asks again
		}
		n.change, n.placed = last, true
	}
	changes, err := n.s.store.Conditions.Changes(ctx, n.change, newsAtOnce)
	if err != nil {
		return
	}
	for _, c := range changes {
		n.change = c.Seq
		n.publish(ctx, topicConditions, "condition", ConditionEvent{
			At: c.At, Change: c.Change, Cluster: p.clusterRef(c.ClusterID), Kind: c.Kind, Subject: c.Subject, Since: c.Since, Text: c.Text, Next: c.Next,
		})
	}
}

// tellAudit publishes what was done since the last round, oldest first.
func (n *news) tellAudit(ctx context.Context) {
	l, err := n.s.store.Audit.List(ctx, statestore.AuditFilter{}, statestore.Page{Limit: newsAtOnce})
	if err != nil {
		return // the next round asks again
	}
	first := !n.listens
	n.listens = true
	if k := len(l.Items); k == newsAtOnce && l.Items[k-1].ID > n.audited && !first {
		n.publish(ctx, topicAudit, "reset", ResetEvent{Reason: "more was done than can be told one by one"})
		first = true
	}
	var fresh []statestore.AuditEntry
	for _, e := range slices.Backward(l.Items) {
		if e.ID > n.audited {
			fresh = append(fresh, e)
		}
	}
	if len(fresh) == 0 {
		return
	}
	n.audited = fresh[len(fresh)-1].ID
	if first {
		return
	}
	names, err := n.s.store.Audit.Names(ctx, fresh)
	if err != nil {
		n.s.log.WarnContext(ctx, "audit entries are told without names", "error", err)
	}
	for _, e := range fresh {
		n.publish(ctx, topicAudit, "audit", AuditEvent{Entry: auditView(e, names)})
	}
}

// still tells that a follower who knows a would see nothing new in b: figures that moved by less than one in fifty of
// their cap, or of themselves, are the same to the eye.
func still(a, b *Node) bool {
	return a.State == b.State && a.Pool == b.Pool && a.Address == b.Address && a.Sessions == b.Sessions && a.Version == b.Version &&
		a.SendCapBps == b.SendCapBps && a.ReceiveCapBps == b.ReceiveCapBps && a.MaxSessions == b.MaxSessions &&
		a.DrainReason == b.DrainReason && a.FailureReason == b.FailureReason && slices.EqualFunc(a.Services, b.Services, sameService) &&
		alike(a.SendBps, b.SendBps, a.SendCapBps) && alike(a.ReceiveBps, b.ReceiveBps, a.ReceiveCapBps) && sameUse(a.Utilization, b.Utilization)
}

func sameService(a, b Service) bool {
	return a.Name == b.Name && a.State == b.State && a.Restarts == b.Restarts && a.LastError == b.LastError
}

func sameUse(a, b *Utilization) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Signal == b.Signal && math.Abs(a.Value-b.Value) < 0.02
}

func alike(a, b, limit int64) bool {
	return math.Abs(float64(a-b)) <= float64(max(limit, a, b))/50
}
