// Package mototest runs moto, an emulator of Amazon's services by others, for
// tests of what speaks to them. `make test-clouds` installs it; elsewhere such
// tests skip.
package mototest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the environment variable that names the server's program.
const program = "GODWIT_MOTO_SERVER"

// Start runs the server for the length of a test and returns where it listens.
func Start(t *testing.T) string {
	t.Helper()
	path := os.Getenv(program)
	if path == "" {
		t.Skip("no moto here: make test-clouds installs it into build/moto and runs this")
	}
	cmd := exec.CommandContext(context.Background(), path, "-H", "127.0.0.1", "-p", "0")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, drained := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(drained)
		running := regexp.MustCompile(`Running on (http://\S+)`)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if found := running.FindStringSubmatch(lines.Text()); found != nil {
				url <- found[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it keeps nothing
		<-drained
		_ = cmd.Wait()
	})
	select {
	case at := <-url:
		return at
	case <-time.After(time.Minute):
		t.Fatal("moto does not come up")
	}
	return ""
}
