package main

import (
	"bytes"
	"fmt"
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
