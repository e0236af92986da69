package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/cmd/godwit/internal/channel"
)

// sshd is a real one: this user's, on a port of its own, with keys of its own.
type sshd struct {
	home   string // where sessions begin
	user   string
	port   int
	flags  []string // of godwit, to reach it
	client string   // the ssh command in them
}

// startSSHD runs an sshd whose sessions begin in an empty directory. before is
// shell code that runs in each session first.
func startSSHD(t *testing.T, before string) *sshd {
	t.Helper()
	daemon := "/usr/sbin/sshd"
	if found, err := exec.LookPath("sshd"); err == nil {
		daemon = found
	}
	for _, program := range []string{daemon, "ssh", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s on this machine: make deps installs it", program)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	s := &sshd{home: in("home"), user: me.Username}
	if err := os.Mkdir(s.home, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"host", "user", "stranger"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", in(key)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	session := in("session")
	write := func(path, text string, mode os.FileMode) {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(session, fmt.Sprintf("#!/bin/sh\ncd '%s' || exit 1\n%s\neval \"$SSH_ORIGINAL_COMMAND\"\n", s.home, before), 0o755)
	write(in("config"), fmt.Sprintf(`
Port %d
ListenAddress 127.0.0.1
ListenAddress ::1
HostKey %s
AuthorizedKeysFile %s
ForceCommand %s
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
`, s.port, in("host"), in("user.pub"), session), 0o644)
	args := []string{daemon, "-D", "-e", "-f", in("config")}
	if _, err := os.Stat("/run/sshd"); err != nil && me.Uid == "0" {
		// Its empty directory is missing: one that only this daemon sees.
		args = append([]string{"unshare", "-m", "sh", "-c", `mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"`, "sh"}, args...)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var log lockedBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd said:\n%s", log.String())
		}
	})
	for began := time.Now(); !strings.Contains(log.String(), "Server listening"); {
		if time.Since(began) > patience || cmd.ProcessState != nil {
			t.Skipf("sshd does not start here:\n%s", log.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, in("godwit")); err != nil {
		t.Fatal(err)
	}
	s.client = fmt.Sprintf("ssh -F none -p %d -i '%s' -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes", s.port, in("user"))
	s.flags = []string{"--ssh", s.client, "--remote-godwit", in("godwit")}
	return s
}

// with is a godwit command that reaches s.
func (s *sshd) with(args ...string) []string {
	return append(append([]string{args[0]}, s.flags...), args[1:]...)
}

// at is a path behind s.
func (s *sshd) at(path string) string { return s.user + "@127.0.0.1:" + path }

func TestFilesTravelOverSSH(t *testing.T) {
	t.Parallel()
	// A login script that talks must not disturb.
	s := startSSHD(t, "echo welcome; printf 'no line end'")
	src, out := sample(t), t.TempDir()
	// From the home directory, from the root, through a link that leads elsewhere.
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(s.home, "link")); err != nil {
		t.Fatal(err)
	}
	runs(t, s.with("cp", "-r", src, s.at("in/a b"))...)
	alike(t, src, filepath.Join(s.home, "in/a b/sample"))
	runs(t, s.with("cp", "-r", src, s.at(s.home+"/abs"))...)
	alike(t, src, filepath.Join(s.home, "abs/sample"))
	runs(t, s.with("cp", "-r", src, s.at("link"))...)
	alike(t, src, filepath.Join(elsewhere, "sample"))
	runs(t, s.with("cp", filepath.Join(src, "a"), s.at("~/renamed"))...)
	if b, err := os.ReadFile(filepath.Join(s.home, "renamed")); err != nil || string(b) != "first" {
		t.Errorf("%q, %v", b, err)
	}
	// And back.
	runs(t, s.with("cp", "-r", s.at("in/a b/sample"), out)...)
	alike(t, src, filepath.Join(out, "sample"))
	contents := t.TempDir()
	runs(t, s.with("cp", "-r", s.at("link/sample/"), contents)...)
	alike(t, src, contents)
	six := t.TempDir()
	runs(t, s.with("cp", "-r", "ssh://"+s.user+"@[::1]/~/abs/sample", six)...)
	alike(t, src, filepath.Join(six, "sample"))
	if list := runs(t, s.with("ls", s.at("in"))...); !strings.Contains(list, "a b/") {
		t.Errorf("listing: %s", list)
	}
	if list := runs(t, s.with("ls", s.at(""))...); !strings.Contains(list, "renamed") {
		t.Errorf("listing of the home directory: %s", list)
	}
}

// transports are what the session of a cp --json rode, in order.
func transports(out string) (rode []string) {
	for _, line := range strings.Split(out, "\n") {
		for _, event := range []string{"session", "transport"} {
			if strings.Contains(line, `"event":"`+event+`"`) {
				_, rest, _ := strings.Cut(line, `"transport":"`)
				name, _, _ := strings.Cut(rest, `"`)
				rode = append(rode, name)
			}
		}
	}
	return rode
}

// TestDataRideSSHWhereUDPDoesNot: UDP where it can be had, else the channel.
func TestDataRideSSHWhereUDPDoesNot(t *testing.T) {
	t.Parallel()
	src := sample(t)
	direct := startSSHD(t, "")
	both := func(s *sshd, want string, flags ...string) {
		t.Helper()
		push := runs(t, s.with(append([]string{"cp", "--json", "-r", src, s.at("up")}, flags...)...)...)
		alike(t, src, filepath.Join(s.home, "up/sample"))
		down := t.TempDir()
		pull := runs(t, s.with(append([]string{"cp", "--json", "-r", s.at("up/sample"), down}, flags...)...)...)
		alike(t, src, filepath.Join(down, "sample"))
		for _, out := range []string{push, pull} {
			if rode := transports(out); len(rode) != 1 || rode[0] != want {
				t.Errorf("rode %v, want %s:\n%s", rode, want, out)
			}
		}
	}
	both(direct, "udp")
	both(direct, "ssh", "--transport", "tcp", "--overwrite", "always")
	// Several flows are a wish: where there is none to be had, the copy is the same.
	both(direct, "udp", "--flows", "3", "--overwrite", "always")
	both(direct, "ssh", "--flows", "3", "--transport", "tcp", "--overwrite", "always")
	// sshd says that this machine has another address than it has: no datagrams.
	both(startSSHD(t, "export SSH_CONNECTION='192.0.2.1 1 192.0.2.99 22'"), "ssh")
	both(startSSHD(t, "export SSH_CONNECTION='192.0.2.1 1 192.0.2.99 22'"), "ssh", "--flows", "3")
}

func TestTransferOverSSHSurvivesItsConnection(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	src := filepath.Join(t.TempDir(), "big")
	data := make([]byte, 6<<20)
	_, _ = rand.Read(data)
	if err := os.WriteFile(src, data, 0o644); err != nil {
		t.Fatal(err)
	}
	// The first ssh dies, as the network would have it.
	wrapper := filepath.Join(t.TempDir(), "ssh")
	script := fmt.Sprintf(`#!/bin/sh
if mkdir '%s.once' 2>/dev/null; then
	exec 3<&0
	%s "$@" <&3 &
	until ls '%s'/.godwit-*.part >/dev/null 2>&1; do sleep 0.05; done
	sleep 0.3
	kill -KILL $!
	exit 255
fi
exec %s "$@"
`, wrapper, s.client, s.home, s.client)
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s.flags[1] = wrapper
	out := runs(t, s.with("cp", "--json", "--rate", "20M", src, s.at("big"))...)
	if !strings.Contains(out, `"event":"moved"`) || len(transports(out)) != 2 {
		t.Errorf("it did not break or did not go on:\n%s", out)
	}
	if got, err := os.ReadFile(filepath.Join(s.home, "big")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes arrived, %v", len(got), err)
	}
}

func TestSSHFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	src := filepath.Join(sample(t), "a")
	missing := append([]string{"cp"}, "--ssh", s.client, "--remote-godwit", "/nonexistent/godwit", src, s.at("x"))
	if out, code := ends(t, missing...); code != exitNotFound || !strings.Contains(out, "copy the binary there") {
		t.Errorf("no binary there: exit %d, %s", code, out)
	}
	stranger := append([]string{"cp"}, "--ssh", strings.Replace(s.client, "/user'", "/stranger'", 1), src, s.at("x"))
	if out, code := ends(t, stranger...); code != exitAuth || !strings.Contains(out, "Permission denied") || !strings.Contains(out, "right user") {
		t.Errorf("wrong key: exit %d, %s", code, out)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0") // a port that nobody has for a while
	if err != nil {
		t.Fatal(err)
	}
	refused := fmt.Sprintf("ssh://127.0.0.1:%d/x", closed.Addr().(*net.TCPAddr).Port)
	closed.Close()
	if out, code := ends(t, s.with("ls", refused)...); code != exitUnavailable || !strings.Contains(out, "no ssh server answers at 127.0.0.1:") || strings.Contains(out, "TCP and UDP") {
		t.Errorf("nobody listens: exit %d, %s", code, out)
	}
	if out, code := ends(t, s.with("cp", src, "ada@no.such.host.invalid:x")...); code != exitUnavailable || !strings.Contains(out, "spelt right") {
		t.Errorf("no such host: exit %d, %s", code, out)
	}
	changed := "sh -c 'echo REMOTE HOST IDENTIFICATION HAS CHANGED >&2; exit 255'"
	if out, code := ends(t, "cp", "--ssh", changed, src, "ada@host:x"); code != exitAuth || !strings.Contains(out, "known_hosts") || strings.Contains(out, "godwit serve") {
		t.Errorf("another host key: exit %d, %s", code, out)
	}
	if out, code := ends(t, s.with("cp", s.at("nothing/here"), t.TempDir())...); code != exitNotFound || !strings.Contains(out, "no such file or directory") {
		t.Errorf("no such file: exit %d, %s", code, out)
	}
	if out, code := ends(t, s.with("cp", src, s.at("~other/x"))...); code != exitUsage || !strings.Contains(out, "home directory") {
		t.Errorf("another user's home: exit %d, %s", code, out)
	}
}

// TestForcedCommandConfinesAKey: what is in authorized_keys decides, not the client.
func TestForcedCommandConfinesAKey(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	src := filepath.Join(sample(t), "a")
	if err := os.Mkdir(filepath.Join(s.home, "jail"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.flags[3] = "sh -c '" + s.flags[3] + " serve --stdio --root jail --write-only' #"
	runs(t, s.with("cp", src, s.at("/etc/x"))...)
	if _, err := os.Stat(filepath.Join(s.home, "jail/etc/x")); err != nil {
		t.Error(err)
	}
	if out, code := ends(t, s.with("cp", s.at("/etc/x"), t.TempDir())...); code != exitAuth {
		t.Errorf("reading: exit %d, %s", code, out)
	}
}

func TestSSHLocations(t *testing.T) {
	t.Parallel()
	host := func(name string, port int) channel.Host { return channel.Host{Name: name, Port: port} }
	for in, want := range map[string]location{
		"ada@host:/d/x":            {ssh: host("ada@host", 0), path: "/d/x"},
		"ada@host:d/x/":            {ssh: host("ada@host", 0), path: "~/d/x/"},
		"ada@host:":                {ssh: host("ada@host", 0), path: "~/"},
		"ada@host:~":               {ssh: host("ada@host", 0), path: "~/"},
		"ada@host:.":               {ssh: host("ada@host", 0), path: "~/"},
		"ada@host:/":               {ssh: host("ada@host", 0), path: "/"},
		"ada@[fe80::1%eth0]:/d":    {ssh: host("ada@fe80::1%eth0", 0), path: "/d"},
		"ssh://host/d":             {ssh: host("host", 0), path: "/d"},
		"ssh://ada@[::1]:2222/~/d": {ssh: host("ada@::1", 2222), path: "~/d"},
	} {
		got, err := parseLocation(in)
		want.raw, want.remote = in, true
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, bad := range []string{
		"-oProxyCommand=x@h:/d", "ssh://-oProxyCommand=x/d", "ssh://host:0/d", "ssh:///d", "ssh://a:secret@h/d",
		"ada@host:../x", "ada@host:~bob/x", "ada@host:/~/x", "a@ b:/x",
	} {
		if l, err := parseLocation(bad); err == nil {
			t.Errorf("%q was taken for %+v", bad, l)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the message repeats a secret: %v", bad, err)
		}
	}
}
