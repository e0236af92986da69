package policy

import (
	"strings"
)

type values = map[string]float64

// explainState says what the cluster is like: the first reasons of every plan.
func (d *decision) explainState() {
	if d.terse {
		return
	}
	c := d.capacity
	if c.Running == 0 {
		d.state = append(d.state, Reason{Code: CodeEmpty, Text: textf("no node runs (%d on the way, %d draining)", c.Pending, c.Draining)})
	}
	if c.High > 0 {
		d.state = append(d.state, d.highReason())
	}
	if c.Degraded > 0 {
		d.state = append(d.state, d.degradedReason())
	}
	if c.Held > 0 {
		d.state = append(d.state, Reason{
			Code:   CodeContention,
			Text:   textf("%d of %s held below %s", c.Held, count(c.Sessions, "session"), mbps(d.p.SessionRateMbps)),
			Values: values{"held": float64(c.Held), "sessions": float64(c.Sessions)},
		})
	}
	if r, ok := d.bestEffortReason(); ok {
		d.state = append(d.state, r)
	}
	if c.Queued > 0 {
		d.state = append(d.state, Reason{
			Code: CodeQueue, Text: count(c.Queued, "client") + " waiting for a node",
			Values: values{"queued": float64(c.Queued)},
		})
	}
	if d.floors.raisedBy != "" {
		d.state = append(d.state, Reason{
			Code: CodeSchedule,
			Text: textf("schedule %q asks for %d available, %d idle until %s", d.floors.raisedBy,
				d.floors.available, d.floors.idle, clock(d.floors.until)),
			Values: values{"min_available": float64(d.floors.available), "min_idle": float64(d.floors.idle)},
		})
	}
	if d.sizing.override {
		d.state = append(d.state, Reason{
			Code: CodeOverride, Text: textf("an operator set the cluster to %s", count(d.s.Override.Nodes, "node")),
			Values: values{"nodes": float64(d.s.Override.Nodes)},
		})
	}
}

// highReason names the signal that closes most nodes, and the highest value.
func (d *decision) highReason() Reason {
	most := map[SignalName]int{}
	top := map[SignalName]*view{}
	for _, v := range d.nodes {
		if v.state != Running || v.last.Pool != High {
			continue
		}
		s := v.last.Signal
		most[s]++
		if top[s] == nil || v.last.Utilization > top[s].last.Utilization {
			top[s] = v
		}
	}
	var best SignalName
	for _, s := range []SignalName{SendSignal, ReceiveSignal, CPUSignal, BufferSignal, SessionsSignal} {
		if most[s] > most[best] {
			best = s
		}
	}
	u := top[best].last.Utilization
	where := textf("%s %.2f ≥ %.2f", best.text(), u, d.p.MaxThreshold)
	switch {
	case u >= d.p.MaxThreshold:
	case top[best].load.Sessions >= d.p.MaxSessions:
		where = textf("%d sessions, the limit", top[best].load.Sessions)
	default:
		where = textf("%s %.2f, high until %.2f", best.text(), u, d.p.MinThreshold)
	}
	return Reason{
		Code:   CodeHigh,
		Text:   textf("%d of %s high: %s", d.capacity.High, count(d.capacity.Running, "node"), where),
		Values: values{"high": float64(d.capacity.High), "running": float64(d.capacity.Running), "utilization": u},
	}
}

func (d *decision) degradedReason() Reason {
	late, sick := 0, 0
	for _, v := range d.nodes {
		switch {
		case v.state != Running || v.last.Pool != Degraded:
		case !v.ServicesHealthy:
			sick++
		default:
			late++
		}
	}
	var parts []string
	if sick > 0 {
		parts = append(parts, textf("%d with an unhealthy service", sick))
	}
	if late > 0 {
		parts = append(parts, textf("%d with late reports", late))
	}
	return Reason{
		Code:   CodeDegraded,
		Text:   textf("%d of %s degraded: %s", d.capacity.Degraded, count(d.capacity.Running, "node"), strings.Join(parts, ", ")),
		Values: values{"degraded": float64(d.capacity.Degraded), "unhealthy": float64(sick), "late": float64(late)},
	}
}

// bestEffortReason explains nodes that look full and are no reason to launch.
func (d *decision) bestEffortReason() (Reason, bool) {
	var top *view
	var used float64
	for _, v := range d.nodes {
		if !v.available() {
			continue
		}
		u := max(ratio(float64(v.Usage.SendBps), capBps(d.p.Signals.Send, v.Usage.SendCapBps)),
			ratio(float64(v.Usage.ReceiveBps), capBps(d.p.Signals.Receive, v.Usage.ReceiveCapBps)))
		if u >= d.p.MaxThreshold && u > used {
			top, used = v, u
		}
	}
	if top == nil {
		return Reason{}, false
	}
	return Reason{
		Code: CodeBestEffort,
		Text: textf("%s is filled to %.2f, but its %s %s promised only %.2f: traffic above %s each launches nothing",
			top.name(), used, count(top.load.Sessions, "session"), plural(top.load.Sessions, "is", "are"),
			top.last.Utilization, mbps(d.p.SessionRateMbps)),
		Values: values{"filled": used, "utilization": top.last.Utilization},
	}, true
}
