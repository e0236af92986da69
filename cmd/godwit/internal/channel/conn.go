// Package channel carries a session over ssh: the client starts its user's own
// ssh, which starts godwit serve --stdio on the far machine, and the two speak
// over the standard streams in between.
//
// The far side speaks first, in one line:
//
//	GODWIT/1 {"secret":"…","udp":"192.0.2.7:40123"}
//
// ssh has authenticated both and encrypts the stream, so the secret in it is
// good for authenticating datagrams, which go directly where they get through.
// What login scripts print before that line is skipped. Paths travel in the
// protocol: none is ever on the command line of ssh, where a shell would read
// it.
package channel

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// conn is a pair of files as one connection. Files that know no deadlines
// block for as long as it takes.
type conn struct {
	in, out *os.File
	remote  addr
	once    sync.Once
	ended   func() // called once, after closing
}

type addr string

func (addr) Network() string  { return "ssh" }
func (a addr) String() string { return string(a) }

func (c *conn) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *conn) Write(b []byte) (int, error) { return c.out.Write(b) }

// Close closes both files.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		err = errors.Join(c.out.Close(), c.in.Close())
		if c.ended != nil {
			c.ended()
		}
	})
	return err
}

func (c *conn) LocalAddr() net.Addr  { return addr("stdio") }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
func (c *conn) SetReadDeadline(t time.Time) error  { return able(c.in.SetReadDeadline(t)) }
func (c *conn) SetWriteDeadline(t time.Time) error { return able(c.out.SetWriteDeadline(t)) }

// able forgives files that know no deadlines.
func able(err error) error {
	if errors.Is(err, os.ErrNoDeadline) {
		return nil
	}
	return err
}
