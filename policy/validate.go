package policy

import (
	"fmt"
	"math"
	"strings"
)

// FieldError says what is wrong with one field of a policy.
type FieldError struct {
	// Field is the path in the JSON form, e.g. "schedules[0].cron".
	Field string `json:"field"`
	// Problem says what is wrong and what would be right.
	Problem string `json:"problem"`
}

// FieldErrors is every problem found in a policy, in the order of its fields.
type FieldErrors []FieldError

// Error lists all problems in one line.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + ": " + f.Problem
	}
	return "policy refused: " + strings.Join(parts, "; ")
}

// Limits of what a policy may ask for. They keep mistakes of a unit (days for
// seconds, bits for megabits) from being obeyed.
const (
	maxNodesLimit    = 100_000
	maxSeconds       = 31 * 24 * 3600
	maxSessionsLimit = 1_000_000
	maxMbps          = 10_000_000 // 10 Tb/s
	maxSchedules     = 100
)

// Validate returns nil or [FieldErrors] with every problem.
func (p Policy) Validate() error {
	v := &validation{}
	v.within("max_nodes", p.MaxNodes, 1, maxNodesLimit)
	v.within("min_available", p.MinAvailable, 0, maxNodesLimit)
	v.within("min_idle", p.MinIdle, 0, maxNodesLimit)
	if p.MinAvailable > p.MaxNodes {
		v.add("min_available", "is %d, more than max_nodes (%d)", p.MinAvailable, p.MaxNodes)
	}
	if p.MinIdle > p.MaxNodes {
		v.add("min_idle", "is %d, more than max_nodes (%d)", p.MinIdle, p.MaxNodes)
	}
	v.within("warm_nodes", p.WarmNodes, 0, maxNodesLimit)
	v.within("disruption_budget", p.DisruptionBudget, 0, maxNodesLimit)
	v.thresholds(p)
	v.within("launch_limit.count", p.LaunchLimit.Count, 1, maxNodesLimit)
	v.within("launch_limit.per_seconds", p.LaunchLimit.PerSeconds, 1, 86400)
	v.within("scale_out_window_s", p.ScaleOutWindowS, 0, 86400)
	v.within("scale_in_window_s", p.ScaleInWindowS, 0, 86400)
	v.within("drain_timeout_s", p.DrainTimeoutS, 0, maxSeconds)
	v.number("session_rate_mbps", p.SessionRateMbps, 0.001, maxMbps)
	v.within("max_sessions", p.MaxSessions, 1, maxSessionsLimit)
	v.signals(p.Signals)
	if len(p.Schedules) > maxSchedules {
		v.add("schedules", "has %d entries, more than %d", len(p.Schedules), maxSchedules)
	}
	for i, s := range p.Schedules {
		v.schedule(fmt.Sprintf("schedules[%d]", i), s, p.MaxNodes)
	}
	v.within("launch_timeout_s", p.LaunchTimeoutS, 1, 86400)
	v.within("report_timeout_s", p.ReportTimeoutS, 2, 86400)
	v.within("degraded_grace_s", p.DegradedGraceS, 0, 86400)
	v.within("lost_grace_s", p.LostGraceS, 0, 86400)
	v.forecast(p.Forecast)
	v.rollout(p.Rollout)
	if len(v.errors) > 0 {
		return v.errors
	}
	return nil
}

type validation struct{ errors FieldErrors }

func (v *validation) add(field, format string, args ...any) {
	v.errors = append(v.errors, FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

func (v *validation) within(field string, n, low, high int) {
	if n < low || n > high {
		v.add(field, "is %d; want %d to %d", n, low, high)
	}
}

func (v *validation) number(field string, x, low, high float64) bool {
	if math.IsNaN(x) || x < low || x > high {
		v.add(field, "is %g; want %g to %g", x, low, high)
		return false
	}
	return true
}

func (v *validation) thresholds(p Policy) {
	low := v.number("min_threshold", p.MinThreshold, 0, 1)
	high := v.number("max_threshold", p.MaxThreshold, 0.01, 1)
	if low && high && p.MinThreshold >= p.MaxThreshold {
		v.add("min_threshold", "is %g, not below max_threshold (%g): a node would be high and low at once",
			p.MinThreshold, p.MaxThreshold)
	}
}

func (v *validation) signals(s Signals) {
	v.number("signals.send.cap", s.Send.Cap, 0, maxMbps)
	v.number("signals.receive.cap", s.Receive.Cap, 0, maxMbps)
	v.number("signals.cpu.cap", s.CPU.Cap, 0, 1)
	v.number("signals.buffer.cap", s.Buffer.Cap, 0, 1)
	v.number("signals.sessions.cap", s.Sessions.Cap, 0, maxSessionsLimit)
	if !s.Send.Enabled && !s.Receive.Enabled && !s.CPU.Enabled && !s.Buffer.Enabled && !s.Sessions.Enabled {
		v.add("signals", "are all disabled: enable at least one")
	}
}

func (v *validation) schedule(field string, s Schedule, maxNodes int) {
	if _, err := s.compile(); err != nil {
		v.errors = append(v.errors, FieldError{Field: field + "." + err.field, Problem: err.problem})
	}
	v.within(field+".duration_s", s.DurationS, 60, 7*24*3600)
	v.within(field+".min_available", s.MinAvailable, 0, maxNodes)
	v.within(field+".min_idle", s.MinIdle, 0, maxNodes)
	if s.MinAvailable == 0 && s.MinIdle == 0 {
		v.add(field+".min_available", "and min_idle are both 0: the schedule raises nothing")
	}
}

func (v *validation) rollout(r RolloutPolicy) {
	v.within("rollout.surge", r.Surge, 0, maxNodesLimit)
	v.within("rollout.surge_percent", r.SurgePercent, 0, 100)
	v.within("rollout.max_unavailable", r.MaxUnavailable, 0, maxNodesLimit)
	v.within("rollout.max_failures", r.MaxFailures, 1, maxNodesLimit)
	if r.Surge == 0 && r.SurgePercent == 0 && r.MaxUnavailable == 0 {
		v.add("rollout.surge", "is 0 as are surge_percent and max_unavailable: no node could ever be replaced")
	}
}

func (v *validation) forecast(m ForecastMode) {
	switch m {
	// "" is that of policies stored before there were forecasts: off.
	case "", ForecastOff, ForecastShadow, ForecastOn:
		return
	}
	v.add("forecast", "is %q; want off, shadow or on", m)
}
