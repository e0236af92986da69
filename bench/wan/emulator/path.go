//go:build linux

package emulator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Config is a path to make.
type Config struct {
	AB, BA Model
	Seed   uint64
	MTU    int           // of both devices; 0: 1500
	TCP    string        // congestion control of TCP at both ends, as the kernel names it; empty: the machine's
	Grain  time.Duration // packets that leave within it are merged; 0: 250 µs
}

// Path is a running link between two ends.
type Path struct {
	A, B *End

	page    *page
	relay   *exec.Cmd
	gone    chan struct{} // closed when the relay has ended
	closing sync.Once
}

const device = "wan0"

// New makes a path; Close ends it.
func New(ctx context.Context, c Config) (_ *Path, err error) {
	for _, m := range []Model{c.AB, c.BA} {
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	program, err := relay(ctx)
	if err != nil {
		return nil, err
	}
	p := &Path{gone: make(chan struct{})}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if p.page, err = newPage(); err != nil {
		return nil, err
	}
	p.page.model(0, c.AB)
	p.page.model(1, c.BA)
	p.page.store(pageModel+modelSeed, c.Seed)
	p.page.store(pageModel+modelWords+modelSeed, c.Seed+1<<63)
	p.page.store(pageGrain, uint64(orElse(c.Grain, 250*time.Microsecond)))

	if p.A, err = newEnd("a", "10.77.0.1", "fd77::1"); err != nil {
		return nil, err
	}
	if p.B, err = newEnd("b", "10.77.0.2", "fd77::2"); err != nil {
		return nil, err
	}
	var devices []*os.File
	defer func() {
		for _, d := range devices {
			d.Close()
		}
	}()
	for _, e := range []*End{p.A, p.B} {
		tun, err := e.device(ctx, orElse(c.MTU, 1500), c.TCP)
		if err != nil {
			return nil, err
		}
		devices = append(devices, tun)
	}

	p.relay = exec.Command(program, "3", "4", "5", p.A.inode, p.B.inode) //nolint:noctx // Close ends it, after the context too
	p.relay.ExtraFiles = []*os.File{devices[0], devices[1], p.page.file}
	p.relay.Stderr = os.Stderr
	// The relay hears of the death of the thread that starts it, and that thread
	// is the end's, which lives as long as the path does.
	p.relay.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := p.A.Start(p.relay); err != nil {
		p.relay = nil
		return nil, fmt.Errorf("start the data path: %w", err)
	}
	go func() {
		_ = p.relay.Wait() // its own words are on stderr
		close(p.gone)
	}()
	for p.page.load(pageReady) == 0 {
		select {
		case <-p.gone:
			return nil, fmt.Errorf("the data path ended at once")
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return p, nil
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// device makes the end's TUN device with its addresses and routes.
func (e *End) device(ctx context.Context, mtu int, tcp string) (*os.File, error) {
	var tun *os.File
	err := e.Do(func() error {
		// By the system call: os.OpenFile would hand a descriptor that cannot
		// be polled yet to the runtime's poller.
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		tun = os.NewFile(uintptr(fd), "tun")
		request, err := unix.NewIfreq(device)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return err
		}
		const offload = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_USO4 | unix.TUN_F_USO6
		return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offload)
	})
	if err != nil {
		if tun != nil {
			tun.Close()
		}
		return nil, fmt.Errorf("TUN device of end %s: %w", e.Name, err)
	}
	control := ""
	if tcp != "" {
		control = " congctl " + tcp
	}
	err = e.ip(ctx,
		"link set lo up",
		fmt.Sprintf("link set %s mtu %d txqueuelen 50000 up", device, mtu),
		fmt.Sprintf("addr add %s/24 dev %s", e.IP, device),
		fmt.Sprintf("addr add %s/64 dev %s nodad noprefixroute", e.IP6, device),
		fmt.Sprintf("route replace 10.77.0.0/24 dev %s src %s%s", device, e.IP, control),
		fmt.Sprintf("route replace fd77::/64 dev %s%s", device, control),
	)
	if err == nil {
		// Of this namespace alone: windows for 500 ms at 1 Gb/s, and no memory
		// of what an earlier connection met.
		err = e.Do(func() error {
			return sysctls(map[string]string{"net/ipv4/tcp_rmem": "4096 1048576 268435456", "net/ipv4/tcp_wmem": "4096 1048576 268435456", "net/ipv4/tcp_no_metrics_save": "1"})
		})
	}
	if err != nil {
		tun.Close()
		return nil, err
	}
	return tun, nil
}

// sysctls sets kernel values in the namespace of the calling thread.
func sysctls(values map[string]string) error {
	for name, value := range values {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
			return fmt.Errorf("sysctl %s: %w", name, err)
		}
	}
	return nil
}

// Set changes the models while the path runs; packets under way keep their fate.
func (p *Path) Set(ab, ba Model) error { return p.page.set(ab, ba) }

func (p *page) set(ab, ba Model) error {
	for i, m := range []Model{ab, ba} {
		if err := m.check(); err != nil {
			return err
		}
		p.model(i, m)
	}
	return nil
}

// Control is a file name under which SetAt, in any process of this machine,
// changes the path while this process lives.
func (p *Path) Control() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), p.page.file.Fd())
}

// SetAt changes the models of a running path that another process made.
func SetAt(control string, ab, ba Model) error {
	file, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("control of the path: %w", err)
	}
	p, err := mapPage(file)
	if err != nil {
		file.Close()
		return err
	}
	defer p.close()
	return p.set(ab, ba)
}

// Stats is the path's state now.
func (p *Path) Stats() Stats {
	s := Stats{
		AB: p.page.flow(0), BA: p.page.flow(1),
		StallMax: time.Duration(p.page.load(pageStallMax)), Wakeups: p.page.load(pageWakeups), CPU: time.Duration(p.page.load(pageCPU)),
	}
	if k := p.page.load(pageScheduler); k < uint64(len(schedulers)) {
		s.Scheduler = schedulers[k]
	}
	for _, e := range []struct {
		end     *End
		out, in *Flow
		overrun *uint64
	}{{p.A, &s.AB, &s.BA, &s.SocketDropsA}, {p.B, &s.BA, &s.AB, &s.SocketDropsB}} {
		_ = e.end.Do(func() error { // a counter that cannot be read stays 0
			e.out.Unintended += deviceCounter(11)
			e.in.Unintended += deviceCounter(3)
			*e.overrun = bufferOverruns()
			return nil
		})
	}
	return s
}

// deviceCounter reads a drop counter of the device from /proc/net/dev of the
// calling thread's namespace.
func deviceCounter(column int) uint64 {
	text, err := os.ReadFile("/proc/thread-self/net/dev")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		name, rest, found := strings.Cut(strings.TrimSpace(line), ":")
		if fields := strings.Fields(rest); found && name == device && len(fields) > column {
			n, _ := strconv.ParseUint(fields[column], 10, 64) // 0 as good as anything
			return n
		}
	}
	return 0
}

// bufferOverruns is how many datagrams sockets of the calling thread's
// namespace had no room for.
func bufferOverruns() uint64 {
	var all uint64
	if text, err := os.ReadFile("/proc/thread-self/net/snmp"); err == nil {
		var names []string
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) == 0 || fields[0] != "Udp:" {
				continue
			}
			if names == nil {
				names = fields
				continue
			}
			for i, name := range names {
				if name == "RcvbufErrors" && i < len(fields) {
					n, _ := strconv.ParseUint(fields[i], 10, 64) // 0 as good as anything
					all += n
				}
			}
		}
	}
	if text, err := os.ReadFile("/proc/thread-self/net/snmp6"); err == nil {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "Udp6RcvbufErrors" {
				n, _ := strconv.ParseUint(fields[1], 10, 64) // 0 as good as anything
				all += n
			}
		}
	}
	return all
}

// Close ends the link and every process that is left at its ends.
func (p *Path) Close() {
	p.closing.Do(func() {
		if p.relay != nil {
			_ = p.relay.Process.Signal(syscall.SIGTERM) // gone is as good
			<-p.gone
		}
		for _, e := range []*End{p.A, p.B} {
			if e != nil {
				e.close()
			}
		}
		if p.page != nil {
			p.page.close()
		}
	})
}

// Crossed is how many bytes of IP packets have come from end a to end b.
func (p *Path) Crossed() uint64 { return p.page.load(pageCounts + countDeliveredBytes) }

// CrossedBack is how many have come from end b to end a.
func (p *Path) CrossedBack() uint64 {
	return p.page.load(pageCounts + countWords + countDeliveredBytes)
}

// Share is what one kind of packets did in one direction, bytes of IP packets.
type Share struct {
	Sent    uint64 // that came to the bottleneck
	Crossed uint64 // that came out at the other end
}

// Kinds tells UDP, from end a to end b, from all else.
func (p *Path) Kinds() (udp, others Share) {
	udp = Share{p.page.load(pageCounts + countSentUDP), p.page.load(pageCounts + countDeliveredUDP)}
	all := Share{p.page.load(pageCounts + countSentBytes), p.page.load(pageCounts + countDeliveredBytes)}
	// Read one after the other while the relay counts: the sum may be a packet ahead.
	return udp, Share{all.Sent - min(udp.Sent, all.Sent), all.Crossed - min(udp.Crossed, all.Crossed)}
}
