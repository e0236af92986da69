package agent

import (
	"context"
	"errors"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/link"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/node/meter"
	"github.com/godwit/godwit/node/service"
	"github.com/godwit/godwit/transfer"
)

// reportPaths bounds the paths of a session in a report; the journal has more of them.
const reportPaths = 4

// figures carry what must be known of the report before.
type figures struct {
	seq     uint64
	at      time.Time
	machine meter.Machine
	own     time.Duration   // agent's processor time
	child   service.Status  // last one of the running child
	before  transfer.Totals // of children that died
}

// report publishes the node's state at intervals, and at once when something changed, until ctx ends.
func (a *Agent) report(ctx context.Context) {
	level := a.followLevel()
	for {
		if now := a.followLevel(); now != level { // an override's time is over
			level = now
			if err := a.reconfigure(ctx); err != nil {
				a.log.Warn("transfer service keeps its log level", "error", err)
			}
		}
		r := a.observe(ctx)
		if l := a.link.Load(); l != nil {
			err := l.Report(r)
			switch {
			case errors.Is(err, link.ErrBusy), errors.Is(err, command.ErrNotConnected):
			case err != nil:
				a.log.Warn("report not sent", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-time.After(a.interval()):
		}
	}
}

// observe asks the service and measures.
func (a *Agent) observe(ctx context.Context) *report.Report {
	asked := time.Now()
	asking, cancel := context.WithTimeout(ctx, time.Second)
	status, err := a.service.Status(asking)
	cancel()
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	m, conf := &a.meter, a.state.Config
	m.seq++
	a.noteSent(m.seq, asked)
	over := now.Sub(m.at)
	own := meter.CPU()
	used := own - m.own
	if err == nil {
		if !status.Started.Equal(m.child.Started) {
			m.before = addTotals(m.before, m.child.Totals)
			m.child = service.Status{}
		}
		used += status.CPU - m.child.CPU
		m.child = status
	} else {
		status = service.Status{} // no service, no sessions
	}
	totals := addTotals(m.before, m.child.Totals)
	f := &report.Facts{
		AgentVersion: a.Version, ConfigVersion: conf.Version, Draining: a.state.Draining,
		ConfigError: a.state.Refused.Why, RefusedVersion: a.state.Refused.Version, LogLevel: a.state.logLevel(now),
		SessionRateBps: float64(conf.SessionRateBps), SessionCapBps: float64(conf.SessionCapBps), SessionMemoryBytes: count(status.SessionMemory),
		TransferPort: uint32(a.port), ServingSha256: a.identity.ServingSHA256(), // a port
		SendCapBps: float64(conf.SendCapBps), ReceiveCapBps: float64(conf.ReceiveCapBps), MaxSessions: uint32(max(0, conf.MaxSessions)), // small
		SendBps: float64(status.Load.SendRate), ReceiveBps: float64(status.Load.ReceiveRate), BufferFill: status.Load.BufferFill,
		CpuMachine: m.machine.Share(), MemoryBytes: meter.Memory() + status.Memory, SessionCount: uint32(len(status.Sessions)), // small
		BytesSent: count(totals.BytesSent), BytesReceived: count(totals.BytesReceived), FilesDone: count(totals.FilesCommitted),
		SessionsDone: count(totals.SessionsEnded), SessionsFailed: count(totals.SessionsFailed),
		SpoolEvents: a.spool.Stats().Pending, StartedUnixMs: a.bootTime.UnixMilli(), Links: a.links(status.Links, now),
	}
	if status.Configured {
		// What the service has not heard of yet is not in force.
		f.ConfigVersion = min(f.ConfigVersion, status.ConfigVersion)
		f.Drift = a.drifts(status)
		a.easeDrift(status, f.Drift)
	}
	if !m.at.IsZero() {
		f.CpuProcess = meter.Share(used, over)
	}
	m.at, m.own = now, own
	s := a.super.State()
	f.Services = []*report.Service{{
		Name: serviceName, State: s.State, Restarts: uint32(s.Restarts), SinceUnixMs: s.Since.UnixMilli(), Detail: s.Detail, // small
		Pid: uint32(s.PID), LastError: s.LastError, StartedUnixMs: max(0, s.Started.UnixMilli()), // a process id
	}}
	r := &report.Report{
		Version: report.Version, NodeId: a.Bootstrap.NodeID, Boot: a.boot, BootUnixMs: a.bootTime.UnixMilli(),
		Seq: m.seq, AtUnixMs: now.UnixMilli(), Facts: f,
	}
	for _, s := range status.Sessions {
		r.Sessions = append(r.Sessions, sessionReport(s))
		wanted := float64(max(s.Target, s.Rate))
		if s.Direction == transfer.Push {
			f.WantedReceiveBps += wanted
		} else {
			f.WantedSendBps += wanted
		}
	}
	return r
}

func sessionReport(s transfer.SessionStatus) *report.Session {
	out := &report.Session{
		Id: s.ID, TransferId: s.TransferID, Tenant: s.Tenant, Direction: string(s.Direction),
		RateBps: float64(s.Rate), WantedBps: float64(s.Target), MinRateBps: float64(s.MinRate), ShareBps: float64(s.Share), Capped: s.Capped,
		BytesDone: count(s.Bytes), BytesTotal: count(s.TotalBytes), BytesResent: count(s.Resent),
		FilesDone: count(s.Files), FilesTotal: count(s.FilesTotal), FilesFailed: count(s.Failed), FilesSkipped: count(s.Skipped),
		RttUs: s.RTT.Microseconds(), Loss: s.Loss, BufferFill: s.BufferFill, StartedUnixMs: s.Started.UnixMilli(),
		Peer: s.Peer, Policy: string(s.Policy), Cipher: string(s.Cipher), Movable: s.Movable, State: "running",
		Paths: s.Paths[:min(len(s.Paths), reportPaths)],
	}
	if s.Moving {
		out.State = "moving"
	}
	return out
}

func addTotals(a, b transfer.Totals) transfer.Totals {
	return transfer.Totals{
		SessionsStarted: a.SessionsStarted + b.SessionsStarted, SessionsEnded: a.SessionsEnded + b.SessionsEnded,
		SessionsFailed: a.SessionsFailed + b.SessionsFailed, SessionsMoved: a.SessionsMoved + b.SessionsMoved, Refused: a.Refused + b.Refused,
		BytesSent: a.BytesSent + b.BytesSent, BytesReceived: a.BytesReceived + b.BytesReceived,
		FilesCommitted: a.FilesCommitted + b.FilesCommitted, FilesSkipped: a.FilesSkipped + b.FilesSkipped, FilesFailed: a.FilesFailed + b.FilesFailed,
		Stray: a.Stray + b.Stray,
	}
}

func count(n int64) uint64 { return uint64(max(0, n)) } // not negative
