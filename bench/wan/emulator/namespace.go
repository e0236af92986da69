//go:build linux

package emulator

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// End is one end of a path: a network namespace with an address. Its methods
// may be called by several goroutines.
type End struct {
	Name string // "a" or "b"
	IP   string // its IPv4 address, the same in each path: 10.77.0.1 and 10.77.0.2
	IP6  string // fd77::1 and fd77::2

	file  *os.File // the namespace
	inode string   // the same as /proc names it
	calls chan func()
}

// newEnd makes a namespace and a thread of the process that stays in it.
func newEnd(name, ip, ip6 string) (*End, error) {
	e := &End{Name: name, IP: ip, IP6: ip6, calls: make(chan func())}
	made := make(chan error)
	go func() {
		// Never unlocked: the thread dies with the goroutine, because nothing
		// else may run in this namespace.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- fmt.Errorf("network namespace (this needs root): %w", err)
			return
		}
		name := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
		file, err := os.Open(name)
		e.file = file
		if err == nil {
			e.inode, err = os.Readlink(name)
		}
		made <- err
		if err != nil {
			return
		}
		for call := range e.calls {
			call()
		}
	}()
	if err := <-made; err != nil {
		return nil, err
	}
	return e, nil
}

// Do runs f on a thread inside the end's namespace. Sockets that f opens belong
// to the end for good, wherever they are used; goroutines that f starts do not
// run there.
func (e *End) Do(f func() error) error {
	done := make(chan error, 1)
	e.calls <- func() { done <- f() }
	return <-done
}

// Start starts a command inside the end.
func (e *End) Start(c *exec.Cmd) error {
	return e.Do(c.Start)
}

// Run runs a command inside the end to its end.
func (e *End) Run(c *exec.Cmd) error {
	if err := e.Start(c); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs a command inside the end and gives what it printed, errors included.
func (e *End) Output(c *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	err := e.Run(c)
	return said.Bytes(), err
}

// Path is a file name under which other processes can enter the end, as
// nsenter --net=PATH does, while this process lives.
func (e *End) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), e.file.Fd()) }

// ip runs lines of ip's batch language inside the end.
func (e *End) ip(ctx context.Context, lines ...string) error {
	c := exec.CommandContext(ctx, "ip", "-batch", "-")
	c.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if said, err := e.Output(c); err != nil {
		return fmt.Errorf("ip in end %s: %w: %s", e.Name, err, bytes.TrimSpace(said))
	}
	return nil
}

// close lets the namespace go; the kernel frees it when no process is left in it.
func (e *End) close() {
	close(e.calls)
	e.file.Close()
}
