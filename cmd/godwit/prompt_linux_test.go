package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCtrlCEndsAQuestionForAPassphrase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for question, args := range map[string][]string{
		"Passphrase: ": {"cp", "--encrypt", file, "somewhere:/"},
		"Password of ": {"login", "https://127.0.0.1:1#sha256=" + string(bytes.Repeat([]byte("ab"), 32)), "--user", "ada"},
	} {
		master, slave := terminal(t)
		cmd := exec.Command(exe, args...)
		cmd.Args[0] = "godwit" // what the test binary then is
		cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+filepath.Join(dir, "none"), "GODWIT_PASSPHRASE=")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		shown, b := []byte(nil), make([]byte, 4096)
		for !bytes.Contains(shown, []byte(question)) {
			n, err := master.Read(b)
			if err != nil {
				t.Fatalf("%v, after %q", err, shown)
			}
			shown = append(shown, b[:n]...)
		}
		if _, err := master.WriteString("half a secr\x03"); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitInterrupted {
			t.Errorf("%q: %v", question, err)
		}
		if tio, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS); err != nil || tio.Lflag&unix.ECHO == 0 {
			t.Errorf("%q: the terminal does not echo any more (%v)", question, err)
		}
		slave.Close()
	}
}
