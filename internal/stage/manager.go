package stage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/godwit/godwit/internal/loopback"
)

// Manager is the manager's process.
type Manager struct {
	cmd   *exec.Cmd
	gone  chan struct{}
	mu    sync.Mutex
	setup string // token of the set-up link, once printed
}

// setUpLink is how the manager prints it.
var setUpLink = regexp.MustCompile(`https://\S+/setup#token=(\S+)`)

// Start starts the manager, on the same port as before, and waits until it is
// ready. flags are added to those that say where data and port are.
func (s *Stage) Start(ctx context.Context, flags ...string) error {
	listen := s.Manager.address()
	if s.Manager == nil {
		var err error
		if listen, err = loopback.Free(ctx); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(s.Path("logs", "manager.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	// Not bound to ctx: a cancelled demo stops it in order.
	cmd := exec.Command(s.Bin("godwit-manager"), append(append([]string{"serve"}, flags...), "--data", s.Path("data"), "--listen", listen)...) //nolint:noctx // see above
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	m := &Manager{cmd: cmd, gone: make(chan struct{})}
	go func() {
		m.watch(out, log)
		_ = cmd.Wait()
		_ = log.Close()
		close(m.gone)
	}()
	s.Manager = m
	return s.ready(ctx)
}

// watch copies the manager's output to its log and picks up the set-up link.
func (m *Manager) watch(out io.Reader, log io.Writer) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if found := setUpLink.FindStringSubmatch(line); found != nil {
			m.mu.Lock()
			m.setup = found[1]
			m.mu.Unlock()
			continue // a credential: not for a log
		}
		fmt.Fprintln(log, line)
	}
}

// SetupToken is that of the set-up link, "" when none was printed.
func (m *Manager) SetupToken() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.setup
}

// address is the --listen value that the process was started with.
func (m *Manager) address() string {
	if m == nil {
		return ""
	}
	return m.cmd.Args[len(m.cmd.Args)-1]
}

// PID is the manager's process id.
func (m *Manager) PID() int { return m.cmd.Process.Pid }

func (m *Manager) running() bool {
	if m == nil {
		return false
	}
	select {
	case <-m.gone:
		return false
	default:
		return true
	}
}

// Kill ends it as a crash would.
func (m *Manager) Kill() error {
	if err := m.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill -9 of the manager: %w", err)
	}
	<-m.gone
	return nil
}

// Stop ends it in order. A nil Manager was never started.
func (m *Manager) Stop() {
	if m == nil {
		return
	}
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.gone:
	case <-time.After(20 * time.Second):
		_ = m.cmd.Process.Kill()
		<-m.gone
	}
}

// ready waits until the manager serves and learns its address and pin.
func (s *Stage) ready(ctx context.Context) error {
	var facts struct {
		URL  string `json:"url"`
		CA   string `json:"ca_sha256"`
		Cert string `json:"cert_sha256"`
		PID  int    `json:"pid"`
	}
	err := WaitFor(ctx, time.Minute, "the manager to be ready", func(ctx context.Context) (bool, error) {
		select {
		case <-s.Manager.gone:
			return false, fmt.Errorf("the manager ended; its log is %s", s.Path("logs", "manager.log"))
		default:
		}
		b, err := os.ReadFile(s.Path("data", "manager.json"))
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(b, &facts); err != nil {
			return false, err
		}
		if facts.PID != s.Manager.cmd.Process.Pid {
			return false, errors.New("the facts of the manager before are still there")
		}
		if facts.CA == "" {
			facts.CA = facts.Cert
		}
		if s.API == nil {
			if s.API, err = newAPI(facts.URL, facts.CA); err != nil {
				return false, err
			}
		}
		return s.API.ready(ctx)
	})
	return err
}
