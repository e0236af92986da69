package packetio

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// plain sends and receives datagram by datagram, with nothing but package net.
// A goroutine reads ahead into an inbox.
type plain struct {
	udp    *net.UDPConn
	in     *inbox
	timer  *time.Timer
	failed atomic.Pointer[error]
	done   chan struct{}
}

func newPlain(udp *net.UDPConn) *plain {
	p := &plain{udp: udp, in: newInbox(), timer: time.NewTimer(time.Hour), done: make(chan struct{})}
	go p.read()
	return p
}

func (p *plain) read() {
	defer close(p.done)
	buf := make([]byte, wire.MaxDatagram)
	for {
		n, from, err := p.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if passing(err) {
				continue
			}
			p.failed.Store(&err)
			p.in.notify()
			return
		}
		p.in.put(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buf[:n], time.Now())
	}
}

func (p *plain) control(f func(fd uintptr)) error {
	raw, err := p.udp.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(f)
}

func (p *plain) send(b *wire.Batch, to netip.AddrPort) error {
	return sendEach(p.udp, b, to)
}

func sendEach(udp *net.UDPConn, b *wire.Batch, to netip.AddrPort) error {
	var first error
	for d := range b.All() {
		var err error
		if to.IsValid() {
			_, err = udp.WriteToUDPAddrPort(d, to)
		} else {
			_, err = udp.Write(d)
		}
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (p *plain) recv(m *Messages) (int, error) {
	if n := p.in.take(m); n > 0 {
		return n, nil
	}
	if err := p.failed.Load(); err != nil {
		return 0, *err
	}
	return 0, nil
}

func (p *plain) wait(d time.Duration) error {
	if !p.in.empty() {
		return nil
	}
	p.timer.Reset(d)
	select {
	case <-p.in.signal:
		if err := p.failed.Load(); err != nil {
			return *err
		}
	case <-p.timer.C:
	}
	return nil
}

// rest returns at once: a goroutine reads ahead already.
func (p *plain) rest(time.Duration) {}

func (p *plain) buffer() int { return 0 }

func (p *plain) wake() { p.in.notify() }

func (p *plain) close() error {
	err := p.udp.Close()
	<-p.done
	p.timer.Stop()
	return err
}
