package result

import (
	"fmt"
	"os"
	"strings"
)

// Insert puts text between the marks <!-- name --> and <!-- /name --> of a page.
func Insert(page, name, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	from, to := "<!-- "+name+" -->", "<!-- /"+name+" -->"
	before, rest, found := strings.Cut(string(old), from)
	_, after, closed := strings.Cut(rest, to)
	if !found || !closed {
		return fmt.Errorf("page %s has no marks %s and %s", page, from, to)
	}
	return os.WriteFile(page, []byte(before+from+"\n"+strings.TrimSpace(text)+"\n"+to+after), 0o644)
}
