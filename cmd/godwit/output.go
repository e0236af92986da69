package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/godwit/godwit/transfer/spelling"
)

// print writes v as the user asked: JSON and YAML whole, or the table that
// draw fills.
func (a *app) print(v any, draw func(*table)) error {
	switch a.output {
	case "json":
		a.answered = true
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false) // "available 1 < min 2" is for a terminal
		return enc.Encode(v)
	case "yaml":
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		plain, err := plain(b)
		if err != nil {
			return err
		}
		enc := yaml.NewEncoder(a.out)
		enc.SetIndent(2)
		return enc.Encode(plain)
	}
	t := &table{w: tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)}
	draw(t)
	return t.w.Flush()
}

// plain reads JSON for the YAML encoder: names are those of the API, and whole
// numbers stay whole.
func plain(raw []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return settled(v), nil
}

func settled(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = settled(v[k])
		}
	case []any:
		for i := range v {
			v[i] = settled(v[i])
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
	}
	return v
}

// table prints rows in aligned columns, the first one being the head.
type table struct{ w *tabwriter.Writer }

func (t *table) row(cells ...string) {
	shown := make([]string, len(cells))
	for i, c := range cells {
		shown[i] = printable(c)
	}
	fmt.Fprintln(t.w, strings.Join(shown, "\t"))
}

// line prints a sentence, which keeps no column.
func (t *table) line(text string) { fmt.Fprintln(t.w, printable(text)) }

// printable escapes what would drive a terminal or break a table, as in Go: names of
// files are anybody's, and two of them must not look the same.
func printable(s string) string {
	s = spelling.Text(s)
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}

// printableLines is printable of each line: of what is said in several, such as an
// error with a hint below it.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// ago is how long ago t was, in one unit.
func ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if d := time.Since(t); d >= time.Second {
		return brief(d) + " ago"
	}
	return "now"
}

// brief writes a duration in its largest fitting unit.
func brief(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return "a moment"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}

// rate writes bits per second.
func rate(bps int64) string { return scaled(float64(bps), 1000, "bit/s", "kbit/s", "Mbit/s", "Gbit/s") }

// size writes bytes.
func size(n int64) string { return scaled(float64(n), 1024, "B", "KiB", "MiB", "GiB", "TiB", "PiB") }

func scaled(v, base float64, units ...string) string {
	i := 0
	for math.Abs(v) >= base && i < len(units)-1 {
		v, i = v/base, i+1
	}
	if i == 0 || math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f %s", v, units[i])
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}
