package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/policy"
)

// Fleet is the live picture of nodes and the way to talk to them.
type Fleet interface {
	// Reports returns what each node last said, silent ones included. Nobody
	// changes a report that was returned.
	Reports() []*Report
	// Drain and Undrain tell a node; both can be repeated.
	Drain(ctx context.Context, nodeID, reason string) error
	Undrain(ctx context.Context, nodeID string) error
	// Move asks clients on a node to go on elsewhere and says how many of the
	// sessions were still there. It can be repeated.
	Move(ctx context.Context, nodeID string, sessions []string, reason string) (int, error)
	// Forget cuts a node off and drops what it said.
	Forget(nodeID string)
}

// Report is what a node last said of itself.
type Report struct {
	NodeID string
	// At is the manager's clock at arrival.
	At            time.Time
	Healthy       bool
	Draining      bool
	Port          int
	CertSHA256    string
	Version       string
	ConfigVersion int64
	// RefusedVersion is a configuration that the node cannot run with, and
	// ConfigError why; 0 and empty while there is none.
	RefusedVersion int64
	ConfigError    string
	// Unapplied: a part of the configuration waits for a restart of the node's
	// transfer service, which it does once it serves no session.
	Unapplied bool
	// Skew is how far the node's clock is ahead of the manager's; travel time
	// makes it look a little behind.
	Skew time.Duration
	// Usage has the whole machine's CPU; OwnCPU is what the node itself uses of it.
	Usage    policy.Usage
	OwnCPU   float64
	Sessions []policy.Session
}

// Live is the Fleet over the real one.
func Live(f *fleet.Fleet) Fleet { return &live{f: f} }

// live reads each report once, however often and by whom it is asked for.
type live struct {
	f *fleet.Fleet

	mutex sync.Mutex
	read  map[*fleet.NodeView]*Report // of the last call
}

func (l *live) Reports() []*Report {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	views := l.f.Snapshot()
	read := make(map[*fleet.NodeView]*Report, len(views))
	reports := make([]*Report, len(views))
	for i, view := range views {
		report := l.read[view]
		if report == nil {
			report = readReport(view)
		}
		reports[i], read[view] = report, report
	}
	l.read = read
	return reports
}

func (l *live) Drain(ctx context.Context, nodeID, reason string) error {
	return l.f.Drain(ctx, nodeID, reason)
}

func (l *live) Undrain(ctx context.Context, nodeID string) error { return l.f.Undrain(ctx, nodeID) }

func (l *live) Move(ctx context.Context, nodeID string, sessions []string, reason string) (int, error) {
	return l.f.Move(ctx, nodeID, command.MoveRequest{Sessions: sessions, Reason: reason})
}

func (l *live) Forget(nodeID string) { l.f.Forget(nodeID) }

func readReport(view *fleet.NodeView) *Report {
	facts := view.Facts
	r := &Report{
		NodeID: view.ID, At: view.At, Healthy: view.Healthy(), Draining: facts.GetDraining(),
		Port: int(facts.GetTransferPort()), CertSHA256: facts.GetServingSha256(), Version: facts.GetAgentVersion(),
		ConfigVersion:  int64(facts.GetConfigVersion()),                                       //nolint:gosec // counts an operator's edits
		RefusedVersion: int64(facts.GetRefusedVersion()), ConfigError: facts.GetConfigError(), //nolint:gosec // as above
		Usage: policy.Usage{
			SendBps: int64(facts.GetSendBps()), SendCapBps: int64(facts.GetSendCapBps()),
			ReceiveBps: int64(facts.GetReceiveBps()), ReceiveCapBps: int64(facts.GetReceiveCapBps()),
			CPU: facts.GetCpuMachine(), Buffer: facts.GetBufferFill(),
		},
		OwnCPU:   facts.GetCpuProcess(),
		Sessions: make([]policy.Session, 0, len(view.Sessions)),
	}
	for _, d := range facts.GetDrift() {
		r.Unapplied = r.Unapplied || d.GetHow() == configuration.Restart
	}
	if !view.SentAt.IsZero() {
		r.Skew = view.SentAt.Sub(view.At)
	}
	for _, s := range view.Sessions {
		r.Sessions = append(r.Sessions, readSession(s, r.Skew))
	}
	return r
}

// readSession turns the node's times into the manager's: a clock that is hours
// off must make no session old or unborn.
func readSession(s *report.Session, skew time.Duration) policy.Session {
	direction := policy.Receive
	if s.GetDirection() == "pull" {
		direction = policy.Send
	}
	var remaining int64
	if s.GetBytesTotal() > s.GetBytesDone() {
		remaining = int64(s.GetBytesTotal() - s.GetBytesDone()) //nolint:gosec // bytes of files
	}
	return policy.Session{
		ID: s.GetId(), Direction: direction, WantedBps: int64(s.GetWantedBps()), RateBps: int64(s.GetRateBps()),
		Since: onOurClock(time.UnixMilli(s.GetStartedUnixMs()).UTC(), skew), Movable: s.GetMovable(), RemainingBytes: remaining,
	}
}

// onOurClock corrects a node's time where its clock is off by more than travel
// explains.
func onOurClock(at time.Time, skew time.Duration) time.Time {
	if skew.Abs() < skewNoise {
		return at
	}
	return at.Add(-skew)
}

// skewNoise is what travel time and a clock that NTP steers explain.
const skewNoise = 2 * time.Second
