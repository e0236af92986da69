//go:build !linux

package packetio

import (
	"net"
	"syscall"
	"time"
)

type sysMessages struct{}

func newEngine(udp *net.UDPConn, _ bool, _ Options) (engine, error) { return newPlain(udp), nil }

func control(bool) func(network, address string, c syscall.RawConn) error { return nil }

// shares says whether a socket can be bound to a port that another one has.
const shares = false

func growBuffers(udp *net.UDPConn) {
	// Best effort: a smaller buffer costs speed, not correctness.
	_ = udp.SetReadBuffer(bufferSize)
	_ = udp.SetWriteBuffer(bufferSize)
}

func share(*net.UDPConn) {}

func sleep(d time.Duration) { time.Sleep(d) }

// Pin does nothing here; see the Linux version.
func Pin() (unpin func()) { return func() {} }
