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
	"sync/atomic"
	"testing"

	"github.com/godwit/godwit/provisioner"
)

// runScript runs the rendered script as this user: what would change the machine
// is told by stand-ins, which write what they were called with into calls.
func runScript(t *testing.T, b provisioner.Bootstrap, s Spec) (output, calls, installed string, err error) {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string]string{
		"id": "", "sleep": "", "useradd": "exit 1", "systemctl": `echo "systemctl $*" >>"$CALLS"`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil { //nolint:gosec // stand-ins are programs
			t.Fatal(err)
		}
	}
	text, err := bootScript(b, s.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(dir, "godwit-node")
	script := strings.NewReplacer(
		"node=/usr/bin/godwit-node", "node="+node, "export PATH=", "export PATH="+dir+":", "systemd-sysctl", "systemd-none",
		firstBootPath, filepath.Join(dir, "first-boot"), "log=/var/log/", "log="+dir+"/",
	).Replace(string(text))
	if err := os.WriteFile(filepath.Join(dir, "first-boot"), []byte(s.FirstBootScript), 0o700); err != nil { //nolint:gosec // a script
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "CALLS="+filepath.Join(dir, "calls"))
	out, err := cmd.CombinedOutput()
	called, _ := os.ReadFile(filepath.Join(dir, "calls"))
	program, _ := os.ReadFile(node)
	return string(out), string(called), string(program), err
}

func TestScriptInstallsOnlyTheProgramThatWasPromised(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil || runtime.GOOS != "linux" {
		t.Skip("needs Linux and curl")
	}
	const program = "#!/bin/sh\necho \"node $*\" >>\"$CALLS\"\n"
	var asked atomic.Int32
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			_, _ = io.WriteString(w, "#!/bin/sh\nrm -rf /\n")
		default:
			_, _ = io.WriteString(w, program)
		}
	}))
	t.Cleanup(s.Close)
	sum := sha256.Sum256([]byte(program))
	b := bootstrap()
	b.ManagerURLs = []string{s.URL}
	b.Binaries = map[string]string{runtime.GOARCH: hex.EncodeToString(sum[:])}
	out, calls, installed, err := runScript(t, b, Spec{})
	if err != nil || installed != program || asked.Load() != 3 {
		t.Errorf("%v after %d questions\n%s\ninstalled: %s", err, asked.Load(), out, installed)
	}
	if !strings.Contains(out, "is not the node program that is wanted") {
		t.Errorf("what was wrong is not said:\n%s", out)
	}
	if !strings.HasSuffix(calls, "systemctl enable --now --no-block godwit-node.service\n") {
		t.Errorf("the service was not started:\n%s", calls)
	}

	b.Binaries = map[string]string{runtime.GOARCH: strings.Repeat("0", 64)}
	b.JoinTimeoutS = 1
	out, calls, installed, err = runScript(t, b, Spec{})
	if err == nil || installed != "" || calls != "" || !strings.Contains(out, "no manager handed out the node program within 1 s: "+s.URL) {
		t.Errorf("without the program: %v\n%s%s%s", err, out, calls, installed)
	}

	b.Binaries = map[string]string{runtime.GOARCH: hex.EncodeToString(sum[:])}
	out, calls, _, err = runScript(t, b, Spec{FirstBootScript: "#!/bin/sh\necho no disk\nexit 7\n"})
	if err == nil || !strings.Contains(out, "no disk\n") || strings.Contains(calls, "enable") ||
		!strings.Contains(calls, "node report-failure --bootstrap /etc/godwit/bootstrap.json --reason the first-boot script ended with code 7 --output ") {
		t.Errorf("after a first-boot script that failed: %v\n%s%s", err, out, calls)
	}
}
