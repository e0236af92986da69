package cloudinit

import (
	"bytes"
	_ "embed" // the script
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/godwit/godwit/deploy/systemd"
)

// Manager is what a machine becomes that runs a manager.
type Manager struct {
	// Programs are fetched into /usr/bin; without godwit-manager among them the
	// image has it.
	Programs []Program
	// Args are what `godwit-manager serve` is given besides directory and addresses;
	// what is said twice counts as it was said last.
	Args []string
	// LowPorts: Args have it listen below 1024, for which it gets the one right.
	LowPorts bool
	// DatabaseURL is of a Postgres elsewhere; empty: the manager runs its own. With a
	// password it is a secret, which whoever may read user data can read.
	DatabaseURL string
	// InstallPostgres: the distribution's package is installed, for a Postgres of the
	// manager's own.
	InstallPostgres bool
	// FirstBootScript runs as root once, before the manager starts. It begins with #!.
	FirstBootScript string
	// JournalMB is the most that the machine's logs take on disk; 500 if 0.
	JournalMB int
}

// Program is one of Godwit's commands, and where it is fetched.
type Program struct {
	// Name is that of the file: godwit-manager, godwit-node-linux-arm64 …
	Name string
	// URL is https or http: what comes must have the SHA-256, in hexadecimal.
	URL, SHA256 string
}

// ManagerProgram is the manager's own.
const ManagerProgram = "godwit-manager"

var programName = regexp.MustCompile(`^godwit(-manager|-node(-linux-[a-z0-9]+)?)?$`)

// ParseProgram reads NAME=URL#sha256=HEX.
func ParseProgram(text string) (Program, error) {
	const form = "want NAME=URL#sha256=HEX"
	name, rest, _ := strings.Cut(text, "=")
	address, hex, ok := strings.Cut(rest, "#sha256=")
	if !ok {
		return Program{}, fmt.Errorf("program %q: %s", text, form)
	}
	p := Program{Name: name, URL: address, SHA256: strings.ToLower(hex)}
	return p, p.fault()
}

func (p Program) fault() error {
	if !programName.MatchString(p.Name) {
		return fmt.Errorf("program %q is none of Godwit's: want godwit-manager, godwit-node, godwit-node-linux-ARCH or godwit", p.Name)
	}
	u, err := url.Parse(p.URL)
	// What is quoted in the script must not end the quotes.
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(p.URL, "'\\\n\r \t") {
		return fmt.Errorf("program %s: %q is no address of http or https", p.Name, p.URL)
	}
	if !sum.MatchString(p.SHA256) {
		return fmt.Errorf("program %s: %q is no SHA-256 in hexadecimal", p.Name, p.SHA256)
	}
	return nil
}

//go:embed manager.sh
var managerSource string

var managerBoot = template.Must(template.Must(fetching.Clone()).New("manager").Option("missingkey=error").Parse(managerSource))

// RenderManager returns the user data of a machine that becomes a manager. The
// bytes depend on nothing but the arguments. Its errors are faults of what is
// asked for, or a *SizeError.
func RenderManager(cloud Cloud, m Manager) ([]byte, error) {
	for i, p := range m.Programs {
		if err := p.fault(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(m.Programs[:i], func(o Program) bool { return o.Name == p.Name }) {
			return nil, fmt.Errorf("program %s is there twice", p.Name)
		}
	}
	if m.FirstBootScript != "" && !strings.HasPrefix(m.FirstBootScript, "#!") {
		return nil, errors.New("the first-boot script does not begin with #!; make its first line #!/bin/sh, or what else runs it")
	}
	fill(&m.JournalMB, 500)
	if m.JournalMB < minJournal || m.JournalMB > maxJournal {
		return nil, fmt.Errorf("%d MB of logs; want %d to %d", m.JournalMB, minJournal, maxJournal)
	}
	files, err := m.files()
	if err != nil {
		return nil, err
	}
	config := cloudFile{WriteFiles: files}
	if m.InstallPostgres {
		config.PackageUpdate, config.Packages = true, []string{"postgresql"}
	}
	text, err := config.text()
	if err != nil {
		return nil, err
	}
	data := struct {
		Programs          []Program
		Seconds           int
		FirstBoot, Follow string
	}{Programs: m.Programs, Seconds: retryFor, Follow: " --location"}
	if m.FirstBootScript != "" {
		data.FirstBoot = firstBootPath
	}
	var script bytes.Buffer
	if err := managerBoot.Execute(&script, data); err != nil {
		return nil, fmt.Errorf("boot script: %w", err)
	}
	out, err := assemble([]part{
		{"text/cloud-config", "godwit.yaml", text},
		{"text/x-shellscript", "godwit-boot", script.Bytes()},
	})
	if err != nil {
		return nil, err
	}
	return cloud.fit(out)
}

func (m Manager) files() ([]writeFile, error) {
	unit, err := m.dropIn()
	if err != nil {
		return nil, err
	}
	files := []writeFile{
		{"/etc/systemd/system/godwit-manager.service", "0644", systemd.Manager},
		{"/etc/systemd/system/godwit-manager.service.d/10-boot.conf", "0644", unit},
		{"/etc/systemd/journald.conf.d/90-godwit.conf", "0644", journalFile(m.JournalMB)},
	}
	if m.DatabaseURL != "" {
		quoted, err := systemdQuoted(m.DatabaseURL)
		if err != nil {
			return nil, fmt.Errorf("database address: %w", err)
		}
		files = append(files, writeFile{"/etc/godwit/manager.env", "0600", "GODWIT_DATABASE_URL=" + quoted + "\n"})
	}
	if m.InstallPostgres {
		// The manager makes its own; Debian's package would run another beside it.
		files = append(files, writeFile{"/etc/postgresql-common/createcluster.conf", "0644", "create_main_cluster = false\n"})
	}
	if m.FirstBootScript != "" {
		files = append(files, writeFile{firstBootPath, "0700", m.FirstBootScript})
	}
	return files, nil
}

// dropIn is what the machine's unit has beyond the packaged one. The link for the
// first administrator, which the manager prints, is in the journal and on the
// serial console.
func (m Manager) dropIn() (string, error) {
	var out strings.Builder
	out.WriteString("[Service]\nStandardOutput=journal+console\nStandardError=journal+console\n")
	if len(m.Args) > 0 {
		command := ""
		for line := range strings.Lines(systemd.Manager) {
			if rest, ok := strings.CutPrefix(line, "ExecStart="); ok {
				command = strings.TrimSpace(rest)
			}
		}
		for _, arg := range m.Args {
			quoted, err := systemdQuoted(arg)
			if err != nil {
				return "", fmt.Errorf("argument %q: %w", arg, err)
			}
			// In commands, and nowhere else, these are expanded.
			command += " " + strings.NewReplacer("%", "%%", "$", "$$").Replace(quoted)
		}
		out.WriteString("ExecStart=\nExecStart=" + command + "\n")
	}
	if m.LowPorts {
		out.WriteString("AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n")
	}
	return out.String(), nil
}

// systemdQuoted quotes a word as systemd reads it, in units and in files of
// environments (systemd.syntax(7), "Quoting").
func systemdQuoted(word string) (string, error) {
	if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("has a control character")
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`, nil
}
