package packetio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// ErrInUse says that a connection id is taken.
var ErrInUse = errors.New("connection id in use")

// Listener is the UDP side of a node's port.
type Listener struct {
	shared  *Conn
	o       Options
	sendMu  sync.Mutex // ports share the shared socket
	mu      sync.RWMutex
	ports   map[wire.ConnID]*Port
	peers   map[netip.AddrPort]*Port // those with sockets of their own, by whom they are for
	astray  *inbox                   // what the sockets of ports got that was not theirs
	spare   sync.Pool                // of *Messages, to look for it
	strange atomic.Uint64
	divert  atomic.Pointer[[]*taker]
	closed  atomic.Bool
	done    chan struct{}
}

// Listen opens the port. The address may be a wildcard; port 0 picks one.
func Listen(addr netip.AddrPort, o Options) (*Listener, error) {
	c, err := open(net.UDPAddrFromAddrPort(addr), netip.AddrPort{}, o)
	if err != nil {
		return nil, err
	}
	l := &Listener{
		shared: c, o: o, ports: make(map[wire.ConnID]*Port), peers: make(map[netip.AddrPort]*Port), astray: newInbox(),
		spare: sync.Pool{New: func() any { return NewMessages() }}, done: make(chan struct{}),
	}
	go l.read()
	return l, nil
}

// Addr returns the address of the shared socket.
func (l *Listener) Addr() netip.AddrPort { return l.shared.LocalAddr() }

// Strangers returns how many datagrams named no open Port.
func (l *Listener) Strangers() uint64 { return l.strange.Load() }

// taker looks at datagrams that name no open Port.
type taker struct {
	take func(netip.AddrPort, []byte) bool
}

// Divert has take look at datagrams that name no open Port, before they are
// dropped: other protocols may share the port. take says whether it took one,
// keeps no reference to it and does not wait; it is called by one goroutine. Where
// there are several, the first that takes one has it. undo ends this.
func (l *Listener) Divert(take func(from netip.AddrPort, d []byte) bool) (undo func()) {
	t := &taker{take}
	l.diverts(func(all []*taker) []*taker { return append(all, t) })
	return func() {
		l.diverts(func(all []*taker) []*taker {
			return slices.DeleteFunc(all, func(o *taker) bool { return o == t })
		})
	}
}

func (l *Listener) diverts(change func(all []*taker) []*taker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*taker
	if now := l.divert.Load(); now != nil {
		all = slices.Clone(*now)
	}
	all = change(all)
	l.divert.Store(&all)
}

func (l *Listener) diverted(from netip.AddrPort, d []byte) bool {
	all := l.divert.Load()
	if all == nil {
		return false
	}
	for _, t := range *all {
		if t.take(from, d) {
			return true
		}
	}
	return false
}

// WriteTo sends one datagram of another protocol.
func (l *Listener) WriteTo(d []byte, to netip.AddrPort) (int, error) {
	return l.shared.udp.WriteToUDPAddrPort(d, to)
}

// idle is how long the shared socket's reader waits at a time; Wake ends it.
const idle = time.Hour

func (l *Listener) read() {
	defer close(l.done)
	m := NewMessages()
	for !l.closed.Load() {
		if err := l.shared.Wait(idle); err != nil {
			return // closed
		}
		for {
			n, err := l.shared.Recv(m)
			if err != nil {
				return
			}
			if n == 0 {
				break
			}
			l.dispatch(m)
		}
		for l.astray.take(m) > 0 {
			l.dispatch(m)
		}
	}
}

// astrayMost is how many reads empty a socket that was bound a moment ago.
const astrayMost = 2 * bufferSize / (slots * slotSize)

// gather returns to the reader what a socket got between its binding and its
// connecting. The kernel takes one that is bound for as good as the shared one, or
// better, and with many sessions beginning, on a host that is late to go on, what it
// gives to it is whole handshakes of others.
func (l *Listener) gather(c *Conn) {
	m := l.spare.Get().(*Messages)
	defer l.spare.Put(m)
	found := false
	for range astrayMost {
		if n, err := c.Recv(m); err != nil || n == 0 {
			break
		}
		others, now := false, time.Now()
		for from, d := range m.All() {
			l.astray.put(from, d, now.Add(-m.Age()))
			found, others = true, others || from != c.peer
		}
		if !others {
			break // from here on it is the peer's
		}
	}
	if found {
		l.shared.Wake()
	}
}

func (l *Listener) dispatch(m *Messages) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	now := time.Now()
	for from, d := range m.All() {
		h, err := wire.ParseHeader(d)
		var p *Port
		if err == nil {
			p = l.ports[h.ConnID]
		}
		if p == nil {
			if !l.diverted(from, d) {
				l.strange.Add(1)
			}
			continue
		}
		if p.in.put(from, d, now.Add(-m.Age())) {
			p.wakeOwn()
		}
	}
}

// Open reserves a connection id.
func (l *Listener) Open(id wire.ConnID) (*Port, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return nil, fmt.Errorf("data port: %w", net.ErrClosed)
	}
	if l.ports[id] != nil {
		return nil, ErrInUse
	}
	p := &Port{id: id, l: l, in: newInbox(), timer: time.NewTimer(idle)}
	l.ports[id] = p
	return p, nil
}

// Close closes the shared socket. Open ports keep their own sockets until they
// are closed themselves.
func (l *Listener) Close() error {
	l.mu.Lock()
	again := l.closed.Swap(true)
	l.mu.Unlock()
	if again {
		return nil
	}
	err := l.shared.Close()
	<-l.done
	return err
}
