package agent

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/node/service"
	"github.com/godwit/godwit/transfer"
)

// configure takes a configuration over, unless it is older than what is known. Fields that the manager leaves open come
// from the bootstrap file. One that this node cannot run with is refused as a whole, except for its keys: what was in
// force stays, and reports say why.
func (a *Agent) configure(c command.Config) error {
	const mega = 1e6
	b := a.Bootstrap
	if c.SendCapBps == 0 {
		c.SendCapBps = int64(b.SendCapMbps * mega)
	}
	if c.ReceiveCapBps == 0 {
		c.ReceiveCapBps = int64(b.ReceiveCapMbps * mega)
	}
	if c.MaxSessions == 0 {
		c.MaxSessions = b.MaxSessions
	}
	if c.ReportInterval == 0 {
		c.ReportInterval = b.ReportIntervalS
	}
	var keys token.Keys
	if len(c.TokenKeys) > 0 {
		if err := json.Unmarshal(c.TokenKeys, &keys); err != nil {
			a.log.Error("manager's token keys are not readable", "error", err)
		}
	}
	refusal := acceptable(c)
	a.update(func(s *state) {
		if c.Version < s.Config.Version {
			refusal = nil // it was told late: a newer one is in force
			return
		}
		if keys == nil {
			keys = s.keys
			c.TokenKeys = s.Config.TokenKeys
		}
		s.keys = keys
		if refusal != nil {
			s.Config.TokenKeys = c.TokenKeys
			s.Refused.Version, s.Refused.Why = c.Version, refusal.Error()
			return
		}
		s.Refused.Version, s.Refused.Why = 0, ""
		s.Config = c
		if c.LogOverride != "" {
			s.OverrideUntil = time.Now().Add(time.Duration(c.LogOverrideFor * float64(time.Second)))
		}
	})
	a.followLevel()
	return refusal
}

// named is a certificate that is shown to clients that look for one of its names.
type named struct{ cert, key string }

// show takes certificate and proofs out of a configuration, which is kept on disk without them.
func (a *Agent) show(ctx context.Context, c *command.Config) error {
	var refusal error
	if err := a.proofs.Show(ctx, c.ProofPort, c.Proofs); err != nil {
		refusal = command.Errorf(command.CodeUnavailable, "%v", err) // the port may be free next time
	}
	next := named{c.NamedCert, c.NamedKey}
	c.NamedCert, c.NamedKey, c.Proofs, c.ProofPort = "", "", nil, 0
	if next.cert != "" {
		if _, err := tls.X509KeyPair([]byte(next.cert), []byte(next.key)); err != nil {
			return errors.Join(refusal, command.Errorf(command.CodeInvalid, "certificate of names: %v", err))
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.named = next
	return refusal
}

// acceptable says what this program cannot run with: a newer manager may know more than it does.
func acceptable(c command.Config) error {
	for _, name := range c.Ciphers {
		if name == "" || !transfer.Cipher(name).Valid() {
			return command.Errorf(command.CodeInvalid, "cipher %q is not known to this node", name)
		}
	}
	for _, name := range []string{c.LogLevel, c.LogOverride} {
		var level slog.Level
		if name != "" && level.UnmarshalText([]byte(name)) != nil {
			return command.Errorf(command.CodeInvalid, "log level %q is not known to this node", name)
		}
	}
	for what, n := range map[string]int64{
		"send_cap_mbps": c.SendCapBps, "receive_cap_mbps": c.ReceiveCapBps, "session_rate_mbps": c.SessionRateBps,
		"session_cap_mbps": c.SessionCapBps, "session_memory_mb": c.SessionMemory, "max_sessions": int64(c.MaxSessions),
	} {
		if n < 0 {
			return command.Errorf(command.CodeInvalid, "%s cannot be negative", what)
		}
	}
	return nil
}

// followLevel brings this process's log to the level in force and returns its name.
func (a *Agent) followLevel() string {
	a.mu.Lock()
	name := a.state.logLevel(time.Now())
	a.mu.Unlock()
	level := a.level
	if name != "" && level.UnmarshalText([]byte(name)) != nil {
		level = a.level
	}
	if a.Level != nil {
		a.Level.Set(level)
	}
	return name
}

// ease remembers the restart that was made for the configuration's sake: one per process and wish, lest a service that
// does not do as told is restarted without end.
type ease struct {
	started time.Time // of the process that was ended
	memory  int64
}

// drifts are the fields that the running service does not have as wanted; a.mu is held.
func (a *Agent) drifts(status service.Status) []*report.Drift {
	const mib = 1 << 20
	wanted := a.state.Config.SessionMemory
	if !status.Configured || status.SessionMemory == wanted {
		return nil
	}
	return []*report.Drift{{
		Field: "session_memory_mb", How: configuration.Restart,
		Wanted: strconv.FormatInt(wanted/mib, 10), Has: strconv.FormatInt(status.SessionMemory/mib, 10),
	}}
}

// easeDrift restarts a service that serves nobody and runs with what only a start can change; a.mu is held.
func (a *Agent) easeDrift(status service.Status, drifts []*report.Drift) {
	last := ease{status.Started, a.state.Config.SessionMemory}
	if len(drifts) == 0 || len(status.Sessions) > 0 || a.eased == last {
		return
	}
	a.eased = last
	a.super.Restart(fmt.Sprintf("configuration %d changes %s", a.state.Config.Version, drifts[0].GetField()))
}
