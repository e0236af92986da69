package policy

import (
	"math"
	"time"
)

// smoothing is the time constant for CPU and buffer fill, which jump about from
// report to report. Promised demand does not and is taken as it is, so that a
// node closes the moment that it is full.
const smoothing = 10 * time.Second

// worth is a node's load in nodes' worth of each signal: 1 is its cap.
type worth struct{ send, receive, cpu, buffer, sessions float64 }

// largest is the enabled signal with the largest worth.
func (w worth) largest(s Signals) (SignalName, float64) {
	name, most := SignalName(""), -1.0
	if s.Send.Enabled && w.send > most {
		name, most = SendSignal, w.send
	}
	if s.Receive.Enabled && w.receive > most {
		name, most = ReceiveSignal, w.receive
	}
	if s.CPU.Enabled && w.cpu > most {
		name, most = CPUSignal, w.cpu
	}
	if s.Buffer.Enabled && w.buffer > most {
		name, most = BufferSignal, w.buffer
	}
	if s.Sessions.Enabled && w.sessions > most {
		name, most = SessionsSignal, w.sessions
	}
	return name, max(most, 0)
}

func (w worth) times(f float64) worth {
	return worth{w.send * f, w.receive * f, w.cpu * f, w.buffer * f, w.sessions * f}
}

func (w worth) plus(o worth) worth {
	return worth{w.send + o.send, w.receive + o.receive, w.cpu + o.cpu, w.buffer + o.buffer, w.sessions + o.sessions}
}

// load of the node; sessions not yet reported count with it.
func (n *Node) load(p *Policy, now time.Time) Load {
	l := n.Load
	if len(n.Sessions) > 0 {
		l = Summarize(n.Sessions, n.Usage, *p, now)
	}
	expected := int64(float64(n.Expected) * p.sessionBps())
	l.Sessions += n.Expected
	l.SendBps += expected
	l.ReceiveBps += expected
	l.ReturningBps += 2 * expected
	return l
}

// worth measures the load against the caps, with CPU and buffer as smoothed.
func (n *Node) worth(l Load, p *Policy, cpu, buffer float64) worth {
	share := promisedShare(l, n.Usage)
	return worth{
		send:     ratio(float64(l.SendBps), capBps(p.Signals.Send, n.Usage.SendCapBps)),
		receive:  ratio(float64(l.ReceiveBps), capBps(p.Signals.Receive, n.Usage.ReceiveCapBps)),
		cpu:      ratio(cpu*share, orElse(p.Signals.CPU.Cap, 1)),
		buffer:   ratio(buffer*share, orElse(p.Signals.Buffer.Cap, 1)),
		sessions: ratio(float64(l.Sessions), orElse(p.Signals.Sessions.Cap, float64(p.MaxSessions))),
	}
}

// promisedShare is the part of the traffic that sessions were promised. What one
// greedy client takes beyond that costs CPU and buffers too, and is as little a
// reason to launch as its bandwidth. Headers make the node's own count a little
// larger than the sessions' sum: hence the tenth.
func promisedShare(l Load, u Usage) float64 {
	total := float64(u.SendBps + u.ReceiveBps)
	if total <= 0 || l.Sessions == 0 {
		return 1
	}
	return min(1, 1.1*float64(l.ServedBps)/total)
}

// assign puts the node into a pool. late says that its reports are overdue.
func (n *Node) assign(l Load, p *Policy, now time.Time, late bool) (Assignment, worth) {
	last := n.Last
	now = now.UTC()
	a := Assignment{NodeID: n.ID, At: now, CPU: clamp(n.Usage.CPU), Buffer: clamp(n.Usage.Buffer)}
	if dt := now.Sub(last.At); !last.At.IsZero() && dt >= 0 && dt < 6*smoothing {
		alpha := float64(dt) / float64(dt+smoothing)
		a.CPU = round(last.CPU + float64(alpha*(a.CPU-last.CPU)))
		a.Buffer = round(last.Buffer + float64(alpha*(a.Buffer-last.Buffer)))
	}
	if !last.MovedAt.IsZero() && now.Sub(last.MovedAt) < p.moveAgain() {
		a.MovedAt, a.Moved = last.MovedAt, last.Moved
	}
	w := n.worth(l, p, a.CPU, a.Buffer)
	a.Signal, a.Utilization = w.largest(p.Signals)
	a.Utilization = round(min(a.Utilization, 1))
	if l.Sessions > 0 {
		a.Contention = round(float64(l.Held) / float64(l.Sessions))
	}
	a.Pool = n.pool(last.Pool, l, a.Utilization, p, late)
	a.Since = now
	if last.Pool == a.Pool {
		a.Since = last.Since
	} else {
		a.Was = last.Pool
	}
	return a, w
}

// pool is where a utilization puts a node that was in pool last.
func (n *Node) pool(last Pool, l Load, utilization float64, p *Policy, late bool) Pool {
	switch {
	case late || !n.ServicesHealthy:
		return Degraded
	case utilization >= p.MaxThreshold || l.Sessions >= p.MaxSessions:
		return High
	case last == High && utilization > p.MinThreshold:
		return High
	case l.Sessions == 0:
		return Idle
	}
	return Low
}

// round keeps four decimals: enough for people, and it hides the last bits in
// which processors differ, so that a plan replays the same on any of them.
func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// clamp takes a share that a node reports to 0–1; nonsense counts as nothing.
func clamp(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return round(min(max(x, 0), 1))
}

func ratio(x, of float64) float64 {
	if of <= 0 {
		return 0
	}
	return round(x / of)
}

func orElse(x, other float64) float64 {
	if x > 0 {
		return x
	}
	return other
}
