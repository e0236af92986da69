package demo

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/godwit/godwit/statestore/private"
)

// databaseURL finds the manager's private Postgres the way psql users do: by
// the socket directory in its postmaster.pid.
func (d *show) databaseURL() (string, error) {
	base, err := private.Locate(d.Path("data"))
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(base, "*", "postmaster.pid"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("no running Postgres below %s", base)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		return "", fmt.Errorf("the manager's Postgres: %w", err)
	}
	// Line 4 is the port, line 5 the socket directory.
	lines := strings.Split(string(b), "\n")
	if len(lines) < 5 {
		return "", fmt.Errorf("%s is incomplete", found[0])
	}
	q := url.Values{"host": {lines[4]}, "port": {lines[3]}, "user": {"godwit"}, "sslmode": {"disable"}}
	return "postgres:///godwit?" + q.Encode(), nil
}
