package policy

import "slices"

// WhyNot is a plan's answer to why something was not done.
type WhyNot struct {
	// Done are the plan's own actions of that kind: it was done after all.
	Done []Action
	// Held are the reasons that held it back although it was wanted.
	Held []Reason
	// Unneeded are the reasons why it was not wanted.
	Unneeded []Reason
}

// WhyNot picks from a plan's reasons those that bear on one kind of action. For
// a kind that the plan says nothing of, all lists are empty.
func (p Plan) WhyNot(kind ActionKind) WhyNot {
	var w WhyNot
	for _, a := range p.Actions {
		if a.Kind == kind {
			w.Done = append(w.Done, a)
		}
	}
	held, unneeded := against(kind)
	for _, r := range p.Reasons {
		switch {
		case slices.Contains(held, r.Code):
			w.Held = append(w.Held, r)
		case slices.Contains(unneeded, r.Code):
			w.Unneeded = append(w.Unneeded, r)
		}
	}
	return w
}

// against lists the codes that hold a kind of action back, and those that say
// that it is not needed.
func against(kind ActionKind) (held, unneeded []Code) {
	switch kind {
	case ActionLaunch:
		return []Code{CodeInvalidPolicy, CodePaused, CodeBlind, CodePending, CodeMaxReached, CodeLaunchLimited,
				CodeLaunchBlocked, CodeLaunchErrors, CodeScaleOutWaits, CodeWarmWaits, CodeRolloutWaits, CodeRolloutPaused},
			[]Code{CodeSteady, CodeAvailableOK, CodeDemand, CodeBestEffort, CodeOverride, CodeUndrain, CodeWarmStart}
	case ActionStart:
		return []Code{CodeInvalidPolicy, CodePaused, CodeBlind, CodePending, CodeMaxReached, CodeScaleOutWaits, CodeWarmStartFailed},
			[]Code{CodeSteady, CodeAvailableOK, CodeDemand, CodeBestEffort, CodeOverride, CodeUndrain}
	case ActionDrain:
		return []Code{CodeInvalidPolicy, CodePaused, CodeBlind, CodeDrainBudget, CodeScaleInWaits, CodeScaleInNoHistory,
				CodeScaleInStep, CodeScaleInFloor, CodeScaleInPinned, CodeScaleInFull, CodeScaleInMoves,
				CodeRolloutWaits, CodeRolloutPaused},
			[]Code{CodeSteady, CodeBelowMin, CodeIdleBelowMin, CodeSchedule, CodeDemand, CodeRise, CodeHigh, CodeQueue, CodeOverride, CodeEmpty}
	case ActionTerminate, ActionStop:
		return []Code{CodeInvalidPolicy, CodePaused, CodeBlind, CodeDrainWaits}, []Code{CodeSteady, CodeDemand, CodeEmpty}
	case ActionUndrain:
		return []Code{CodeInvalidPolicy, CodePaused, CodeBlind, CodeScaleOutWaits}, []Code{CodeSteady, CodeAvailableOK, CodeDemand, CodeOverride}
	case ActionMove:
		return []Code{CodeInvalidPolicy, CodePaused, CodeBlind, CodeMoveNoRoom, CodeMoveNoGain, CodeMovePinned,
			CodeMoveYoung, CodeMoveWaits, CodeMoveLanding, CodeMoveLater}, []Code{CodeSteady, CodeAvailableOK}
	case ActionLost, ActionRecover:
		return []Code{CodeInvalidPolicy, CodePaused, CodeBlind}, nil
	}
	return nil, nil
}
