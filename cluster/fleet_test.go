package cluster

import (
	"testing"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/policy"
)

func TestReportIsReadInPolicysTerms(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got := readReport(&fleet.NodeView{
		ID: "n", At: at, SentAt: at.Add(time.Second),
		Facts: &report.Facts{
			Draining: true, TransferPort: 4433, ServingSha256: "pin", AgentVersion: "1.2", ConfigVersion: 3,
			SendBps: 5, SendCapBps: 10, ReceiveBps: 6, ReceiveCapBps: 11, CpuMachine: 0.5, CpuProcess: 0.125, BufferFill: 0.25,
			Services: []*report.Service{{Name: "transfer", State: "restarting"}},
		},
		Sessions: []*report.Session{
			{Id: "a", Direction: "pull", WantedBps: 7, RateBps: 5, StartedUnixMs: at.UnixMilli(), Movable: true, BytesTotal: 100, BytesDone: 60},
			{Id: "b", Direction: "push", BytesTotal: 0, BytesDone: 60},
		},
	})
	if got.Healthy || !got.Draining || got.Port != 4433 || got.CertSHA256 != "pin" || got.ConfigVersion != 3 || got.OwnCPU != 0.125 || !got.At.Equal(at) {
		t.Errorf("facts: %+v", got)
	}
	if want := (policy.Usage{SendBps: 5, SendCapBps: 10, ReceiveBps: 6, ReceiveCapBps: 11, CPU: 0.5, Buffer: 0.25}); got.Usage != want {
		t.Errorf("usage: %+v, want %+v", got.Usage, want)
	}
	pull := policy.Session{ID: "a", Direction: policy.Send, WantedBps: 7, RateBps: 5, Since: at, Movable: true, RemainingBytes: 40}
	if got.Sessions[0] != pull {
		t.Errorf("pull: %+v, want %+v", got.Sessions[0], pull)
	}
	if push := got.Sessions[1]; push.Direction != policy.Receive || push.RemainingBytes != 0 {
		t.Errorf("push: %+v", push)
	}
}

func TestSessionsOfANodeWithAWrongClockStartOnOurs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, off := range []time.Duration{-5 * time.Hour, 7 * time.Hour} {
		got := readReport(&fleet.NodeView{
			ID: "n", At: at, SentAt: at.Add(off), Facts: &report.Facts{},
			Sessions: []*report.Session{{Id: "a", StartedUnixMs: at.Add(off - time.Minute).UnixMilli()}},
		})
		if got.Skew != off || !got.Sessions[0].Since.Equal(at.Add(-time.Minute)) {
			t.Errorf("clock off by %s: skew %s, session since %s", off, got.Skew, got.Sessions[0].Since)
		}
	}
}
