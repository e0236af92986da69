package cluster

import "time"

// heard is what nodes last said, by node. It is made once for a step and shared
// by its clusters; nobody changes it.
type heard map[string]*Report

func hear(fleet Fleet) heard {
	reports := fleet.Reports()
	h := make(heard, len(reports))
	for _, report := range reports {
		h[report.NodeID] = report
	}
	return h
}

// of returns what a node last said; an empty report when it said nothing.
func (h heard) of(nodeID string) (Report, bool) {
	report := h[nodeID]
	if report == nil {
		return Report{}, false
	}
	return *report, true
}

// times are when nodes last reported.
func (h heard) times() map[string]time.Time {
	at := make(map[string]time.Time, len(h))
	for id, report := range h {
		at[id] = report.At
	}
	return at
}
