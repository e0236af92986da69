package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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

// TestKeysOnATerminalSteerACopy runs the real command on a pseudo-terminal.
func TestKeysOnATerminalSteerACopy(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	spec, stop, err := serveRoot(root, "K", "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	master, slave := terminal(t)
	// At this rate it would take a minute.
	cmd := exec.Command(exe, "cp", "--rate", "2M", "random://15M", fmt.Sprintf("godwit://127.0.0.1:%d/f#sha256=%s", spec.Port, spec.CertSHA256))
	cmd.Args[0] = "godwit" // what the test binary then is
	cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+filepath.Join(root, "none"), "GODWIT_MANAGER=https://127.0.0.1:1", "GODWIT_ACCESS_KEY=K", "GODWIT_SECRET=s3cret")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	defer func() { _ = cmd.Process.Kill() }()

	var mu sync.Mutex
	var shown bytes.Buffer
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			mu.Lock()
			shown.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	await := func(text string) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			mu.Lock()
			ok := strings.Contains(shown.String(), text)
			mu.Unlock()
			if ok {
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		t.Fatalf("%q was never shown, but %q", text, shown.Bytes()[max(0, shown.Len()-400):])
	}
	for _, step := range []struct{ await, press string }{
		{keysHelp, "-"}, {"[rate 1.6 Mbit/s]", "l"}, {"[policy low]", "h"}, {"[policy high]", "p"}, {"[paused", "0"}, {"1 file, 15.0 MiB", ""},
	} {
		await(step.await)
		if _, err := master.WriteString(step.press); err != nil {
			t.Fatal(err)
		}
	}
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
