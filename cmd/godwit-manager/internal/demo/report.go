package demo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Report is build/demo/report.json: what happened, in figures.
type Report struct {
	NodesStart    int `json:"nodes_start"`
	NodesPeak     int `json:"nodes_peak"`
	NodesFinal    int `json:"nodes_final"`
	PolicyMinimum int `json:"policy_minimum"`

	TransfersTotal  int   `json:"transfers_total"`
	TransfersFailed int   `json:"transfers_failed"`
	TransfersMoved  int   `json:"transfers_moved_to_another_node"`
	Bytes           int64 `json:"bytes"`
	Files           int64 `json:"files"`
	HashMismatches  int   `json:"hash_mismatches"`

	SessionsKilled         int `json:"sessions_killed_by_scale_in"`
	LeakedProcesses        int `json:"leaked_processes"`
	Decisions              int `json:"decisions"`
	DecisionsWithoutReason int `json:"decisions_without_reason"`
	ManagerRestarts        int `json:"manager_restarts"`

	Seconds float64 `json:"seconds"`
}

// The rows of the evidence, as far as the report looks at them.
type (
	decisionRow struct {
		Count   int64 `json:"count"`
		Reasons []struct {
			Text string `json:"text"`
		} `json:"reasons"`
		Plan struct {
			Actions []struct {
				Kind   string `json:"kind"`
				NodeID string `json:"node_id"`
				Reason struct {
					Text string `json:"text"`
				} `json:"reason"`
			} `json:"actions"`
		} `json:"plan"`
	}
	transferRow struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	sessionRow struct {
		TransferID string     `json:"transfer_id"`
		NodeID     string     `json:"node_id"`
		StartedAt  time.Time  `json:"started_at"`
		EndedAt    *time.Time `json:"ended_at"`
		EndReason  string     `json:"end_reason"`
	}
	nodeEventRow struct {
		NodeID string    `json:"node_id"`
		At     time.Time `json:"at"`
		From   string    `json:"from_state"`
		To     string    `json:"to_state"`
	}
)

// deriveReport reads the evidence files; nothing in it comes from memory but
// what the outside sees: bytes and files that the copies reported, and how often
// the manager was started again.
func (d *show) deriveReport(mismatches int) (*Report, error) {
	decisions, err := readLines[decisionRow](d.Path("evidence", "decisions.jsonl"))
	if err != nil {
		return nil, err
	}
	transfers, err := readLines[transferRow](d.Path("evidence", "transfers.jsonl"))
	if err != nil {
		return nil, err
	}
	sessions, err := readLines[sessionRow](d.Path("evidence", "sessions.jsonl"))
	if err != nil {
		return nil, err
	}
	events, err := readLines[nodeEventRow](d.Path("evidence", "node_events.jsonl"))
	if err != nil {
		return nil, err
	}
	r := &Report{PolicyMinimum: minAvailable, HashMismatches: mismatches, ManagerRestarts: d.restarts, TransfersTotal: len(transfers)}
	for _, t := range transfers {
		if t.State != "done" {
			r.TransfersFailed++
		}
	}
	for _, dec := range decisions {
		r.Decisions += int(dec.Count)
		if !explained(dec) {
			r.DecisionsWithoutReason++
		}
	}
	r.TransfersMoved = moved(sessions)
	r.NodesStart, r.NodesPeak, r.NodesFinal = nodesOverTime(events, sessions)
	r.SessionsKilled = killedByScaleIn(events, sessions)
	for _, c := range d.Copies {
		r.Bytes, r.Files = r.Bytes+c.Result.Bytes, r.Files+c.Result.Files
	}
	return r, nil
}

// explained says that a decision and each of its actions carry a reason.
func explained(d decisionRow) bool {
	if len(d.Reasons) == 0 {
		return false
	}
	for _, r := range d.Reasons {
		if strings.TrimSpace(r.Text) == "" {
			return false
		}
	}
	for _, a := range d.Plan.Actions {
		if strings.TrimSpace(a.Reason.Text) == "" {
			return false
		}
	}
	return true
}

// moved counts the transfers that more than one node served.
func moved(sessions []sessionRow) int {
	nodes := map[string]map[string]bool{}
	for _, s := range sessions {
		if nodes[s.TransferID] == nil {
			nodes[s.TransferID] = map[string]bool{}
		}
		nodes[s.TransferID][s.NodeID] = true
	}
	n := 0
	for _, served := range nodes {
		if len(served) > 1 {
			n++
		}
	}
	return n
}

// nodesOverTime replays the nodes' time line: how many ran when the first
// session began, at the most, and at the end.
func nodesOverTime(events []nodeEventRow, sessions []sessionRow) (start, peak, final int) {
	var first time.Time
	for _, s := range sessions {
		if first.IsZero() || s.StartedAt.Before(first) {
			first = s.StartedAt
		}
	}
	running := 0
	for _, e := range events {
		if e.From == "running" {
			running--
		}
		if e.To == "running" {
			running++
		}
		peak = max(peak, running)
		if !e.At.After(first) {
			start = running
		}
	}
	return start, peak, running
}

// killedByScaleIn counts the sessions that ended neither done nor moved on a
// node that was draining or being terminated after a drain.
func killedByScaleIn(events []nodeEventRow, sessions []sessionRow) int {
	drained := map[string]time.Time{}
	for _, e := range events {
		switch e.To {
		case "draining":
			drained[e.NodeID] = e.At
		case "running":
			delete(drained, e.NodeID)
		}
	}
	n := 0
	for _, s := range sessions {
		since, in := drained[s.NodeID]
		if !in || s.EndedAt == nil || s.EndedAt.Before(since) {
			continue
		}
		if s.EndReason != "done" && s.EndReason != "moved" {
			n++
		}
	}
	return n
}

// closeReport adds what is known only when all is over, writes the report and
// prints it. It returns nil when the story did not get so far.
func (d *show) closeReport(leaked int) (*Report, error) {
	if d.collected == nil {
		return nil, nil
	}
	r := d.collected
	r.LeakedProcesses = leaked
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.Path("report.json"), append(b, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	d.say("Report (%s):", d.Path("report.json"))
	fmt.Fprintf(d.cfg.Out, "%s\n", b)
	return r, nil
}

// verdict says what is not as promised.
func (r *Report) verdict() error {
	var bad []string
	check := func(ok bool, format string, a ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, a...))
		}
	}
	check(r.NodesPeak >= 3, "the cluster grew to %d nodes only", r.NodesPeak)
	check(r.NodesFinal == r.PolicyMinimum, "%d nodes are left, the policy's minimum is %d", r.NodesFinal, r.PolicyMinimum)
	check(r.TransfersTotal > 0, "nothing was transferred")
	check(r.TransfersFailed == 0, "%d transfers failed", r.TransfersFailed)
	check(r.TransfersMoved >= 1, "no transfer went on on another node")
	check(r.HashMismatches == 0, "%d files differ", r.HashMismatches)
	check(r.SessionsKilled == 0, "%d sessions were ended by scaling in", r.SessionsKilled)
	check(r.LeakedProcesses == 0, "%d processes were left behind", r.LeakedProcesses)
	check(r.DecisionsWithoutReason == 0 && r.Decisions > 0, "%d of %d decisions carry no reason", r.DecisionsWithoutReason, r.Decisions)
	check(r.ManagerRestarts >= 1, "the manager was not restarted")
	if len(bad) == 0 {
		return nil
	}
	return errors.New("the demo did not go as promised: " + strings.Join(bad, "; "))
}

func readLines[T any](path string) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, v)
	}
	return all, lines.Err()
}
