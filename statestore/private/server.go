package private

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Server is a running Postgres.
type Server struct {
	conf     Config
	who      account
	bin      binaries
	base     string // directory of everything
	data     string // of the database
	run      string // of the socket
	hba      string
	ident    string
	log      *slog.Logger
	lock     *os.File
	stopping chan struct{}
	done     chan struct{} // supervision has ended

	stopOnce sync.Once
	stopErr  error

	mu      sync.Mutex
	process *os.Process // nil while none runs
}

// Start starts the server and returns when it answers. The first start makes
// the data directory (about a second). ctx bounds the start only; Stop ends
// the server.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	who, err := serverAccount()
	if err != nil {
		return nil, err
	}
	base, err := Locate(c.Dir)
	if err != nil {
		return nil, err
	}
	if err := makeBase(base, who); err != nil {
		return nil, err
	}
	// Postgres reports its working directory without symbolic links.
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	s := &Server{
		conf: c, who: who, base: base, data: filepath.Join(base, "data"), log: c.Logger,
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	if s.lock, err = lockDir(base); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	version, err := dataVersion(s.data)
	if err != nil {
		return err
	}
	if s.bin, err = find(ctx, s.conf, s.who, version); err != nil {
		return fmt.Errorf("private Postgres in %s: %w", s.base, err)
	}
	if version == 0 {
		s.log.Info("making a new Postgres data directory", "dir", s.data, "version", s.bin.version)
		if err := initData(ctx, s.bin, s.who, s.data, s.conf.Ephemeral); err != nil {
			return err
		}
	}
	if s.run, err = socketDir(s.base, s.who); err != nil {
		return err
	}
	ours, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil {
		return fmt.Errorf("our own user: %w", err)
	}
	if s.hba, s.ident, err = writeConf(s.base, ours.Username, s.who); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		s.halt()
		return err
	}
	return nil
}

// URL is how to connect: as the role that owns the database.
func (s *Server) URL() string { return s.url(role, database) }

func (s *Server) url(user, db string) string {
	q := url.Values{"host": {s.run}, "port": {"5432"}, "user": {user}, "sslmode": {"disable"}}
	return "postgres:///" + db + "?" + q.Encode()
}

// Dir is where the server keeps everything.
func (s *Server) Dir() string { return s.base }

// PID is the server process, 0 while none runs.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.Pid
}

// Stop shuts the server down, cleanly, and gives the directory back. It may be
// called twice.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.halt()
		s.stopErr = s.lock.Close()
	})
	return s.stopErr
}

// prepare makes role and database where they are missing.
func (s *Server) prepare(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.url(superuser, "postgres"))
	if err != nil {
		return fmt.Errorf("private Postgres: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, step := range []struct{ missing, make string }{
		{`SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + role + `')`, `CREATE ROLE ` + role + ` LOGIN`},
		{`SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = '` + database + `')`,
			`CREATE DATABASE ` + database + ` OWNER ` + role},
	} {
		var missing bool
		if err := conn.QueryRow(ctx, step.missing).Scan(&missing); err != nil {
			return fmt.Errorf("private Postgres: %w", err)
		}
		if missing {
			if _, err := conn.Exec(ctx, step.make); err != nil {
				return fmt.Errorf("private Postgres: %w", err)
			}
		}
	}
	return nil
}
