package cloudinit

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var managers = []struct {
	name    string
	cloud   Cloud
	manager Manager
}{
	{"manager", EC2, Manager{
		Programs: []Program{
			{"godwit-manager", "https://files.example.org/godwit-manager?v=1", strings.Repeat("01", 32)},
			{"godwit-node-linux-arm64", "https://files.example.org/godwit-node", strings.Repeat("02", 32)},
		},
		Args:            []string{"--public-url", "https://transfer.example.org:8443", "--dns-listen=0.0.0.0:53", "--node-certificate", `media=/etc/a "b" 100%$x\,k`},
		LowPorts:        true,
		InstallPostgres: true,
		FirstBootScript: "#!/bin/sh\nset -e\necho \"it's: a 'test'\" # not yaml\n",
	}},
	{"manager-image", GCE, Manager{DatabaseURL: `postgres://godwit:p%40"ss@10.0.0.3/godwit`, JournalMB: 100}},
}

func TestManagerUserDataIsWhatWasReviewed(t *testing.T) {
	t.Parallel()
	for _, c := range managers {
		got, err := RenderManager(c.cloud, c.manager)
		if err != nil {
			t.Fatal(c.name, err)
		}
		reviewed(t, c.name, got)
	}
}

func TestEveryPartOfAManagersUserDataIsWhatItsReaderTakes(t *testing.T) {
	t.Parallel()
	for _, c := range managers {
		data, err := RenderManager(c.cloud, c.manager)
		if err != nil {
			t.Fatal(c.name, err)
		}
		readable(t, c.name, data)
	}
}

func TestWhatNoManagerCouldStartWithIsRefused(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("0", 64)
	for _, row := range []struct {
		name    string
		manager Manager
		says    string
	}{
		{"a stranger's program", Manager{Programs: []Program{{"sh", "https://a/b", good}}}, "none of Godwit's"},
		{"a program of a path", Manager{Programs: []Program{{"godwit-node-linux-../x", "https://a/b", good}}}, "none of Godwit's"},
		{"an address that ends the script's quotes", Manager{Programs: []Program{{ManagerProgram, "https://a/'; reboot #", good}}}, "no address"},
		{"a file", Manager{Programs: []Program{{ManagerProgram, "file:///a", good}}}, "no address"},
		{"a checksum that is none", Manager{Programs: []Program{{ManagerProgram, "https://a/b", "$(reboot)"}}}, "no SHA-256"},
		{"a program twice", Manager{Programs: []Program{{ManagerProgram, "https://a/b", good}, {ManagerProgram, "https://a/c", good}}}, "twice"},
		{"a script without an interpreter", Manager{FirstBootScript: "echo"}, "does not begin with #!"},
		{"an argument with a line of its own", Manager{Args: []string{"--public-url", "a\nUser=root"}}, "control character"},
		{"a database with a line of its own", Manager{DatabaseURL: "postgres://a\nLD_PRELOAD=x"}, "control character"},
		{"no room for logs", Manager{JournalMB: 1}, "MB of logs"},
		{"more than the cloud takes", Manager{FirstBootScript: "#!/bin/sh\n#" + noise(40<<10)}, "Amazon EC2 takes 16384"},
	} {
		if _, err := RenderManager(EC2, row.manager); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	for _, text := range []string{"", "godwit-manager", "godwit-manager=https://a/b", "=https://a/b#sha256=" + good, "godwit-manager=https://a/b#sha256=" + good + "0"} {
		if p, err := ParseProgram(text); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		}
	}
	if p, err := ParseProgram("godwit-manager=https://a/b?c=d#sha256=" + strings.ToUpper(strings.Repeat("ab", 32))); err != nil || p.URL != "https://a/b?c=d" || p.SHA256 != strings.Repeat("ab", 32) {
		t.Errorf("%+v, %v", p, err)
	}
}

// The script as it is, but for where programs go and what would change the machine.
func TestManagersScriptInstallsWhatWasPromisedAndStartsItAfterTheFirstBootScript(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil || runtime.GOOS != "linux" {
		t.Skip("needs Linux and curl")
	}
	const program = "#!/bin/sh\nexit 0\n"
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked++; {
		case asked == 1:
			_, _ = io.WriteString(w, "#!/bin/sh\nrm -rf /\n")
		case r.URL.Path == "/old":
			http.Redirect(w, r, "/new", http.StatusFound)
		default:
			_, _ = io.WriteString(w, program)
		}
	}))
	t.Cleanup(s.Close)
	sum := sha256.Sum256([]byte(program))
	for _, row := range []struct {
		script string
		starts bool
		says   string
	}{
		{"#!/bin/sh\necho \"script\" >>\"$CALLS\"\n", true, "is not the program godwit-manager that is wanted"},
		{"#!/bin/sh\necho no disk >&2\nexit 3\n", false, "the first-boot script ended with code 3"},
	} {
		out, calls, err := runManagerScript(t, Manager{Programs: []Program{{ManagerProgram, s.URL + "/old", hex.EncodeToString(sum[:])}}, FirstBootScript: row.script})
		if (err == nil) != row.starts || !strings.Contains(out, row.says) || row.starts != strings.HasSuffix(calls, "script\nsystemctl enable --now --no-block godwit-manager.service\n") {
			t.Errorf("%v\n%s\ncalls: %s", err, out, calls)
		}
	}
}

func runManagerScript(t *testing.T, m Manager) (output, calls string, err error) {
	t.Helper()
	data, err := RenderManager(NoCloud, m)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, body := range map[string]string{"id": "", "sleep": "", "useradd": "exit 1", "systemctl": `echo "systemctl $*" >>"$CALLS"`, "first-boot": strings.TrimPrefix(m.FirstBootScript, "#!/bin/sh\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil { //nolint:gosec // stand-ins are programs
			t.Fatal(err)
		}
	}
	script := strings.NewReplacer("export PATH=", "export PATH="+dir+":/usr/bin:", "/usr/bin/", dir+"/", firstBootPath, filepath.Join(dir, "first-boot"), "log=/var/log/", "log="+dir+"/").
		Replace(string(parts(t, data)["godwit-boot"]))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "CALLS="+filepath.Join(dir, "calls"))
	out, err := cmd.CombinedOutput()
	called, _ := os.ReadFile(filepath.Join(dir, "calls"))
	return string(out), string(called), err
}

// reviewed holds user data against its golden file.
func reviewed(t *testing.T, name string, got []byte) {
	t.Helper()
	golden := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (accept with -update):\n%s", name, diff)
	}
}
