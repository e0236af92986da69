package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: what is written to master was typed.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 250}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// onTerminal starts a program on a pseudo-terminal, as the first of its session, with
// args and a copy behind them that would take a minute. type gives it keys, once the
// terminal has shown a text.
func onTerminal(t *testing.T, root, program string, args ...string) (cmd *exec.Cmd, shown *lockedBuffer, typed func(after, keys string)) {
	t.Helper()
	spec, stop, err := serveRoot(root, "K", "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	master, slave := terminal(t)
	cmd = exec.Command(program, append(args, "cp", "--rate", "2M", "random://15M", fmt.Sprintf("godwit://127.0.0.1:%d/f#sha256=%s", spec.Port, spec.CertSHA256))...)
	cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+filepath.Join(root, "none"), "GODWIT_MANAGER=https://127.0.0.1:1", "GODWIT_ACCESS_KEY=K", "GODWIT_SECRET=s3cret")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	shown = &lockedBuffer{}
	go func() { _, _ = io.Copy(shown, master) }()
	return cmd, shown, func(after, keys string) {
		t.Helper()
		for end := time.Now().Add(patience); !strings.Contains(shown.String(), after); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				all := shown.String()
				t.Fatalf("%q was never shown, but %q", after, all[max(0, len(all)-400):])
			}
		}
		if _, err := master.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
}

// linked is the path of a program that is godwit.
func linked(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "godwit")
	if err := os.Symlink(exe, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// ended checks that the copy went well and has arrived.
func ended(t *testing.T, cmd *exec.Cmd, root string) {
	t.Helper()
	if err := cmd.Wait(); err != nil {
		t.Errorf("copy: %v", err)
	}
	if fi, err := os.Stat(filepath.Join(root, "f")); err != nil || fi.Size() != 15<<20 {
		t.Errorf("arrived: %v %v", fi, err)
	}
}

// TestAQuestionThatIsNotAnsweredIsNamed: Ctrl-D at a question, with and without echo.
func TestAQuestionThatIsNotAnsweredIsNamed(t *testing.T) {
	t.Parallel()
	for _, secret := range []bool{false, true} {
		master, slave := terminal(t)
		defer slave.Close()
		if _, err := master.Write([]byte{4}); err != nil {
			t.Fatal(err)
		}
		if got, err := prompt(t.Context(), slave, io.Discard, "User: ", secret); err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), `"User" was not answered`) {
			t.Errorf("secret %v: %q, %v", secret, got, err)
		}
	}
}

// typed answers a question as soon as it is asked.
type typed struct {
	answer string
	on     *os.File
}

func (t typed) Write(said []byte) (int, error) {
	if string(said) == "\n" { // after the answer
		return 1, nil
	}
	_, err := t.on.WriteString(t.answer)
	return len(said), err
}

func TestASecretIsNotShownOnTheTerminal(t *testing.T) {
	t.Parallel()
	for _, secret := range []bool{false, true} {
		master, slave := terminal(t)
		defer slave.Close()
		got, err := prompt(t.Context(), slave, typed{"hunter2\n", master}, "Password: ", secret)
		if err != nil || got != "hunter2" {
			t.Fatalf("secret %v: %q, %v", secret, got, err)
		}
		if now, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS); err != nil || now.Lflag&unix.ECHO == 0 {
			t.Fatalf("secret %v: the terminal is left without echo, %v", secret, err)
		}
		if _, err := master.WriteString("next\n"); err != nil { // is shown after all that came before
			t.Fatal(err)
		}
		var shown []byte
		for b := make([]byte, 100); !bytes.Contains(shown, []byte("next")); {
			n, err := master.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			shown = append(shown, b[:n]...)
		}
		if bytes.Contains(shown, []byte("hunter2")) == secret {
			t.Errorf("secret %v: the terminal shows %q", secret, shown)
		}
	}
}

// TestKeysOnATerminalSteerACopy runs the real command on a pseudo-terminal.
func TestKeysOnATerminalSteerACopy(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd, _, typed := onTerminal(t, root, linked(t))
	typed(keysHelp, "-")
	typed("[rate 1.6 Mbit/s]", "l")
	typed("[policy low]", "h")
	typed("[policy high]", "p")
	typed("[paused", "0")
	typed("1 file, 15.0 MiB", "")
	ended(t, cmd, root)
}

// TestATerminalThatCannotMoveItsCursorGetsLines: one in an editor, say.
func TestATerminalThatCannotMoveItsCursorGetsLines(t *testing.T) {
	t.Parallel()
	cmd, shown, typed := onTerminal(t, t.TempDir(), "env", "TERM=dumb", linked(t))
	typed("/ 15.0 MiB", "\x03")
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("interrupted: %v", err)
	}
	if s := shown.String(); strings.Contains(s, "\x1b") {
		t.Errorf("%q", s)
	}
}

// TestACopyMayGoToTheBackgroundAndBack: after Ctrl-Z and bg the shell reads what is
// typed and the copy is not stopped; after fg keys are the copy's again.
func TestACopyMayGoToTheBackgroundAndBack(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	shell := `set -m; "$@"; bg; echo behind; read line; echo "read $line"; sleep 1; jobs; fg`
	cmd, _, typed := onTerminal(t, root, "sh", "-c", shell, "sh", linked(t))
	typed(keysHelp, "\x1a")
	typed("behind", "a line\n")
	typed("read a line", "")
	typed("Running", "0")
	typed("1 file, 15.0 MiB", "")
	ended(t, cmd, root)
}
