package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATemplateNamesOnlyProgramsOfTheDirectoryGiven(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	programs := filepath.Join(dir, "programs")
	for name, mode := range map[string]os.FileMode{"programs/node-2": 0o755, "programs/readme": 0o644, "outside": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil { //nolint:gosec // a program is executable
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(programs, "link")); err != nil {
		t.Fatal(err)
	}
	p := open(t, filepath.Join(dir, "data"), "yes", func(c *Config) { c.Programs = programs })
	if path, err := p.program("node-2"); err != nil || path != filepath.Join(programs, "node-2") {
		t.Errorf("%q, %v", path, err)
	}
	if path, err := p.program(""); err != nil || path != os.Args[0] {
		t.Errorf("of none: %q, %v", path, err)
	}
	for name, says := range map[string]string{
		"node-3": "not in the manager's directory", "readme": "no program", "link": "link",
		"../outside": "want the name", "/bin/sh": "want the name", ".hidden": "want the name",
	} {
		faults, err := p.Validate(t.Context(), []byte(`{"provider":"local","program":"`+name+`"}`))
		if err != nil || len(faults) != 1 || faults[0].Field != "program" || !strings.Contains(faults[0].Problem, says) {
			t.Errorf("%s: %+v, %v; want %q", name, faults, err, says)
		}
	}
	without := open(t, filepath.Join(dir, "other"), "yes")
	if _, err := without.program("node-2"); err == nil || !strings.Contains(err.Error(), "--local-programs") {
		t.Errorf("without a directory: %v", err)
	}
}
