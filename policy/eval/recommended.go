package eval

import (
	"math"

	"github.com/godwit/godwit/policy"
)

// Recommended is the policy that we would give a cluster of which no more is
// known than h.
//
// A node is closed to new sessions when one more of the service level would no
// longer fit, so that no session is ever held below its level by one that came
// after it: who finds every node full waits, and waiting hurts one session where
// crowding hurts all of a node's.
func Recommended(h Hello) policy.Policy {
	p := policy.Default()
	p.MaxNodes = h.MaxNodes
	p.MinAvailable = min(max(h.MinNodes, 1), h.MaxNodes)
	p.SessionRateMbps = h.ServiceMbps
	one := math.Min(h.ServiceMbps/h.CapacityMbps, 0.5)
	p.MinThreshold = 1 - one
	p.MaxThreshold = math.Min(1-one+one/20, 1)
	// The world has no limit of sessions, and a failed launch is tried again at
	// the next step.
	p.MaxSessions = 1_000_000
	p.Signals = policy.Signals{Send: policy.Signal{Enabled: true, Cap: h.CapacityMbps}}
	p.LaunchLimit = policy.LaunchLimit{Count: 100_000, PerSeconds: 60}
	p.Forecast = policy.ForecastOn
	// A drained node is taken back for nothing until its last session ends, so
	// there is little to lose by draining early. In package arena, 300 s cost 5 %
	// less and failed twice as many crowds and oscillations; 600 s cost 3 % more.
	p.ScaleInWindowS = 480
	// Drains have no deadline there.
	p.DrainTimeoutS = 31 * 24 * 3600
	return p
}
