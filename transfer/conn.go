package transfer

import (
	"bufio"
	"net"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
)

// maxUnsent bounds control frames that the peer does not take: a peer that
// reads nothing while it makes this end write is given up.
const maxUnsent = 64 << 20

// controlConn is one end of a control connection. Sending never blocks; a
// goroutine of its own writes. Reading is for one goroutine.
type controlConn struct {
	conn net.Conn
	in   *control.Reader

	mu      sync.Mutex
	wake    sync.Cond
	out     []byte
	closing bool // write what is queued, then close
	dead    bool
	done    chan struct{} // closed when the writer has ended
}

func newControlConn(conn net.Conn) *controlConn {
	c := &controlConn{conn: conn, in: control.NewReader(bufio.NewReaderSize(conn, 64<<10)), done: make(chan struct{})}
	c.wake.L = &c.mu
	go c.write()
	return c
}

// next reads one frame; silence of DeadPeer is an error.
func (c *controlConn) next() (control.Type, []byte, error) { return c.nextWithin(DeadPeer) }

func (c *controlConn) nextWithin(d time.Duration) (control.Type, []byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return 0, nil, err
	}
	return c.in.Next()
}

// send queues a frame.
func (c *controlConn) send(t control.Type, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || c.closing {
		return
	}
	if len(c.out) > maxUnsent {
		c.dead = true
		c.conn.Close()
	} else {
		c.out = control.Append(c.out, t, body)
	}
	c.wake.Broadcast()
}

// bulk is what sendBulk lets wait.
const bulk = 1 << 20

// sendBulk is send for what is long: it waits until less is queued.
func (c *controlConn) sendBulk(t control.Type, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > bulk && !c.dead && !c.closing {
		c.wake.Wait()
	}
	if c.dead || c.closing {
		return
	}
	c.out = control.Append(c.out, t, body)
	c.wake.Broadcast()
}

// sendJSON queues a frame; v must marshal to less than control.MaxBody.
func (c *controlConn) sendJSON(t control.Type, v any) error {
	frame, err := control.AppendJSON(nil, t, v)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead && !c.closing {
		c.out = append(c.out, frame...)
		c.wake.Broadcast()
	}
	return nil
}

// close writes what is queued, for at most a second, closes the connection
// and returns when that is done.
func (c *controlConn) close() {
	c.mu.Lock()
	c.closing = true
	c.wake.Broadcast()
	c.mu.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	<-c.done
}

// abort closes the connection at once.
func (c *controlConn) abort() {
	c.mu.Lock()
	c.dead = true
	c.wake.Broadcast()
	c.mu.Unlock()
	c.conn.Close()
	<-c.done
}

func (c *controlConn) write() {
	defer close(c.done)
	defer c.conn.Close()
	beat := time.AfterFunc(DeadPeer/4, c.ping)
	defer beat.Stop()
	var spare []byte
	for {
		c.mu.Lock()
		for len(c.out) == 0 && !c.closing && !c.dead {
			c.wake.Wait()
		}
		if c.dead || len(c.out) == 0 {
			c.mu.Unlock()
			return
		}
		frames := c.out
		c.out = spare[:0]
		c.wake.Broadcast() // whoever waits in sendBulk
		closing := c.closing
		c.mu.Unlock()
		patience := DeadPeer
		if closing {
			patience = time.Second
		}
		_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
		if _, err := c.conn.Write(frames); err != nil {
			c.mu.Lock()
			c.dead = true
			c.wake.Broadcast()
			c.mu.Unlock()
			return
		}
		beat.Reset(DeadPeer / 4)
		spare = frames
		if cap(spare) > 1<<20 {
			spare = nil
		}
	}
}

// ping queues a sign of life; the write of it arms the next one.
func (c *controlConn) ping() { c.send(control.TypePing, nil) }
