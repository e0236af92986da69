package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/bench/wan/emulator"
)

// Addresses of the emulated path's far end.
const (
	far4 = "10.77.0.2"
	far6 = "fd77::2"
)

// wan is an emulated path between two namespaces.
func wan(t *testing.T, each emulator.Model) *emulator.Path {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("no TUN devices here")
	}
	back := each
	back.NAT = 0
	p, err := emulator.New(t.Context(), emulator.Config{AB: each, BA: back, Seed: 1})
	if errors.Is(err, emulator.ErrNoCompiler) || errors.Is(err, os.ErrPermission) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// serveAt runs godwit serve at the far end and returns its address.
func serveAt(t *testing.T, p *emulator.Path, host, dir string) string {
	t.Helper()
	c := godwit(t, "serve", "--write", "--listen", "["+host+"]:0", dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.B.Start(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no address: %v", err)
	}
	return strings.TrimSpace(line)
}

// copyFrom runs cp --json at the near end; seen is told each line of events.
func copyFrom(t *testing.T, p *emulator.Path, seen func(line string), args ...string) string {
	t.Helper()
	c := godwit(t, append([]string{"cp", "--json"}, args...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints lockedBuffer
	c.Stderr = &complaints
	if err := p.A.Start(c); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if seen != nil {
			seen(lines.Text())
		}
	}
	_, _ = io.Copy(io.Discard, out)
	var exit *exec.ExitError
	if err := c.Wait(); errors.As(err, &exit) || err != nil {
		t.Fatalf("cp %v: %v\n%s%s", args, err, all.String(), complaints.String())
	}
	return all.String()
}

// TestFirewallThatDropsUDPCostsOnlySpeed: over namespaces, by both families.
func TestFirewallThatDropsUDPCostsOnlySpeed(t *testing.T) {
	t.Parallel()
	for _, host := range []string{far4, far6} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			p := wan(t, emulator.Model{Rate: 200e6, Queue: 50 * time.Millisecond, Delay: 10 * time.Millisecond, BlockUDP: true})
			src, dir, out := sample(t), t.TempDir(), t.TempDir()
			at := serveAt(t, p, host, dir)
			push := copyFrom(t, p, nil, "-r", src, at)
			alike(t, src, filepath.Join(dir, "sample"))
			pull := copyFrom(t, p, nil, "-r", at+"sample", out)
			alike(t, src, filepath.Join(out, "sample"))
			for _, told := range []string{push, pull} {
				if rode := transports(told); len(rode) != 2 || rode[0] != "udp" || rode[1] != "tcp" || !strings.Contains(told, "blocked") {
					t.Errorf("rode %v:\n%s", rode, told)
				}
			}
		})
	}
}

// TestRouterThatForgetsMappingsIsSurvived: the client's address changes in the
// middle, and packets to the old one vanish. The session goes on over UDP. (What
// it costs is measured in virtual time: see package flow.)
func TestRouterThatForgetsMappingsIsSurvived(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	for _, dir := range []string{"push", "pull"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			model := emulator.Model{Rate: 50e6, Queue: 50 * time.Millisecond, Delay: 10 * time.Millisecond, NAT: 1}
			p := wan(t, model)
			here, there := t.TempDir(), t.TempDir()
			from, to := filepath.Join(here, "f"), filepath.Join(there, "f")
			if dir == "pull" {
				from, to = to, from
			}
			data := strings.Repeat("0123456789abcdef", size/16)
			if err := os.WriteFile(from, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
			at := serveAt(t, p, far4, there)
			args := []string{from, at + "f"}
			if dir == "pull" {
				args = []string{at + "f", to}
			}
			events := 0
			told := copyFrom(t, p, func(line string) {
				if strings.Contains(line, `"event":"progress"`) && strings.Contains(line, `"total_known":true`) {
					if events++; events == 2 {
						ab, ba := model, model
						ab.NAT, ba.NAT = 2, 0
						if err := p.Set(ab, ba); err != nil {
							t.Error(err)
						}
					}
				}
			}, args...)
			if got, err := os.ReadFile(to); err != nil || string(got) != data {
				t.Errorf("%d bytes arrived, %v", len(got), err)
			}
			if events < 2 || len(transports(told)) != 1 || strings.Contains(told, `"event":"moved"`) {
				t.Errorf("%d progress events; rode %v:\n%s", events, transports(told), told)
			}
		})
	}
}
