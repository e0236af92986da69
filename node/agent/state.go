package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/share"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/internal/atomicfile"
	"github.com/godwit/godwit/transfer"
)

// maxRevoked bounds the transfers remembered as over. Tokens live for hours; the oldest revocations are of tokens that expired.
const maxRevoked = 10_000

// state is what an agent remembers over a restart. Everything in it comes from the manager or is the node's own choice; losing it costs a round of commands.
type state struct {
	Port             int            `json:"port"`
	Draining         bool           `json:"draining"`
	DrainReason      string         `json:"drain_reason,omitempty"`
	RevokedTransfers []string       `json:"revoked_transfers,omitempty"`
	RevokedKeys      []string       `json:"revoked_keys,omitempty"`
	Config           command.Config `json:"config"`
	// OverrideUntil is when Config.LogOverride ends, by this node's clock.
	OverrideUntil time.Time `json:"override_until,omitzero"`
	// Refused is the newest configuration that could not be taken over, and why.
	Refused struct {
		Version uint64 `json:"version,omitempty"`
		Why     string `json:"why,omitempty"`
	} `json:"refused,omitzero"`
	keys token.Keys
}

// logLevel is the level in force; "" is the one at the start.
func (s *state) logLevel(now time.Time) string {
	if s.Config.LogOverride != "" && now.Before(s.OverrideUntil) {
		return s.Config.LogOverride
	}
	return s.Config.LogLevel
}

func stateFile(dir string) string { return filepath.Join(dir, "state.json") }

func loadState(dir string) (state, error) {
	var s state
	data, err := os.ReadFile(stateFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("agent state: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return state{}, nil //nolint:nilerr // cut off by a crash of the machine: the manager tells again
	}
	if len(s.Config.TokenKeys) > 0 {
		_ = json.Unmarshal(s.Config.TokenKeys, &s.keys) // it was readable when it was taken over
	}
	return s, nil
}

// update changes the state and writes it down.
func (a *Agent) update(change func(*state)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.state)
	data, err := json.MarshalIndent(a.state, "", "  ")
	if err == nil {
		err = atomicfile.Write(stateFile(a.Bootstrap.DataDir), data)
	}
	if err != nil {
		a.log.Error("agent state not kept", "error", err)
	}
}

// listen opens the transfer port: the configured one, else the one of the last run, else a free one.
func (a *Agent) listen() error {
	host := a.Bootstrap.ListenHost
	tcp, udp, err := transfer.Listen(host, a.Bootstrap.Port)
	if last := a.state.Port; a.Bootstrap.Port == 0 && last != 0 && err == nil {
		if t, u, again := transfer.Listen(host, last); again == nil {
			_, _ = tcp.Close(), udp.Close() // the free one is not needed
			tcp, udp = t, u
		}
	}
	if err != nil {
		return fmt.Errorf("transfer port: %w", err)
	}
	defer tcp.Close() // the file below holds the socket open
	// The service opens its own; here it only showed that the number is free.
	if err := udp.Close(); err != nil {
		return fmt.Errorf("transfer port: %w", err)
	}
	l, ok := tcp.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("transfer port: %s is not a TCP socket", tcp.Addr())
	}
	addr, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return fmt.Errorf("transfer port: %w", err)
	}
	a.port = int(addr.Port())
	if a.tcp, err = l.File(); err != nil {
		return fmt.Errorf("transfer port: %w", err)
	}
	a.update(func(s *state) { s.Port = a.port })
	return nil
}

// adopt takes over what a join or renewal answered.
func (a *Agent) adopt(r join.Response) {
	var c command.Config
	if len(r.Config) > 0 {
		if err := json.Unmarshal(r.Config, &c); err != nil {
			a.log.Error("manager's node configuration is not readable", "error", err)
			c = command.Config{}
		}
	}
	if len(c.TokenKeys) == 0 {
		c.TokenKeys = r.TokenKeys
	}
	if c.ReportInterval == 0 {
		c.ReportInterval = r.ReportIntervalS
	}
	if err := a.configure(c); err != nil {
		a.log.Error("manager's node configuration is refused", "error", err)
	}
}

func (a *Agent) interval() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	every := defaultInterval
	if s := a.state.Config.ReportInterval; s > 0 {
		every = time.Duration(s * float64(time.Second))
	}
	if len(a.state.Config.Links) > 0 {
		every = min(every, share.ReportEvery) // shares are renewed by reports
	}
	return every
}

func remember(list []string, id string) []string {
	if id == "" || slices.Contains(list, id) {
		return list
	}
	if len(list) >= maxRevoked {
		list = slices.Clone(list[1:])
	}
	return append(list, id)
}
