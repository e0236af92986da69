package policy

import (
	"strconv"
	"strings"
)

// explainEnough says why nothing is launched.
func (d *decision) explainEnough() {
	if d.terse {
		return
	}
	c, z := d.capacity, d.sizing
	hope := c.Pending + d.hopeful
	text := textf("available %d ≥ min %d", c.Available, d.floors.available)
	if c.Available < d.floors.available {
		text = textf("available %d%s ≥ min %d", c.Available, d.hope(), d.floors.available)
	}
	if d.floors.idle > 0 {
		text += textf(", idle %d ≥ min %d", c.Idle+hope, d.floors.idle)
	}
	d.state = append(d.state, Reason{
		Code: CodeAvailableOK, Text: text,
		Values: values{
			"available": float64(c.Available), "min_available": float64(d.floors.available),
			"idle": float64(c.Idle), "min_idle": float64(d.floors.idle), "pending": float64(c.Pending),
		},
	})
	if !z.override {
		d.state = append(d.state, d.demandReason())
	}
	d.explainForecast()
	if open := c.Running + c.Pending; z.now > max(z.out, open) && z.out < d.p.MaxNodes {
		d.held = append(d.held, d.scaleOutWaits())
	}
}

func (d *decision) scaleOutWaits() Reason {
	r := Reason{Code: CodeScaleOutWaits, Values: values{"needed": float64(d.sizing.now)}}
	if d.sizing.calm {
		r.Text = textf("a node was drained for want of load within %s: nothing is launched just for headroom", duration(calm))
		return r
	}
	r.Text = textf("scale-out waits until demand has asked for %s for %s", count(d.sizing.now, "node"), duration(d.p.scaleOutWindow()))
	return r
}

// hope tells what the floors count beside the available nodes.
func (d *decision) hope() string {
	text := ""
	if d.capacity.Pending > 0 {
		text = textf(" + %d on the way", d.capacity.Pending)
	}
	if d.hopeful > 0 {
		text += textf(" + %d that may heal", d.hopeful)
	}
	return text
}

// explainLack says what misses how many nodes.
func (d *decision) explainLack(l lack) {
	if d.terse {
		return
	}
	c := d.capacity
	onTheWay := d.hope()
	if l.available > 0 {
		d.state = append(d.state, Reason{
			Code:   CodeBelowMin,
			Text:   textf("available %d%s < min %d", c.Available, onTheWay, d.floors.available),
			Values: values{"available": float64(c.Available), "pending": float64(c.Pending), "min_available": float64(d.floors.available)},
		})
	}
	if l.idle > 0 {
		d.state = append(d.state, Reason{
			Code:   CodeIdleBelowMin,
			Text:   textf("idle %d%s < min %d", c.Idle, onTheWay, d.floors.idle),
			Values: values{"idle": float64(c.Idle), "pending": float64(c.Pending), "min_idle": float64(d.floors.idle)},
		})
	}
	if !d.sizing.override {
		d.state = append(d.state, d.demandReason())
	}
	d.explainForecast()
	if n := len(d.s.LaunchErrors); n > 0 {
		last := d.s.LaunchErrors[n-1]
		d.held = append(d.held, Reason{
			Code:   CodeLaunchErrors,
			Text:   textf("%s failed lately, the last at %s: %s", count(n, "launch"), clock(last.At), strings.TrimSpace(last.Kind+" "+last.Offering)),
			Values: values{"errors": float64(n)},
		})
	}
}

func (d *decision) demandReason() Reason {
	z, c := d.sizing, d.capacity
	if z.demand == 0 {
		return Reason{Code: CodeDemand, Text: "no demand", Values: values{"demand": 0}}
	}
	rise := ""
	if z.rise > 0 {
		rise = textf(" and %.1f more within a boot", z.rise)
	}
	return Reason{
		Code: CodeDemand,
		Text: textf("promised demand is worth %.1f nodes (%s)%s and needs %d; %s open", z.demand, z.signal.text(), rise,
			z.now, count(c.Running+c.Pending, "node")),
		Values: values{"demand": round(z.demand), "rise": z.rise, "needed": float64(z.now), "open": float64(c.Running + c.Pending)},
	}
}

func (d *decision) launchReason(n int, l lack) Reason {
	var why []string
	if l.available > 0 {
		why = append(why, "minimum available")
	}
	if l.idle > 0 {
		why = append(why, "minimum idle")
	}
	if l.size > 0 && d.sizing.override {
		why = append(why, "operator's size")
	} else if l.size > 0 && d.sizing.raise > max(d.sizing.rise, forecastShown) {
		why = append(why, "forecast demand")
	} else if l.size > 0 {
		why = append(why, "demand")
	}
	return Reason{
		Code:   CodeLaunch,
		Text:   textf("launch %d for %s", n, strings.Join(why, " and ")),
		Values: values{"count": float64(n)},
	}
}

func (d *decision) maxReason(missing, ended int) Reason {
	r := Reason{
		Code:   CodeMaxReached,
		Text:   textf("max %d reached (%d exist): %d more wanted", d.p.MaxNodes, d.capacity.Instances, missing),
		Values: values{"max": float64(d.p.MaxNodes), "instances": float64(d.capacity.Instances), "wanted": float64(missing)},
	}
	if ended > 0 {
		r.Text += textf("; %s ended to make room", count(ended, "lost node"))
	}
	return r
}

// drainReasons returns what tells why a node drains. The part that is the same
// for all is made once: thousands may drain at a time.
func (d *decision) drainReasons(cause DrainCause) func(v *view, left int) Reason {
	code, why := CodeDrainSurplus, ""
	switch {
	case cause == DrainMax:
		code, why = CodeDrainMax, " drains: max is "+strconv.Itoa(d.p.MaxNodes)+" now; "
	case d.sizing.override:
		why = textf(": an operator set the size to %d; ", d.sizing.in)
	default:
		why = textf(": demand has needed %d at most for %s; ", d.sizing.in, duration(d.p.scaleInWindow()))
	}
	return func(v *view, left int) Reason {
		text := v.name()
		if cause != DrainMax {
			text += " drains, leaving " + strconv.Itoa(left)
		}
		text += why
		if n := v.load.Sessions; n > 0 {
			text += "it has " + count(n, "session") + ", " + strconv.Itoa(v.load.Pinned) + " of them unable to move"
		} else {
			text += "it has no session"
		}
		return Reason{Code: code, Text: text, Values: values{
			"sessions": float64(v.load.Sessions), "pinned": float64(v.load.Pinned), "left": float64(left),
		}}
	}
}

func (d *decision) scaleInWaits(surplus int) Reason {
	if !d.sizing.inCovered {
		return Reason{
			Code:   CodeScaleInNoHistory,
			Text:   textf("scale-in waits until demand is known for %s", duration(d.p.scaleInWindow())),
			Values: values{"surplus": float64(surplus)},
		}
	}
	until := d.sizing.peakAt.Add(d.p.scaleInWindow())
	return Reason{
		Code: CodeScaleInWaits,
		Text: textf("%s more than demand needs now: scale-in waits until %s, %s after it last needed %d",
			count(surplus, "node"), clock(until), duration(d.p.scaleInWindow()), d.sizing.in),
		Values: values{"surplus": float64(surplus), "window_s": d.p.scaleInWindow().Seconds()},
	}
}

// keptReasons explains a surplus that is not drained.
func (d *decision) keptReasons(surplus, floored, pinned, full, moves int) []Reason {
	var out []Reason
	if moves > 0 {
		out = append(out, Reason{
			Code:   CodeScaleInMoves,
			Text:   count(moves, "node") + " kept: sessions are asked to move from or to there",
			Values: values{"nodes": float64(moves)},
		})
	}
	if pinned > 0 {
		out = append(out, Reason{
			Code: CodeScaleInPinned,
			Text: textf("%s kept: sessions that cannot move would outlast the drain timeout of %s",
				count(pinned, "node"), duration(d.p.drainTimeout())),
			Values: values{"pinned": float64(pinned)},
		})
	}
	switch {
	case floored > 0:
		out = append(out, d.floorReason(surplus))
	case full > 0:
		out = append(out, Reason{
			Code:   CodeScaleInFull,
			Text:   textf("%s more than demand needs kept: the others would close without it", count(surplus, "node")),
			Values: values{"surplus": float64(surplus)},
		})
	}
	return out
}

func (d *decision) floorReason(surplus int) Reason {
	beside := ""
	if d.sizing.high > 0 {
		beside = textf(" beside the %d that were high", d.sizing.high)
	}
	return Reason{
		Code: CodeScaleInFloor,
		Text: textf("%s more than demand needs kept for the minima (%d available, %d idle)%s",
			count(surplus, "node"), d.floors.available, d.floors.idle, beside),
		Values: values{"surplus": float64(surplus), "min_available": float64(d.floors.available), "min_idle": float64(d.floors.idle)},
	}
}

func pausedReason(effects []Action) Reason {
	r := Reason{Code: CodePaused, Text: "paused: nothing would be done", Values: values{"withheld": float64(len(effects))}}
	if len(effects) == 0 {
		return r
	}
	would := summarize(effects)
	texts := make([]string, len(would))
	for i, w := range would {
		texts[i] = w.Text
	}
	r.Text = "paused, else: " + strings.Join(texts, "; ")
	return r
}
