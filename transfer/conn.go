package transfer

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/mirror"
)

// maxUnsent bounds control frames that the peer does not take: a peer that
// reads nothing while it makes this end write is given up.
const maxUnsent = 64 << 20

// controlConn is one end of a control connection. Sending never blocks; a
// goroutine of its own writes. Reading is for one goroutine.
//
// Data may ride along: see streamSender. Frames go first, data fill the gaps.
type controlConn struct {
	conn net.Conn
	read patientReader
	buf  *bufio.Reader
	in   *control.Reader
	// mirror has a copy of the frames, for datagrams to take along.
	mirror *mirror.Stream

	mu      sync.Mutex
	wake    sync.Cond
	out     []byte
	closing bool // write what is queued, then close
	dead    bool
	source  func(dst []byte) ([]byte, time.Duration) // appends frames of data; see carry
	fetch   bool                                     // the source may have something
	done    chan struct{}                            // closed when the writer has ended
}

// patientReader gives up after a silence, not after a time in which little
// came.
type patientReader struct {
	conn     net.Conn
	patience time.Duration
	excused  func() bool // the silence, because the peer is heard elsewhere; nil: never
}

func (r *patientReader) Read(b []byte) (int, error) {
	for {
		if err := r.conn.SetReadDeadline(time.Now().Add(r.patience)); err != nil {
			return 0, err
		}
		n, err := r.conn.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || r.excused == nil || !r.excused() {
			return n, err
		}
	}
}

func newControlConn(conn net.Conn) *controlConn {
	c := &controlConn{conn: conn, read: patientReader{conn: conn, patience: DeadPeer}, mirror: new(mirror.Stream), done: make(chan struct{})}
	c.buf = bufio.NewReaderSize(&c.read, 64<<10)
	c.in = control.NewReader(c.buf)
	c.wake.L = &c.mu
	go c.write()
	return c
}

// next reads one frame; silence of DeadPeer is an error.
func (c *controlConn) next() (control.Type, []byte, error) { return c.nextWithin(DeadPeer) }

func (c *controlConn) nextWithin(d time.Duration) (control.Type, []byte, error) {
	c.read.patience = d
	return c.in.Next()
}

// idle reports whether all that has arrived was read: the next frame is still
// on its way. For the reading goroutine.
func (c *controlConn) idle() bool { return c.buf.Buffered() == 0 }

// carry makes the writer send what source appends, whenever no frame waits. It
// is called without locks of this connection held; when it appends nothing, it
// says after which time it may have something, 0: not before kick.
func (c *controlConn) carry(source func(dst []byte) ([]byte, time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source = source
	c.fetch = source != nil
	c.wake.Broadcast()
}

// kick says that the source has something again.
func (c *controlConn) kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source != nil {
		c.fetch = true
		c.wake.Broadcast()
	}
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
		c.queue(t, body)
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
	c.queue(t, body)
	c.wake.Broadcast()
}

// queue is under the lock.
func (c *controlConn) queue(t control.Type, body []byte) {
	n := len(c.out)
	c.out = control.Append(c.out, t, body)
	if mirror.Carries(t) {
		c.mirror.Write(c.out[n:])
	}
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
		if mirror.Carries(t) {
			c.mirror.Write(frame)
		}
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

// attached reports whether the connection is there: one of a session that began over
// QUIC may not have come yet.
func (c *controlConn) attached() bool {
	l, _ := c.conn.(*link)
	return l == nil || l.quick == nil || l.quick.late.attached()
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

// writeMost is what one Write takes: its deadline is for a line that moves at
// least so much in DeadPeer.
const writeMost = 32 << 10

func (c *controlConn) write() {
	defer close(c.done)
	defer c.conn.Close()
	beat := time.AfterFunc(DeadPeer/4, c.ping)
	defer beat.Stop()
	later := time.AfterFunc(time.Hour, c.kick)
	defer later.Stop()
	var spare []byte
	for {
		c.mu.Lock()
		for len(c.out) == 0 && !c.closing && !c.dead && !c.fetch {
			c.wake.Wait()
		}
		if c.dead || len(c.out) == 0 && c.closing {
			c.mu.Unlock()
			return
		}
		frames := c.out
		c.out = spare[:0]
		c.wake.Broadcast() // whoever waits in sendBulk
		closing, source := c.closing, c.source
		fetch := c.fetch && !closing
		c.fetch = false
		c.mu.Unlock()
		if fetch && source != nil {
			frames = c.load(frames, source, later)
		}
		if !c.put(frames, closing) {
			return
		}
		if len(frames) > 0 {
			beat.Reset(DeadPeer / 4)
		}
		spare = frames
		if cap(spare) > 1<<20 {
			spare = nil
		}
	}
}

// load appends data, and arranges for being called again.
func (c *controlConn) load(frames []byte, source func([]byte) ([]byte, time.Duration), later *time.Timer) []byte {
	n := len(frames)
	frames, wait := source(frames)
	if len(frames) > n {
		c.kick()
	} else if wait > 0 {
		later.Reset(wait)
	}
	return frames
}

// put writes it all, in pieces; false: the connection is dead.
func (c *controlConn) put(frames []byte, closing bool) bool {
	patience := DeadPeer
	if closing {
		patience = time.Second
	}
	for len(frames) > 0 {
		n := min(len(frames), writeMost)
		_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
		if _, err := c.conn.Write(frames[:n]); err != nil {
			c.mu.Lock()
			c.dead = true
			c.wake.Broadcast()
			c.mu.Unlock()
			return false
		}
		frames = frames[n:]
	}
	return true
}

// ping queues a sign of life; the write of it arms the next one.
func (c *controlConn) ping() { c.send(control.TypePing, nil) }
