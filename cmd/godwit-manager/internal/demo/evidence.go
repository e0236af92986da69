package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/internal/stage"
)

// collect reads the evidence back from disk and database and derives the report.
func (d *show) collect(ctx context.Context, started time.Time) error {
	d.say("Checking: sha256sum of every source and destination, decisions and sessions from Postgres")
	mismatches, err := d.compareTrees(ctx)
	if err != nil {
		return err
	}
	if err := d.readPostgres(ctx, 30*time.Second); err != nil {
		return err
	}
	rep, err := d.deriveReport(mismatches)
	if err != nil {
		return err
	}
	rep.Seconds = time.Since(started).Seconds()
	d.collected = rep
	d.narrator.close()
	return nil
}

// compareTrees lists every tree with the system's own sha256sum and counts the
// files that are missing, changed or too many.
func (d *show) compareTrees(ctx context.Context) (int, error) {
	pairs := []struct{ name, source, destination string }{{"tree", d.Path("source", "go"), d.Path("storage", "tree")}}
	for i := range loadPulls {
		pairs = append(pairs, struct{ name, source, destination string }{
			fmt.Sprintf("pulled-%d", i), d.Path("source", "go"), d.Path("pulled", fmt.Sprint(i))})
	}
	bad := 0
	for _, p := range pairs {
		n, err := d.compare(ctx, p.name, p.source, p.destination, nil)
		if err != nil {
			return 0, err
		}
		bad += n
	}
	for i := range loadPushes {
		n, err := d.compare(ctx, fmt.Sprintf("inbox-%d", i), d.Path("source", "big"), d.Path("storage", "inbox", fmt.Sprint(i)), []string{filepath.Base(d.bigFile(i % bigFiles))})
		if err != nil {
			return 0, err
		}
		bad += n
	}
	for i := range lateClients {
		n, err := d.compare(ctx, fmt.Sprintf("late-%d", i), d.Path("source", "big"), d.Path("storage", "late", fmt.Sprint(i)), []string{filepath.Base(d.bigFile(i % bigFiles))})
		if err != nil {
			return 0, err
		}
		bad += n
	}
	return bad, nil
}

// compare counts the differences between two directories; only, when given,
// names the files of source that should have arrived.
func (d *show) compare(ctx context.Context, name, source, destination string, only []string) (int, error) {
	want, err := d.sums(ctx, filepath.Base(source), source)
	if err != nil {
		return 0, err
	}
	if only != nil {
		picked := map[string]string{}
		for _, f := range only {
			picked["./"+f] = want["./"+f]
		}
		want = picked
	}
	got, err := d.sums(ctx, name, destination)
	if err != nil {
		return 0, err
	}
	bad := 0
	for file, sum := range want {
		if got[file] != sum {
			bad++
			d.tell("differs: %s in %s", file, destination)
		}
	}
	for file := range got {
		if _, ok := want[file]; !ok {
			bad++
			d.tell("nobody sent this: %s in %s", file, destination)
		}
	}
	return bad, nil
}

// sums writes the list of dir to evidence/NAME.sha256, once, and reads it back.
func (d *show) sums(ctx context.Context, name, dir string) (map[string]string, error) {
	list := d.Path("evidence", name+".sha256")
	if _, err := os.Stat(list); err != nil {
		out, err := os.Create(list)
		if err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, "sh", "-c", "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum -b --")
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, os.Stderr
		err = cmd.Run()
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, fmt.Errorf("sha256sum of %s: %w", dir, err)
		}
	}
	f, err := os.Open(list)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sums := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		sum, file, ok := strings.Cut(lines.Text(), " *")
		if !ok {
			return nil, fmt.Errorf("%s: line %q is not sha256sum's", list, lines.Text())
		}
		sums[file] = sum
	}
	return sums, lines.Err()
}

// queries are what is read back from Postgres, one JSON object a line.
var queries = []struct{ file, sql string }{
	{"decisions.jsonl", `SELECT to_jsonb(d) - 'snapshot' FROM decisions d ORDER BY id`},
	{"transfers.jsonl", `SELECT to_jsonb(t) FROM transfers t ORDER BY id`},
	{"sessions.jsonl", `SELECT to_jsonb(s) FROM transfer_sessions s ORDER BY started_at, id`},
	{"nodes.jsonl", `SELECT to_jsonb(n) FROM nodes n ORDER BY id`},
	{"node_events.jsonl", `SELECT to_jsonb(e) FROM node_events e ORDER BY at, id`},
}

// readPostgres waits up to patience until the journal has told Postgres of
// every session's end, and writes the rows as they are.
func (d *show) readPostgres(ctx context.Context, patience time.Duration) error {
	url, err := d.databaseURL()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("the demo's Postgres: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	settled := stage.WaitFor(ctx, patience, "every session's end to reach Postgres", func(ctx context.Context) (bool, error) {
		var open int
		err := conn.QueryRow(ctx, `SELECT count(*) FROM transfer_sessions WHERE ended_at IS NULL`).Scan(&open)
		if err == nil && open > 0 {
			return false, fmt.Errorf("%d sessions are still open there", open)
		}
		return err == nil, err
	})
	if patience > 0 && settled != nil {
		return settled
	}
	for _, q := range queries {
		if err := writeRows(ctx, conn, d.Path("evidence", q.file), q.sql); err != nil {
			return fmt.Errorf("%s: %w", q.file, err)
		}
	}
	return nil
}

func writeRows(ctx context.Context, conn *pgx.Conn, path, sql string) error {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for rows.Next() {
		var row json.RawMessage
		if err := rows.Scan(&row); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.Flush()
}
