package boot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/cloudinit"
)

// postgres is a server of the distribution's that the machine reaches.
func postgres(t *testing.T) (url string) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Fatal("there is no Postgres: scripts/deps.sh run")
	}
	programs := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "boot-postgres-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := func(args ...string) *exec.Cmd {
		cmd := exec.Command("setpriv", append([]string{"--reuid=postgres", "--regid=postgres", "--clear-groups"}, args...)...)
		cmd.Dir = dir
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := exec.CommandContext(t.Context(), "chown", "postgres:", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := as(filepath.Join(programs, "initdb"), "-D", data, "-A", "trust", "-U", "godwit", "-N").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("host all all 10.77.0.0/24 trust\nlocal all all trust\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	control := func(args ...string) {
		if out, err := as(append([]string{filepath.Join(programs, "pg_ctl"), "-w", "-D", data, "-l", filepath.Join(dir, "log")}, args...)...).CombinedOutput(); err != nil {
			t.Errorf("pg_ctl %v: %v\n%s", args, err, out)
		}
	}
	control("-o", "-c listen_addresses="+bridge+" -c unix_socket_directories="+dir, "start")
	t.Cleanup(func() { control("-m", "fast", "stop") })
	return "postgres://godwit@" + bridge + "/postgres"
}

// program serves one of the commands to the machine, and says what it is.
func program(t *testing.T, name string) cloudinit.Program {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(bins, name))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", bridge+":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	sum := sha256.Sum256(text)
	return cloudinit.Program{Name: name, URL: "http://" + listener.Addr().String() + "/" + name, SHA256: hex.EncodeToString(sum[:])}
}

var (
	printedLink = regexp.MustCompile(`(https://10\.77\.0\.\d+:8443)/setup#token=([^\s\x1b]+)`)
	printedPin  = regexp.MustCompile(`godwit login 'https://[^#]+#sha256=([0-9a-f]{64})'`)
)

// A bare machine becomes a manager by its user data: the program is fetched, the
// first-boot script runs before it, and the link on the console makes the first
// administrator.
func TestMachineBecomesAManager(t *testing.T) {
	if rootFS == "" || bins == "" {
		t.Skip("needs root and a root file system: run make test-boot")
	}
	dir, err := os.MkdirTemp("", "boot-manager-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	share := filepath.Join(dir, "share")
	if err := os.MkdirAll(share, 0o755); err != nil {
		t.Fatal(err)
	}
	const address = "10.77.0.10"
	data, err := cloudinit.RenderManager(cloudinit.NoCloud, cloudinit.Manager{
		Programs: []cloudinit.Program{program(t, "godwit-manager")}, DatabaseURL: postgres(t),
		Args:            []string{"--public-url", "https://" + address + ":8443", "--dns-listen", address + ":53", "--dns-zone", "godwit.example.org"},
		LowPorts:        true,
		FirstBootScript: "#!/bin/sh\nset -eu\nid godwit\n! systemctl is-active godwit-manager\necho first >/srv/storage/first-boot\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	it := &machine{dir: filepath.Join(dir, "manager"), gone: make(chan struct{}), Instance: provisioner.Instance{ID: "manager"}}
	all := newMachines(dir, slog.New(slog.DiscardHandler))
	if err := all.start(it, 1, address, spec{Share: share}, data); err != nil {
		t.Fatal(err)
	}
	console := func() []byte {
		text, _ := os.ReadFile(filepath.Join(it.dir, "console"))
		return text
	}
	t.Cleanup(func() {
		it.end()
		<-it.gone
		if t.Failed() {
			text := console()
			t.Logf("its console:\n%s", text[max(0, len(text)-8000):])
		}
	})
	var link, login [][]byte
	eventually(t, time.Minute, "the set-up link on the console", func(context.Context) (bool, error) {
		text := console()
		link, login = printedLink.FindSubmatch(text), printedPin.FindSubmatch(text)
		return link != nil && login != nil, nil
	})
	if proof, err := os.ReadFile(filepath.Join(share, "first-boot")); err != nil || string(proof) != "first\n" {
		t.Errorf("the first-boot script left %q, %v", proof, err)
	}
	conf, err := pin.TLSConfig(string(login[1]), pin.ManagerName)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: conf}
	defer transport.CloseIdleConnections()
	body := fmt.Sprintf(`{"token":%q,"name":"ada","password":"a quiet morning"}`, link[2])
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, string(link[1])+"/api/v1/setup", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusCreated {
		t.Errorf("the first administrator: %d %s", answer.StatusCode, said)
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", address+":53")
	if err != nil {
		t.Errorf("its DNS server, which needs a right: %v", err)
	} else {
		conn.Close()
	}
	t.Logf("%5.1f s  booted, installed itself and has an administrator", time.Since(begun).Seconds())
}
