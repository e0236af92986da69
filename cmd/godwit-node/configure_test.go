package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/transfer"
)

// configure tells a node a document as a version, as the manager would.
func (r *rig) configure(p *process, version uint64, doc string, change ...func(*command.Config)) error {
	r.t.Helper()
	d, err := configuration.Parse([]byte(doc))
	fleettest.Must(r.t, err)
	c := command.Config{Version: version, ClusterID: r.Cluster.ID, NodeName: "n"}
	d.Fill(&c)
	for _, f := range change {
		f(&c)
	}
	return r.Fleet.Command(r.t.Context(), p.NodeID, command.Configure, c, nil)
}

func (r *rig) facts(p *process) *report.Facts {
	v, ok := r.Fleet.Node(p.NodeID)
	if !ok {
		return nil
	}
	return v.Facts
}

// The rate follows the cap while the transfer runs, up as well as down, and the file arrives whole.
func TestCapChangesWhileATransferRunsAndNothingBreaks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	fleettest.Must(t, r.configure(p, 2, `{"receive_cap_mbps": 8}`))
	source := file(t, 24<<20) // 25 s at 8 Mb/s
	_, c := r.transfer(transfer.Push, p)
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: "in.bin", Options: transfer.Options{Policy: transfer.High}})
		done <- err
	}()
	session := func(ok func(*report.Session) bool) func() bool {
		return func() bool {
			v, known := r.Fleet.Node(p.NodeID)
			return known && len(v.Sessions) == 1 && ok(v.Sessions[0])
		}
	}
	fleettest.Eventually(t, "the transfer is held at 8 Mb/s", session(func(s *report.Session) bool {
		return s.GetShareBps() == 8e6 && s.GetRateBps() > 4e6 && s.GetRateBps() < 9e6 && s.GetCapped()
	}))
	var id string
	session(func(s *report.Session) bool { id = s.GetId(); return true })()
	fleettest.Must(t, r.configure(p, 3, `{"receive_cap_mbps": 8, "session_cap_mbps": 4}`))
	fleettest.Eventually(t, "the session is held at 4 Mb/s of its own", session(func(s *report.Session) bool {
		return s.GetWantedBps() == 4e6 && s.GetRateBps() < 5e6
	}))
	fleettest.Must(t, r.configure(p, 4, `{"receive_cap_mbps": 400}`))
	fleettest.Eventually(t, "the rate follows the cap up", session(func(s *report.Session) bool { return s.GetRateBps() > 12e6 }))
	session(func(s *report.Session) bool {
		if s.GetId() != id {
			t.Errorf("session %s was broken; now it is %s", id, s.GetId())
		}
		return true
	})()
	if err := <-done; err != nil {
		t.Fatalf("transfer: %v", err)
	}
	same(t, source, filepath.Join(r.storage, "in.bin"))
	fleettest.Eventually(t, "version 4 is confirmed", func() bool {
		f := r.facts(p)
		return f.GetConfigVersion() == 4 && f.GetReceiveCapBps() == 400e6 && f.GetSessionCapBps() == 0 && f.GetServices()[0].GetRestarts() == 0
	})
}

func TestConfigurationHoldsOverARestartOfAgentAndService(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	fleettest.Must(t, r.configure(p, 7, `{"max_sessions": 17, "session_rate_mbps": 5}`))
	confirmed := func() bool {
		f := r.facts(p)
		return f.GetConfigVersion() == 7 && f.GetMaxSessions() == 17 && f.GetSessionRateBps() == 5e6
	}
	fleettest.Eventually(t, "version 7 is confirmed", confirmed)
	child := p.child()
	fleettest.Must(t, syscall.Kill(child, syscall.SIGKILL))
	fleettest.Eventually(t, "the next service has it too", func() bool {
		f := r.facts(p)
		return confirmed() && len(f.GetServices()) == 1 && f.GetServices()[0].GetState() == "healthy" && int(f.GetServices()[0].GetPid()) == p.child() && p.child() != child && p.child() != 0
	})
	if f := r.facts(p); !strings.Contains(f.GetServices()[0].GetLastError(), "killed") || f.GetServices()[0].GetStartedUnixMs() == 0 {
		t.Errorf("service: %+v", f.GetServices()[0])
	}
	fleettest.Must(t, p.Process.Signal(syscall.SIGTERM))
	p.exit()
	var kept struct {
		Config command.Config `json:"config"`
	}
	data, err := os.ReadFile(filepath.Join(p.DataDir, "state.json"))
	fleettest.Must(t, err)
	fleettest.Must(t, json.Unmarshal(data, &kept))
	if kept.Config.Version != 7 || kept.Config.MaxSessions != 17 {
		t.Errorf("kept: %+v", kept.Config)
	}
}

func TestConfigurationThatANodeCannotRunIsRefusedAndSaid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	fleettest.Must(t, r.configure(p, 2, `{"max_sessions": 5}`))
	err := r.configure(p, 3, `{"max_sessions": 6}`, func(c *command.Config) { c.Ciphers = []string{"quantum-256"} })
	var refusal *command.Error
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "quantum-256") {
		t.Fatalf("got %v", err)
	}
	fleettest.Eventually(t, "the report says why, and what was in force stays", func() bool {
		f := r.facts(p)
		return f.GetConfigVersion() == 2 && f.GetMaxSessions() == 5 && f.GetRefusedVersion() == 3 && strings.Contains(f.GetConfigError(), "quantum-256")
	})
	fleettest.Must(t, r.configure(p, 4, `{"max_sessions": 6}`))
	fleettest.Eventually(t, "the next one is taken", func() bool {
		f := r.facts(p)
		return f.GetConfigVersion() == 4 && f.GetMaxSessions() == 6 && f.GetConfigError() == ""
	})
}

// What only a start can change waits as drift while a session runs, and is applied once there is none.
func TestMemoryWaitsForTheLastSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	fleettest.Must(t, r.configure(p, 2, `{"receive_cap_mbps": 8}`))
	_, c := r.transfer(transfer.Push, p)
	source := file(t, 12<<20)
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: "in.bin"})
		done <- err
	}()
	fleettest.Eventually(t, "the transfer runs", func() bool { return r.facts(p).GetSessionCount() == 1 })
	child := p.child()
	fleettest.Must(t, r.configure(p, 3, `{"receive_cap_mbps": 8, "session_memory_mb": 64}`))
	fleettest.Eventually(t, "the node says what it does not have yet", func() bool {
		d := r.facts(p).GetDrift()
		return len(d) == 1 && d[0].GetField() == "session_memory_mb" && d[0].GetWanted() == "64" && d[0].GetHow() == "restart"
	})
	if p.child() != child {
		t.Error("the service was restarted under a transfer")
	}
	fleettest.Must(t, r.configure(p, 4, `{"session_memory_mb": 64}`))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	fleettest.Eventually(t, "it is applied once nobody is served", func() bool {
		f := r.facts(p)
		return f.GetSessionMemoryBytes() == 64<<20 && len(f.GetDrift()) == 0 && f.GetConfigVersion() == 4
	})
	same(t, source, filepath.Join(r.storage, "in.bin"))
}

func TestLogLevelChangesLiveAndAnOverrideEndsByItself(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	fleettest.Must(t, r.configure(p, 2, `{"log_level": "warn", "report_interval_s": 0.2}`))
	fleettest.Eventually(t, "warn", func() bool { return r.facts(p).GetLogLevel() == "warn" })
	fleettest.Must(t, r.configure(p, 2, `{"log_level": "warn", "report_interval_s": 0.2}`, func(c *command.Config) {
		c.LogOverride, c.LogOverrideFor = "debug", 1.5
	}))
	fleettest.Eventually(t, "debug for a while", func() bool { return r.facts(p).GetLogLevel() == "debug" })
	fleettest.Eventually(t, "warn again, untold", func() bool { return r.facts(p).GetLogLevel() == "warn" })
}

func TestServiceIsRestartedOnCommandAndTransfersGoOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	fleettest.Must(t, r.configure(p, 2, `{"receive_cap_mbps": 4, "report_interval_s": 0.2}`))
	_, c := r.transfer(transfer.Push, p)
	source := file(t, 8<<20)
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: "in.bin"})
		done <- err
	}()
	fleettest.Eventually(t, "the transfer runs", func() bool { return r.facts(p).GetSessionCount() == 1 })
	child := p.child()
	fleettest.Must(t, r.configure(p, 3, `{"report_interval_s": 0.2}`))
	fleettest.Must(t, r.Fleet.Command(t.Context(), p.NodeID, command.Restart, command.RestartRequest{Service: "transfer", Reason: "a test"}, nil))
	fleettest.Eventually(t, "a fresh process serves", func() bool {
		s := r.facts(p).GetServices()
		return len(s) == 1 && s[0].GetState() == "healthy" && s[0].GetRestarts() == 1 && p.child() != child
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	same(t, source, filepath.Join(r.storage, "in.bin"))
	err := r.Fleet.Command(t.Context(), p.NodeID, command.Restart, command.RestartRequest{Service: "espresso"}, nil)
	var unknown *command.Error
	if !errors.As(err, &unknown) || unknown.Code != command.CodeNotFound {
		t.Errorf("got %v", err)
	}
}
