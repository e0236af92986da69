package configuration

import (
	"fmt"
	"strings"
)

// How a field reaches a node that runs.
const (
	// Live: at once, without touching a transfer.
	Live = "live"
	// Restart: when the transfer service is restarted, which the node does by itself once it serves no session.
	Restart = "restart"
)

// Difference is a field in which two documents, or a document and a node, differ.
type Difference struct {
	Field  string `json:"field" example:"send_cap_mbps"`
	Wanted string `json:"wanted"`
	Has    string `json:"has"`
	How    string `json:"how" enum:"live,restart" doc:"live: told within seconds; restart: applied once the node's transfer service has no session."`
}

// Differences are what it takes from has to wanted, in the order of the fields.
func Differences(wanted, has Document) []Difference {
	out := []Difference{}
	add := func(field string, w, h any, how string) {
		if a, b := fmt.Sprint(w), fmt.Sprint(h); a != b {
			out = append(out, Difference{field, a, b, how})
		}
	}
	add("send_cap_mbps", wanted.SendCapMbps, has.SendCapMbps, Live)
	add("receive_cap_mbps", wanted.ReceiveCapMbps, has.ReceiveCapMbps, Live)
	add("max_sessions", wanted.MaxSessions, has.MaxSessions, Live)
	add("session_rate_mbps", wanted.SessionRateMbps, has.SessionRateMbps, Live)
	add("session_cap_mbps", wanted.SessionCapMbps, has.SessionCapMbps, Live)
	add("session_memory_mb", wanted.SessionMemoryMB, has.SessionMemoryMB, Restart)
	add("ciphers", strings.Join(wanted.Ciphers, ", "), strings.Join(has.Ciphers, ", "), Live)
	add("report_interval_s", wanted.ReportIntervalS, has.ReportIntervalS, Live)
	add("log_level", wanted.LogLevel, has.LogLevel, Live)
	add("links", sayLinks(wanted.Links), sayLinks(has.Links), Live)
	return out
}
