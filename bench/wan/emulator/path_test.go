//go:build linux

package emulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// orphan, in the environment, makes this program the process that
// TestPathEndsWithItsProcess kills.
const orphan = "WAN_TEST_ORPHAN"

func TestMain(m *testing.M) {
	if os.Getenv(orphan) != "" {
		p, err := New(context.Background(), Config{})
		if err == nil {
			sleep := exec.Command("sleep", "600")
			if err = p.B.Start(sleep); err == nil {
				fmt.Println(sleep.Process.Pid)
				select {}
			}
		}
		fmt.Println(err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// setup makes a path that the test's end closes.
func setup(t *testing.T, c Config) *Path {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("no TUN devices here")
	}
	p, err := New(t.Context(), c)
	if errors.Is(err, ErrNoCompiler) || errors.Is(err, os.ErrPermission) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// udp opens a UDP socket at an end.
func udp(t *testing.T, e *End, address string) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	err := e.Do(func() (err error) {
		at, err := net.ResolveUDPAddr("udp", address)
		if err != nil {
			return err
		}
		if c, err = net.ListenUDP("udp", at); err == nil {
			err = c.SetReadBuffer(4 << 20)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// arrivals reads datagrams until none has come for a while. The first may take longer:
// the machine is busy with other paths.
func arrivals(t *testing.T, c *net.UDPConn) [][]byte {
	t.Helper()
	return arrivalsAfter(t, c, 10*time.Second)
}

// nothing reports whether no datagram comes.
func nothing(t *testing.T, c *net.UDPConn) bool {
	t.Helper()
	return len(arrivalsAfter(t, c, 500*time.Millisecond)) == 0
}

func arrivalsAfter(t *testing.T, c *net.UDPConn, first time.Duration) (all [][]byte) {
	t.Helper()
	for patience := first; ; patience = 500 * time.Millisecond {
		b := make([]byte, 65536)
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b[:n])
	}
}

func send(t *testing.T, c *net.UDPConn, to string, b []byte) {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(b, at); err != nil {
		t.Fatal(err)
	}
}

func TestPathLosesTheSamePacketsForTheSameSeed(t *testing.T) {
	t.Parallel()
	const packets = 1000
	once := func(seed uint64) string {
		p := setup(t, Config{AB: Model{Loss: 0.2, Delay: time.Millisecond}, Seed: seed})
		from, to := udp(t, p.A, "10.77.0.1:0"), udp(t, p.B, "10.77.0.2:9")
		for i := range packets {
			send(t, from, "10.77.0.2:9", []byte(strconv.Itoa(i)))
		}
		var got []string
		for _, b := range arrivals(t, to) {
			got = append(got, string(b))
		}
		s := p.Stats()
		if s.AB.Sent != packets || s.AB.Lost+s.AB.Delivered != packets || int(s.AB.Delivered) != len(got) || s.Unintended() != 0 {
			t.Errorf("%d datagrams arrived; %+v", len(got), s.AB)
		}
		if share := float64(s.AB.Lost) / packets; share < 0.15 || share > 0.25 {
			t.Errorf("lost %.1f%% of packets, not about 20%%", share*100)
		}
		return strings.Join(got, " ")
	}
	first := once(1)
	if again := once(1); again != first {
		t.Errorf("the same seed lost other packets:\n%s\n%s", first, again)
	}
	if once(2) == first {
		t.Error("another seed lost the same packets")
	}
}

func TestPathLosesInBurstsOfTheLengthAsked(t *testing.T) {
	t.Parallel()
	p := setup(t, Config{AB: Model{Loss: 0.1, BurstMin: 10, BurstMax: 20}, Seed: 3})
	from, to := udp(t, p.A, "10.77.0.1:0"), udp(t, p.B, "10.77.0.2:9")
	const packets = 3000
	for i := range packets {
		send(t, from, "10.77.0.2:9", []byte(strconv.Itoa(i)))
	}
	before, bursts := -1, 0
	for _, b := range arrivals(t, to) {
		n, err := strconv.Atoi(string(b))
		if err != nil {
			t.Fatal(err)
		}
		if gap := n - before - 1; gap > 0 {
			bursts++
			if gap < 10 {
				t.Errorf("a burst of %d packets before %d", gap, n)
			}
		}
		before = n
	}
	if bursts == 0 {
		t.Error("nothing was lost")
	}
}

func TestPathBottleneckDropsWhatItsQueueCannotHold(t *testing.T) {
	t.Parallel()
	// 1,000 bytes of IP take 8 ms at 1 Mb/s: the queue holds about 50 of them.
	p := setup(t, Config{AB: Model{Rate: 1e6, Queue: 400 * time.Millisecond}})
	from, to := udp(t, p.A, "10.77.0.1:0"), udp(t, p.B, "10.77.0.2:9")
	for range 200 {
		send(t, from, "10.77.0.2:9", make([]byte, 1000-28))
	}
	got := len(arrivals(t, to))
	s := p.Stats()
	if int(s.AB.QueueDrops) != 200-got || got < 50 || got > 150 {
		t.Errorf("%d arrived: %+v", got, s.AB)
	}
}

func TestPathSplitsAndMergesUDPWithoutAChange(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, a, b string }{{"IPv4", "10.77.0.1:0", "10.77.0.2:9"}, {"IPv6", "[fd77::1]:0", "[fd77::2]:9"}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, Config{AB: Model{Delay: time.Millisecond}})
			from, to := udp(t, p.A, row.a), udp(t, p.B, row.b)
			const size, count, tail = 1400, 20, 77
			raw, err := from.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var option error
			if err := raw.Control(func(fd uintptr) { option = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size) }); err != nil || option != nil {
				t.Skip("no UDP offload here: ", err, option)
			}
			var all []byte
			for i := range count {
				all = append(all, bytes.Repeat([]byte{byte(i)}, size)...)
			}
			all = append(all, bytes.Repeat([]byte{count}, tail)...)
			send(t, from, row.b, all)
			got := arrivals(t, to)
			if len(got) != count+1 {
				t.Fatalf("%d datagrams, not %d", len(got), count+1)
			}
			for i, b := range got {
				want := size
				if i == count {
					want = tail
				}
				if len(b) != want || b[0] != byte(i) || b[len(b)-1] != byte(i) {
					t.Errorf("datagram %d: %d bytes, of %d", i, len(b), b[0])
				}
			}
			if s := p.Stats(); s.AB.Sent != count+1 || s.AB.Writes >= count {
				t.Errorf("the wire carried %d packets in %d writes", s.AB.Sent, s.AB.Writes)
			}
		})
	}
}

func TestPathCarriesTCPUnharmedThroughLossAndReordering(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"10.77.0.2:9", "[fd77::2]:9"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			bad := Model{Delay: time.Millisecond, Loss: 0.01, Jitter: time.Millisecond, Reorder: 0.1}
			p := setup(t, Config{AB: bad, BA: bad, Seed: 5, TCP: "reno"})
			var listener net.Listener
			var from net.Conn
			if err := p.B.Do(func() (err error) { listener, err = net.Listen("tcp", at); return err }); err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			hash := make(chan [32]byte, 1)
			go func() {
				h := sha256.New()
				if c, err := listener.Accept(); err == nil {
					_, _ = io.Copy(h, c) // what is missing shows in the hash
					c.Close()
				}
				hash <- [32]byte(h.Sum(nil))
			}()
			if err := p.A.Do(func() (err error) { from, err = net.DialTimeout("tcp", at, 10*time.Second); return err }); err != nil {
				t.Fatal(err)
			}
			text := make([]byte, 4<<20)
			_, _ = rand.NewChaCha8([32]byte{}).Read(text) // never fails
			if _, err := from.Write(text); err != nil {
				t.Fatal(err)
			}
			from.Close()
			if <-hash != sha256.Sum256(text) {
				t.Error("other bytes arrived")
			}
			if s := p.Stats(); s.AB.Lost == 0 || s.Unintended() != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestPathFirewallDropsUDPAndLetsTCPThrough(t *testing.T) {
	t.Parallel()
	p := setup(t, Config{AB: Model{BlockUDP: true}, BA: Model{}})
	from, to := udp(t, p.A, "10.77.0.1:0"), udp(t, p.B, "10.77.0.2:9")
	send(t, from, "10.77.0.2:9", []byte("x"))
	send(t, to, from.LocalAddr().String(), []byte("y"))
	if !nothing(t, to) {
		t.Error("datagrams passed the firewall")
	}
	if got := arrivals(t, from); len(got) != 1 {
		t.Errorf("%d datagrams came the open way", len(got))
	}
	var listener net.Listener
	if err := p.B.Do(func() (err error) { listener, err = net.Listen("tcp", "10.77.0.2:9"); return err }); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	err := p.A.Do(func() error {
		c, err := net.DialTimeout("tcp", "10.77.0.2:9", 10*time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
	if err != nil {
		t.Error("TCP: ", err)
	}
}

func TestPathRouterThatRestartsForgetsItsMappings(t *testing.T) {
	t.Parallel()
	p := setup(t, Config{AB: Model{NAT: 100}})
	from, to := udp(t, p.A, "10.77.0.1:5000"), udp(t, p.B, "10.77.0.2:9")
	outside := func() *net.UDPAddr {
		send(t, from, "10.77.0.2:9", []byte("x"))
		if err := to.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, at, err := to.ReadFromUDP(make([]byte, 10))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := outside()
	send(t, to, first.String(), []byte("answer"))
	if got := arrivals(t, from); len(got) != 1 || first.Port == 5000 {
		t.Errorf("%d answers to %v", len(got), first)
	}
	if err := p.Set(Model{NAT: 200}, Model{}); err != nil {
		t.Fatal(err)
	}
	second := outside()
	if second.Port == first.Port {
		t.Errorf("the port stayed %d", first.Port)
	}
	send(t, to, first.String(), []byte("late"))
	send(t, to, second.String(), []byte("new"))
	if got := arrivals(t, from); len(got) != 1 || string(got[0]) != "new" {
		t.Errorf("after the restart: %q", got)
	}
}

func TestPathSwallowsLargePacketsAndChangesWhileItRuns(t *testing.T) {
	t.Parallel()
	p := setup(t, Config{AB: Model{PMTU: 1000}})
	from, to := udp(t, p.A, "10.77.0.1:0"), udp(t, p.B, "10.77.0.2:9")
	send(t, from, "10.77.0.2:9", make([]byte, 973))
	send(t, from, "10.77.0.2:9", make([]byte, 972))
	if got := arrivals(t, to); len(got) != 1 || len(got[0]) != 972 {
		t.Errorf("%d arrived", len(got))
	}
	if err := SetAt(p.Control(), Model{}, Model{}); err != nil {
		t.Fatal(err)
	}
	send(t, from, "10.77.0.2:9", make([]byte, 973))
	if got := arrivals(t, to); len(got) != 1 {
		t.Errorf("%d arrived after the change", len(got))
	}
}

// TestEachFlowHasAPolicerOfItsOwn: 20 datagrams of 1,000 bytes meet a bucket that
// holds five and fills by one a second.
func TestEachFlowHasAPolicerOfItsOwn(t *testing.T) {
	t.Parallel()
	m := Model{PoliceEach: 8 * 1048, Bucket: 5 * 1048}
	p := setup(t, Config{AB: m, BA: m})
	to := udp(t, p.B, "10.77.0.2:9")
	to6 := udp(t, p.B, "[fd77::2]:9")
	for _, c := range []struct {
		from *net.UDPConn
		to   *net.UDPConn
		at   string
	}{
		{udp(t, p.A, "10.77.0.1:1000"), to, "10.77.0.2:9"}, {udp(t, p.A, "10.77.0.1:1001"), to, "10.77.0.2:9"},
		{udp(t, p.A, "[fd77::1]:1000"), to6, "[fd77::2]:9"},
	} {
		for range 20 {
			send(t, c.from, c.at, make([]byte, 1000))
		}
		if got := len(arrivals(t, c.to)); got < 5 || got > 6 {
			t.Errorf("%d datagrams of a flow passed, not 5", got)
		}
	}
	if s := p.Stats(); s.AB.PoliceDrops < 42 || s.Unintended() != 0 {
		t.Errorf("%+v", s)
	}
}

func TestPathEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	setup(t, Config{}) // skips where there can be none
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), orphan+"=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	watch, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if err := c.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed, as meant
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(watch), Events: unix.POLLIN}}, 20_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 {
			t.Fatalf("process %d outlived its path: %v", pid, err)
		}
		return
	}
}

func TestModelsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, m := range []Model{{Loss: 1.5}, {Loss: -1}, {Rate: -1}, {Delay: -1}, {BurstMax: 5}, {BurstMin: 9, BurstMax: 5}, {Police: 1e6}, {PoliceEach: 1e6}, {PoliceEach: -1}, {Reorder: 2}, {Corrupt: 2}} {
		if err := m.check(); err == nil {
			t.Errorf("accepted: %+v", m)
		}
	}
}
