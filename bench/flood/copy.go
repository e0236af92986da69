//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/transfer"
)

// longest is how long one run may take.
const longest = 2 * time.Minute

type bench struct {
	godwit, dir, rate string
	bytes             int64
}

func (b *bench) at(name string) string { return filepath.Join(b.dir, name) }

// figures are what one run gave.
type figures struct {
	mbps   float64
	memory float64 // MiB, the server's peak
	flood  float64 // datagrams/s
}

// copy runs one copy under a flood, and holds it against the file.
func (b *bench) copy(ctx context.Context, kind string) (x figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	server := exec.CommandContext(ctx, b.godwit, "serve", "--write", "--quiet", "--listen", "127.0.0.1:0", b.at("served"))
	said, err := server.StdoutPipe()
	if err != nil {
		return x, err
	}
	if err := server.Start(); err != nil {
		return x, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		return x, fmt.Errorf("godwit serve: %w", err)
	}
	address := strings.TrimSpace(line)
	to, err := netip.ParseAddrPort(strings.TrimSuffix(after(address, "@"), "/"))
	if err != nil {
		return x, err
	}
	var a *attack
	if kind != "none" {
		a = launch(ctx, kind, to)
	}
	var printed bytes.Buffer
	client := exec.CommandContext(ctx, b.godwit, "cp", "--json", "--overwrite", "always", "--rate", b.rate, b.at("file"), address)
	client.Stdout, client.Stderr = &printed, &printed
	err = client.Run()
	if a != nil {
		var failed error
		x.flood, failed = a.end()
		err = errors.Join(err, failed) // a flood that did not flow proves nothing
	}
	if err != nil {
		return x, fmt.Errorf("%w\n%s", err, printed.String()[max(0, printed.Len()-500):])
	}
	lines := bytes.Split(bytes.TrimSpace(printed.Bytes()), []byte("\n"))
	var last struct{ Result transfer.Result }
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
		return x, err
	}
	peak, err := peakMemory(server.Process.Pid)
	if err != nil {
		return x, err
	}
	x.mbps, x.memory = float64(b.bytes)*8/1e6/last.Result.Duration.Seconds(), float64(peak)/(1<<20)
	return x, b.same()
}

// attack floods in a process of its own from when a session is heard.
type attack struct {
	stop context.CancelFunc
	done chan struct{}
	rate float64
	err  error
}

func launch(ctx context.Context, kind string, to netip.AddrPort) *attack {
	ctx, stop := context.WithCancel(ctx)
	a := &attack{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.rate, a.err = a.run(ctx, kind, to)
	}()
	return a
}

// end stops the flood and tells how many datagrams left each second.
func (a *attack) end() (perSecond float64, err error) {
	a.stop()
	<-a.done
	return a.rate, a.err
}

func (a *attack) run(ctx context.Context, kind string, to netip.AddrPort) (float64, error) {
	client, header, err := overhear(ctx, int(to.Port()))
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	c := exec.CommandContext(ctx, self, "send", kind, to.String(), client.String(), fmt.Sprintf("%x", header))
	c.Env, c.Stderr = append(os.Environ(), "GOMAXPROCS=1"), os.Stderr
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	out, err := c.Output()
	if text := strings.TrimSpace(string(out)); text != "" { // it ended as told to
		return strconv.ParseFloat(text, 64)
	}
	return 0, fmt.Errorf("the flood ended by itself: %w", errors.Join(err, ctx.Err()))
}

// peakMemory is the most that a process ever had in memory, bytes.
func peakMemory(pid int) (int64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	var kib int64
	if _, err := fmt.Sscanf(after(string(b), "VmHWM:"), "%d kB", &kib); err != nil {
		return 0, fmt.Errorf("memory of %d: %w", pid, err)
	}
	return kib << 10, nil
}

func after(s, mark string) string { return s[strings.LastIndex(s, mark)+len(mark):] }
