package policy

// Code names a reason for programs. Codes are stable; texts may improve.
type Code string

// Codes of reasons.
const (
	CodeInvalidPolicy Code = "invalid_policy"

	// State of the cluster.
	CodeEmpty        Code = "empty"        // no node runs
	CodeSteady       Code = "steady"       // as many nodes as wanted
	CodeHigh         Code = "high"         // nodes that take no new clients
	CodeDegraded     Code = "degraded"     // nodes with an unhealthy service or late reports
	CodeAvailableOK  Code = "available_ok" // the floor of available nodes holds
	CodeBelowMin     Code = "available_below_min"
	CodeIdleBelowMin Code = "idle_below_min"
	CodeSchedule     Code = "schedule"            // a schedule raises the minima
	CodeDemand       Code = "demand"              // what demand asks for
	CodeRise         Code = "rise"                // demand rises faster than noise
	CodeForecast     Code = "forecast"            // a rise is predicted
	CodeBestEffort   Code = "best_effort"         // busy beyond promises: no reason to launch
	CodeContention   Code = "contention"          // sessions held below the session rate
	CodeQueue        Code = "queue"               // clients wait
	CodeOverride     Code = "override"            // an operator set the size
	CodeBlind        Code = "reports_interrupted" // too many silent at once to believe it

	// Why less is done than wanted, or nothing.
	CodePaused           Code = "paused"
	CodePending          Code = "pending" // nodes on their way suffice
	CodeMaxReached       Code = "max_reached"
	CodeLaunchLimited    Code = "launch_limited"
	CodeLaunchBlocked    Code = "launch_blocked"
	CodeLaunchErrors     Code = "launch_errors"
	CodeScaleOutWaits    Code = "scale_out_waits"
	CodeScaleInWaits     Code = "scale_in_waits"
	CodeScaleInNoHistory Code = "scale_in_no_history"
	CodeScaleInStep      Code = "scale_in_step"
	CodeScaleInFloor     Code = "scale_in_floor"
	CodeScaleInPinned    Code = "scale_in_pinned"
	CodeScaleInFull      Code = "scale_in_full"
	CodeScaleInMoves     Code = "scale_in_moves" // sessions move there
	CodeDrainWaits       Code = "drain_waits"
	CodeDrainBudget      Code = "drain_budget"      // the disruption budget is used up
	CodeWarmStartFailed  Code = "warm_start_failed" // stopped nodes that lately failed to start
	CodeWarmWaits        Code = "warm_waits"        // the warm pool is filled later

	// Why sessions of a crowded node are not asked to move.
	CodeMoveNoRoom  Code = "move_no_room"  // no other available node could take one
	CodeMoveNoGain  Code = "move_no_gain"  // it would help too little
	CodeMovePinned  Code = "move_pinned"   // none of them can
	CodeMoveYoung   Code = "move_young"    // those that can have only come, or soon end
	CodeMoveWaits   Code = "move_waits"    // it was asked a moment ago
	CodeMoveLanding Code = "move_landing"  // others that were asked are on their way
	CodeMoveLater   Code = "move_at_limit" // as many as one plan moves

	// What came of launches: added to a decision once that is known, by others.
	CodePassedOver    Code = "passed_over"    // what was refused before a node was launched elsewhere
	CodeLaunchRefused Code = "launch_refused" // a node was launched nowhere

	// What a rollout does and waits for.
	CodeRollout       Code = "rollout"
	CodeRolloutWaits  Code = "rollout_waits"
	CodeRolloutPaused Code = "rollout_paused"
	CodeRolloutDone   Code = "rollout_done"
	CodeRolloutFailed Code = "rollout_failed" // it is rolled back

	// Why an action is taken.
	CodeLaunch        Code = "launch"
	CodeUndrain       Code = "undrain"
	CodeWarmStart     Code = "warm_start"  // out of the warm pool
	CodeWarmStop      Code = "warm_stop"   // into the warm pool
	CodeWarmRefill    Code = "warm_refill" // launched to become warm
	CodeWarmEnded     Code = "warm_ended"  // stale, or more than wanted
	CodeStopTimeout   Code = "stop_timeout"
	CodeMove          Code = "move"
	CodeDrainSurplus  Code = "drain_surplus"
	CodeDrainMax      Code = "drain_max"
	CodeDrainDegraded Code = "drain_degraded"
	CodeDrained       Code = "drained"        // empty: its instance ends
	CodeDrainDeadline Code = "drain_deadline" // its time is up
	CodeLaunchTimeout Code = "launch_timeout"
	CodeFailed        Code = "failed"
	CodeLost          Code = "lost"
	CodeLostEnded     Code = "lost_ended"
	CodeRecovered     Code = "recovered"
	CodeRolloutLaunch Code = "rollout_launch"
	CodeRolloutDrain  Code = "rollout_drain"
)
