package transfer

import (
	"context"
	"net"
	"sync"
	"time"
)

// lateConn is a control connection that is still on its way: a session that began
// over QUIC has none yet. Until attach, writing and reading wait; a write deadline
// that passes, or fail, ends it for good.
type lateConn struct {
	peer net.Addr

	open    context.Context // ends with Close or fail
	end     context.CancelFunc
	arrived chan struct{} // closed by attach and fail

	mu      sync.Mutex
	conn    net.Conn // set by attach
	err     error    // set by fail
	timer   *time.Timer
	by      time.Time // when timer fires
	writeBy time.Time
}

var _ net.Conn = (*lateConn)(nil)

// newLateConn waits until within has passed; why is then the error.
func newLateConn(peer net.Addr, within time.Duration, why error) *lateConn {
	c := &lateConn{peer: peer, arrived: make(chan struct{}), by: time.Now().Add(within)}
	c.open, c.end = context.WithCancel(context.Background())
	c.mu.Lock() // the timer may be as good as over
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(within, func() { c.fail(why) })
	return c
}

// attach makes conn the one; false: another is, or it is too late.
func (c *lateConn) attach(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil || c.err != nil {
		return false
	}
	c.timer.Stop()
	c.conn = conn
	_ = conn.SetDeadline(c.writeBy)
	_ = conn.SetReadDeadline(time.Now().Add(DeadPeer)) // the silence until now was nobody's
	close(c.arrived)
	return true
}

// fail says that none will come; without effect once one has.
func (c *lateConn) fail(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil || c.err != nil {
		return
	}
	c.timer.Stop()
	c.err = why
	close(c.arrived)
	c.end()
}

// attached reports whether a connection has come.
func (c *lateConn) attached() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn != nil
}

func (c *lateConn) wait() (net.Conn, error) {
	<-c.arrived
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn, c.err
}

// Read waits for the connection.
func (c *lateConn) Read(b []byte) (int, error) {
	conn, err := c.wait()
	if err != nil {
		return 0, err
	}
	return conn.Read(b)
}

// Write waits for the connection.
func (c *lateConn) Write(b []byte) (int, error) {
	conn, err := c.wait()
	if err != nil {
		return 0, err
	}
	return conn.Write(b)
}

// Close closes the connection, or does without it.
func (c *lateConn) Close() error {
	c.fail(net.ErrClosed)
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn.Close()
	}
	return nil
}

// LocalAddr is nil until the connection has come.
func (c *lateConn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn.LocalAddr()
	}
	return nil
}

// RemoteAddr is that of the handshake over QUIC.
func (c *lateConn) RemoteAddr() net.Addr { return c.peer }

// SetReadDeadline has no effect until the connection has come: that has a limit of
// its own.
func (c *lateConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline holds at once: who does not wait any longer for a write is
// done with a connection that has not come.
func (c *lateConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn.SetWriteDeadline(t)
	}
	c.writeBy = t
	if !t.IsZero() && t.Before(c.by) && c.err == nil {
		c.by = t
		c.timer.Reset(time.Until(t))
	}
	return nil
}

// SetDeadline is both.
func (c *lateConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}
