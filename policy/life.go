package policy

import (
	"time"
)

// A lot of nodes that fall silent at once is likelier to be a manager that
// cannot hear than nodes that all died: beyond this many, and more than half of
// those that serve, silence is believed only after blindPatience timeouts.
const (
	blindNodes    = 3
	blindPatience = 5
	// specPatience is how long after the start of a drain a client may still
	// arrive with a transfer spec that it was given before.
	specPatience = 30 * time.Second
)

// listen finds out how long each serving node has been silent.
func (d *decision) listen() {
	serving, silent := 0, 0
	for _, v := range d.nodes {
		if v.state != Running && v.state != Draining && v.state != Lost {
			continue
		}
		heard := latest(v.ReportedAt, d.s.ListeningSince)
		if v.ReportedAt.IsZero() && v.state != Lost {
			heard = latest(heard, v.Since)
		}
		v.silent = max(d.now.Sub(heard), 0)
		if v.state != Lost {
			serving++
			if v.silent > d.p.reportTimeout() {
				silent++
			}
		}
	}
	if silent >= blindNodes && 2*silent > serving {
		d.blind = true
		d.state = append(d.state, Reason{
			Code: CodeBlind,
			Text: textf("%d of %s silent for over %s at once: likelier their reports than the nodes; believed after %s",
				silent, count(serving, "serving node"), duration(d.p.reportTimeout()), duration(blindPatience*d.p.reportTimeout())),
			Values: values{"silent": float64(silent), "serving": float64(serving)},
		})
	}
}

// live takes the steps of a node's life that do not depend on load.
func (d *decision) live(v *view) {
	switch {
	case v.state == Lost:
		d.liveLost(v)
	case v.state == Failed:
		d.end(v, Reason{Code: CodeFailed, Text: textf("%s failed: its remains are cleaned up", v.name())})
	case v.state.Pending():
		if age := d.now.Sub(startOf(v.Node)); age > d.p.launchTimeout() {
			d.end(v, Reason{
				Code:   CodeLaunchTimeout,
				Text:   textf("%s is still %s %s after it was asked for (timeout %s): it is given up", v.name(), v.state, duration(age), duration(d.p.launchTimeout())),
				Values: values{"age_s": age.Seconds(), "timeout_s": d.p.launchTimeout().Seconds()},
			})
		}
	case v.state == Draining:
		d.liveDraining(v)
	case v.state == Running:
		d.hear(v)
	case v.state == Stopping:
		d.liveStopping(v)
	}
}

// startOf is when a pending node's time began. A node that starts from the warm
// pool was requested long ago.
func startOf(n *Node) time.Time {
	if n.State == Starting || n.RequestedAt.IsZero() {
		return n.Since
	}
	return n.RequestedAt
}

// hear declares a node lost that has been silent for too long.
func (d *decision) hear(v *view) bool {
	patience := d.p.reportTimeout()
	if d.blind {
		patience *= blindPatience
	}
	if v.silent <= patience {
		return false
	}
	v.state = Lost
	d.lost = append(d.lost, Action{Kind: ActionLost, NodeID: v.ID, Reason: Reason{
		Code:   CodeLost,
		Text:   textf("%s has not reported for %s (timeout %s)", v.name(), duration(v.silent), duration(patience)),
		Values: values{"silent_s": v.silent.Seconds(), "timeout_s": patience.Seconds()},
	}})
	return true
}

func (d *decision) liveLost(v *view) {
	if v.ReportedAt.After(v.Since) {
		v.state, v.recovered = Running, true
		if v.DrainCause != "" {
			v.state = Draining
		}
		d.recover = append(d.recover, Action{Kind: ActionRecover, NodeID: v.ID, Reason: Reason{
			Code: CodeRecovered, Text: textf("%s reports again", v.name()),
		}})
		return
	}
	if age := d.now.Sub(v.Since); age >= d.p.lostGrace() {
		d.end(v, Reason{
			Code:   CodeLostEnded,
			Text:   textf("%s has been lost for %s (grace %s): its instance is ended", v.name(), duration(age), duration(d.p.lostGrace())),
			Values: values{"lost_s": age.Seconds(), "grace_s": d.p.lostGrace().Seconds()},
		})
	}
}

func (d *decision) liveDraining(v *view) {
	deadline := v.deadline(d.p)
	drained := d.now.Sub(v.Since)
	// Only a report from after the last client can have arrived proves that the
	// node is empty.
	fresh := v.ReportedAt.After(v.Since)
	if v.Expected > 0 {
		fresh = v.ReportedAt.Sub(v.Since) >= specPatience
	}
	switch {
	case fresh && v.load.Sessions == v.Expected && d.wantsWarm(v):
		d.stopNode(v, drained)
	case fresh && v.load.Sessions == v.Expected:
		d.end(v, d.drained(v, drained))
	case !d.now.Before(deadline):
		d.end(v, Reason{
			Code: CodeDrainDeadline,
			Text: textf("%s has reached its drain deadline after %s with %s left", v.name(),
				duration(drained), count(v.load.Sessions, "session")),
			Values: values{"drained_s": drained.Seconds(), "sessions": float64(v.load.Sessions)},
		})
	default:
		d.hear(v)
	}
}

func (n *Node) deadline(p Policy) time.Time {
	if !n.DrainDeadline.IsZero() {
		return n.DrainDeadline
	}
	return n.Since.Add(p.drainTimeout())
}

// end terminates a node's instance. It still counts against max_nodes until it
// is gone.
func (d *decision) end(v *view, why Reason) {
	v.state = Terminating
	d.terminate = append(d.terminate, Action{Kind: ActionTerminate, NodeID: v.ID, Reason: why})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
