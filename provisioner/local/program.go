package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/godwit/godwit/provisioner"
)

// programName is a file of the directory of programs: no path, nothing hidden.
var programName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// program is the path of the node program that a template names; of none, the
// manager's own. The name comes from whoever edits templates: it leads to a file
// of the directory that the manager's operator gave, and nowhere else.
func (p *Provider) program(name string) (string, error) {
	if name == "" {
		return p.config.Command[0], nil
	}
	if p.config.Programs == "" {
		return "", fmt.Errorf("is %q, but this manager has no directory of node programs; give it one (--local-programs)", name)
	}
	if !programName.MatchString(name) {
		return "", fmt.Errorf("is %q; want the name of a file in the manager's directory of node programs", name)
	}
	root, err := os.OpenRoot(p.config.Programs)
	if err != nil {
		return "", fmt.Errorf("is %q, and the manager's directory of node programs cannot be opened: %w", name, err)
	}
	defer func() { _ = root.Close() }() // it was only read
	switch info, err := root.Stat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("is %q, which is not in the manager's directory of node programs", name)
	case err != nil:
		return "", fmt.Errorf("is %q: %w", name, err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return "", fmt.Errorf("is %q, which is no program", name)
	}
	return filepath.Join(p.config.Programs, name), nil
}

// programFault is what is wrong with the program that a specification names.
func (p *Provider) programFault(s Spec) []provisioner.FieldError {
	if _, err := p.program(s.Program); err != nil {
		return []provisioner.FieldError{{Field: "program", Problem: err.Error()}}
	}
	return nil
}
