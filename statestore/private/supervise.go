package private

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	firstPause = 100 * time.Millisecond // before a restart; doubles …
	longPause  = 10 * time.Second       // … up to this,
	steady     = 30 * time.Second       // and begins anew after a run of this length

	fastStop      = 20 * time.Second // what a fast shutdown (SIGINT) may take
	immediateStop = 5 * time.Second  // then an immediate one (SIGQUIT), then SIGKILL

	logMax = 4 << 20 // bytes of server.log, checked at each start
)

// begin starts supervision and returns when the server answers.
func (s *Server) begin(ctx context.Context) error {
	first := make(chan error, 1)
	died := make(chan struct{})
	go s.supervise(ctx, first, died)
	if err := <-first; err != nil {
		<-s.done
		return err
	}
	for {
		probe, cancel := context.WithTimeout(ctx, 2*time.Second)
		conn, err := pgx.Connect(probe, s.url(superuser, "postgres"))
		cancel()
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-died:
			s.halt()
			text, _ := os.ReadFile(s.logFile()) // what there is
			return fmt.Errorf("private Postgres in %s ended at once: %s", s.base, tail(string(text)))
		case <-ctx.Done():
			s.halt()
			return fmt.Errorf("private Postgres in %s did not answer: %w: %w", s.base, ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// supervise keeps a server process running until halt. ctx bounds the first
// start alone; first gets its result, died is closed when that process ends.
//
// The parent-death signal is that of the thread which forked: this goroutine
// keeps its thread for as long as a child lives, and lets the thread end with
// itself.
func (s *Server) supervise(ctx context.Context, first chan<- error, died chan struct{}) { //nolint:contextcheck // clearing up outlives ctx
	runtime.LockOSThread()
	defer close(s.done)
	pause := firstPause
	for n := 0; ; n++ {
		started := time.Now()
		cmd, err := s.launch(ctx)
		if n == 0 {
			first <- err
			if err != nil {
				return
			}
			ctx = context.Background() // restarts outlive the caller of Start; halt ends them
		}
		if err == nil {
			err = cmd.Wait()
			s.mu.Lock()
			s.process = nil
			s.mu.Unlock()
		}
		if n == 0 {
			close(died)
		}
		if s.halting() {
			return
		}
		if time.Since(started) > steady {
			pause = firstPause
		}
		s.log.Error("private Postgres ended, starting it again", "err", err, "pause", pause, "log", s.logFile())
		select {
		case <-s.stopping:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

// launch starts a process on data that nothing else uses.
func (s *Server) launch(ctx context.Context) (*exec.Cmd, error) {
	if err := clearStale(ctx, s.data, s.run, s.log); err != nil {
		return nil, err
	}
	out, err := s.openLog()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(s.bin.path("postgres"), s.arguments()...) //nolint:noctx // Stop ends it in order
	cmd.Env, cmd.Dir = s.bin.env(), "/"
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = s.who.attributes()

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halting() {
		return nil, errors.New("stopped")
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("private Postgres: %w", err)
	}
	s.process = cmd.Process
	return cmd, nil
}

func (s *Server) arguments() []string {
	conns := s.conf.MaxConnections
	if conns == 0 {
		conns = 100
	}
	set := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": `"` + strings.ReplaceAll(s.run, `"`, `""`) + `"`,
		"unix_socket_permissions": "0700",
		"port":                    "5432",
		"hba_file":                s.hba,
		"ident_file":              s.ident,
		"max_connections":         strconv.Itoa(conns),
		"logging_collector":       "off",
		"log_destination":         "stderr",
		// The server's own messages; clients get their errors anyway.
		"log_min_messages": "log",
		"log_checkpoints":  "off",
		"timezone":         "UTC",
		"log_timezone":     "UTC",
	}
	if s.conf.Ephemeral {
		// Commits stay synchronous: they survive the death of the process.
		set["fsync"], set["full_page_writes"] = "off", "off"
		set["max_wal_size"], set["autovacuum"] = "128MB", "off"
	}
	args := []string{"-D", s.data}
	for k, v := range set {
		args = append(args, "-c", k+"="+v)
	}
	return args
}

func (s *Server) logFile() string { return filepath.Join(s.base, "server.log") }

// openLog opens the log, and puts it aside once it is long.
func (s *Server) openLog() (*os.File, error) {
	if info, err := os.Stat(s.logFile()); err == nil && info.Size() > logMax {
		if err := os.Rename(s.logFile(), s.logFile()+".1"); err != nil {
			return nil, fmt.Errorf("log of private Postgres: %w", err)
		}
	}
	f, err := os.OpenFile(s.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of private Postgres: %w", err)
	}
	return f, nil
}

func (s *Server) halting() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// halt ends supervision and with it the process, ever less politely.
func (s *Server) halt() {
	s.mu.Lock()
	if !s.halting() {
		close(s.stopping)
	}
	p := s.process
	s.mu.Unlock()
	if p == nil {
		<-s.done
		return
	}
	for _, step := range []struct {
		signal os.Signal
		wait   time.Duration
	}{{syscall.SIGINT, fastStop}, {syscall.SIGQUIT, immediateStop}, {syscall.SIGKILL, time.Hour}} {
		_ = p.Signal(step.signal) // it may just have ended
		select {
		case <-s.done:
			return
		case <-time.After(step.wait):
			s.log.Warn("private Postgres is slow to stop", "pid", p.Pid, "after", step.signal.String())
		}
	}
}
