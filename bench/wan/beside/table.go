//go:build linux

package beside

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godwit/godwit/bench/result"
)

// Merge returns the rows of a file of results with fresh ones in place of theirs, in
// the order of the scenes.
func Merge(path string, fresh []Row) ([]Row, error) {
	old, err := result.Read[Row](path)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, s := range scenes {
		for _, from := range [][]Row{fresh, old} {
			if i := slices.IndexFunc(from, func(r Row) bool { return r.Scene == s.name }); i >= 0 {
				rows = append(rows, from[i])
				break
			}
		}
	}
	return rows, nil
}

// Table writes rows as Markdown.
func Table(rows []Row) string {
	var b strings.Builder
	if len(rows) > 0 {
		r := rows[len(rows)-1]
		fmt.Fprintf(&b, "Machine: %s. Date: %s. Commit: %s. Medians of so many runs as are said.\n\n", r.Machine, r.Date, r.Commit)
	}
	b.WriteString("| Who comes | Godwit sends, Mb/s, by five round trips | under 25 Mb/s after | cubic gets in its seconds 1 to 4 | then Godwit | and cubic | runs |\n|---|---|---|---|--:|--:|--:|\n")
	for _, r := range rows {
		s, ok := sceneNamed(r.Scene)
		if !ok {
			continue
		}
		early, yields, cubic := percents(r.Early), "", percents(r.Seconds)
		if s.godwit == never {
			early = ""
		}
		if s.cubic == never {
			cubic = ""
		}
		if s.cubic > s.godwit && s.godwit != never {
			yields = fmt.Sprintf("%.0f RTT", r.Yielded)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.0f | %.0f | %d |\n", s.about, early, yields, cubic, 100*r.Godwit, 100*r.Cubic, r.Runs)
	}
	return b.String()
}
