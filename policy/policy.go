package policy

import "time"

// Policy is what an operator sets. The zero value is not valid: start from
// [Default] or [Parse]. Durations are whole seconds, as in its JSON form.
type Policy struct {
	// MaxNodes caps the instances that run or may run at once: everything but
	// stopped and terminated ones. The warm pool's stopped nodes come on top;
	// starting one needs a place under MaxNodes. No plan ever exceeds it, but by
	// the surge of a rollout.
	MaxNodes int `json:"max_nodes"`
	// MinAvailable is the floor of running nodes in pool idle or low.
	MinAvailable int `json:"min_available"`
	// MinIdle is the hot reserve: running nodes without a session. They are
	// part of MinAvailable, not on top of it.
	MinIdle int `json:"min_idle"`
	// WarmNodes is how many stopped nodes are kept ready to start, where the
	// provider can stop nodes at all. 0: nodes that go are terminated.
	WarmNodes int `json:"warm_nodes"`
	// DisruptionBudget is the most nodes that may drain at one time by Godwit's
	// own will: for want of load, for repair or for a rollout. A drain that an operator or a
	// lowered MaxNodes wants counts neither way. 0: no limit of its own.
	DisruptionBudget int `json:"disruption_budget"`
	// MinThreshold is the utilization (0–1) at which a high node takes new
	// clients again.
	MinThreshold float64 `json:"min_threshold"`
	// MaxThreshold is the utilization (0–1) at which a node becomes high.
	MaxThreshold float64 `json:"max_threshold"`
	// LaunchLimit bounds how fast nodes are launched.
	LaunchLimit LaunchLimit `json:"launch_limit"`
	// ScaleOutWindowS is how long demand must ask for a node before it is
	// launched; floors never wait. 0 launches at once.
	ScaleOutWindowS int `json:"scale_out_window_s"`
	// ScaleInWindowS is how long demand must have done without a node before
	// it is drained.
	ScaleInWindowS int `json:"scale_in_window_s"`
	// DrainTimeoutS is how long a draining node keeps sessions that cannot move.
	DrainTimeoutS int `json:"drain_timeout_s"`
	// SessionRateMbps is the service level: what a session is promised, and
	// the most that it counts for.
	SessionRateMbps float64 `json:"session_rate_mbps"`
	// MaxSessions is the hard limit of sessions on one node.
	MaxSessions int `json:"max_sessions"`
	// Signals names what counts as utilization, and against which cap.
	Signals Signals `json:"signals"`
	// Schedules raise the minima at set hours. The largest of all active ones
	// and the policy's own minima counts; they never lower anything.
	Schedules []Schedule `json:"schedules"`
	// LaunchTimeoutS is how long a node may take from request to running.
	LaunchTimeoutS int `json:"launch_timeout_s"`
	// ReportTimeoutS is how long a node may be silent before it is lost. After
	// half of it the node is degraded.
	ReportTimeoutS int `json:"report_timeout_s"`
	// DegradedGraceS is how long a degraded node may heal before it is replaced;
	// so long the floors still count it.
	DegradedGraceS int `json:"degraded_grace_s"`
	// LostGraceS is how long a lost node may come back before it is terminated.
	// It is terminated at once where its place under MaxNodes is needed.
	LostGraceS int `json:"lost_grace_s"`
	// Forecast says whether what the past predicts launches nodes ahead of demand.
	Forecast ForecastMode `json:"forecast"`
	// Rollout says how nodes are replaced when their template has changed.
	Rollout RolloutPolicy `json:"rollout"`
}

// LaunchLimit allows Count launches, failed ones included, in any PerSeconds.
type LaunchLimit struct {
	// Count is how many nodes may be launched.
	Count int `json:"count"`
	// PerSeconds is the stretch of time, any, for which Count holds.
	PerSeconds int `json:"per_seconds"`
}

// Signals are the parts of utilization. A node's utilization is the largest of
// the enabled ones, each measured against its cap.
type Signals struct {
	// Send counts promised demand towards clients; cap in Mb/s, 0: the node's own.
	Send Signal `json:"send"`
	// Receive counts promised demand from clients; cap in Mb/s, 0: the node's own.
	Receive Signal `json:"receive"`
	// CPU counts the busy share of all cores, without the share spent on
	// traffic above the session rate; cap 0–1, 0: 1.
	CPU Signal `json:"cpu"`
	// Buffer counts receive-buffer fill, discounted as CPU is; cap 0–1, 0: 1.
	Buffer Signal `json:"buffer"`
	// Sessions counts sessions; cap in sessions, 0: MaxSessions.
	Sessions Signal `json:"sessions"`
}

// Signal is one part of utilization.
type Signal struct {
	// Enabled says whether it counts.
	Enabled bool `json:"enabled"`
	// Cap is what counts as fully used, in the signal's unit.
	Cap float64 `json:"cap"`
}

// Schedule raises the minima for DurationS seconds from each time that Cron
// names in TimeZone.
type Schedule struct {
	// Name is for people; it appears in reasons.
	Name string `json:"name,omitempty"`
	// Cron has five fields: minute, hour, day of month, month, day of week.
	Cron string `json:"cron"`
	// TimeZone is an IANA name such as Europe/Berlin; empty means UTC.
	TimeZone string `json:"time_zone"`
	// DurationS is how long it holds from each start.
	DurationS int `json:"duration_s"`
	// MinAvailable is the least number of available nodes meanwhile.
	MinAvailable int `json:"min_available"`
	// MinIdle is the least number of idle nodes meanwhile.
	MinIdle int `json:"min_idle"`
}

// Default returns a valid policy that suits a small cluster of nodes of about
// 1 Gb/s. Thresholds of 0.5 and 0.8 and two available nodes are what operators
// of transfer clusters are used to; ten minutes before scaling in keep load that
// oscillates faster than that from flapping.
func Default() Policy {
	return Policy{
		MaxNodes:        10,
		MinAvailable:    2,
		MinIdle:         0,
		MinThreshold:    0.5,
		MaxThreshold:    0.8,
		LaunchLimit:     LaunchLimit{Count: 10, PerSeconds: 60},
		ScaleOutWindowS: 0,
		ScaleInWindowS:  600,
		DrainTimeoutS:   1800,
		SessionRateMbps: 100,
		MaxSessions:     200,
		Signals: Signals{
			Send:     Signal{Enabled: true},
			Receive:  Signal{Enabled: true},
			CPU:      Signal{Enabled: true},
			Buffer:   Signal{Enabled: true},
			Sessions: Signal{Enabled: true},
		},
		Schedules:      []Schedule{},
		LaunchTimeoutS: 600,
		ReportTimeoutS: 30,
		DegradedGraceS: 20,
		LostGraceS:     120,
		Forecast:       ForecastShadow,
		Rollout:        RolloutPolicy{Surge: 1, SurgePercent: 10, MaxFailures: 3},
	}
}

func (p Policy) scaleOutWindow() time.Duration { return seconds(p.ScaleOutWindowS) }
func (p Policy) scaleInWindow() time.Duration  { return seconds(p.ScaleInWindowS) }
func (p Policy) drainTimeout() time.Duration   { return seconds(p.DrainTimeoutS) }
func (p Policy) launchTimeout() time.Duration  { return seconds(p.LaunchTimeoutS) }
func (p Policy) reportTimeout() time.Duration  { return seconds(p.ReportTimeoutS) }
func (p Policy) degradedGrace() time.Duration  { return seconds(p.DegradedGraceS) }
func (p Policy) lostGrace() time.Duration      { return seconds(p.LostGraceS) }

// sessionBps is the service level in bits per second.
func (p Policy) sessionBps() float64 { return p.SessionRateMbps * 1e6 }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
