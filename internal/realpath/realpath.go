// Package realpath tells where paths lead, links followed.
package realpath

import "path/filepath"

// Of returns the absolute path that path leads to. Of what is not there yet it follows
// the part that is: whoever makes the rest makes it there.
func Of(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if led, err := filepath.EvalSymlinks(path); err == nil {
		return led
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(Of(parent), filepath.Base(path))
	}
	return path
}

// Within reports whether path leads to dir or below it.
func Within(path, dir string) bool {
	rel, err := filepath.Rel(Of(dir), Of(path))
	return err == nil && filepath.IsLocal(rel)
}
