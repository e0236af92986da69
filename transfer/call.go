package transfer

import (
	"net/netip"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/notary"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

// callAgain is when a question is repeated, since the one before: it takes as long
// as QUIC's handshake, and packets get lost.
var callAgain = [...]time.Duration{time.Millisecond, 4 * time.Millisecond, 400 * time.Millisecond}

// call is the data socket of a pull that asks the node where it is, while the
// handshake still goes on: with the answer in its hello, the first data come along
// with the node's answer, two round trips earlier than to an address that has yet
// to be told and proved. See package notary. The methods of a nil call do nothing.
type call struct {
	sock  *packetio.Conn
	nonce notary.Nonce
	stop  chan struct{}
	once  sync.Once
	done  chan struct{}

	mu   sync.Mutex
	said []byte // the note
}

// beginCall asks the node at an address; nil: there is no socket for it, and
// dataSocket says why.
func beginCall(to netip.AddrPort) *call {
	sock, err := packetio.Dial(to, packetio.Options{})
	if err != nil {
		return nil
	}
	c := &call{sock: sock, nonce: notary.NewNonce(), stop: make(chan struct{}), done: make(chan struct{})}
	go c.pump(to)
	return c
}

// pump owns the socket until end, or until the answer is there.
func (c *call) pump(to netip.AddrPort) {
	defer close(c.done)
	batch, in := wire.NewBatch(), packetio.NewMessages()
	for i := 0; ; i++ {
		batch.Reset()
		batch.Addr = to
		c.nonce.Question(batch.Next(notary.QuestionSize))
		batch.Commit(notary.QuestionSize)
		if c.sock.SendBatch(batch) != nil {
			return // the session finds out why
		}
		again := time.Now().Add(time.Hour)
		if i < len(callAgain) {
			again = time.Now().Add(callAgain[i])
		}
		for wait := time.Until(again); wait > 0; wait = time.Until(again) {
			if c.sock.Wait(wait) != nil || c.ended() || c.listen(in) {
				return
			}
		}
	}
}

// listen reports whether the answer has come.
func (c *call) listen(in *packetio.Messages) bool {
	for {
		n, err := c.sock.Recv(in)
		if err != nil || n == 0 {
			return false
		}
		for _, b := range in.All() {
			if note, ok := c.nonce.Note(b); ok {
				c.mu.Lock()
				c.said = append(c.said, note...)
				c.mu.Unlock()
				return true
			}
		}
	}
}

func (c *call) ended() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// note is the node's; nil: none has come.
func (c *call) note() []byte {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// end lets go of the socket.
func (c *call) end() *call {
	if c != nil {
		c.once.Do(func() { close(c.stop) })
		c.sock.Wake()
		<-c.done
	}
	return c
}

// drop ends a call that leads nowhere.
func (c *call) drop() {
	if c != nil {
		c.end()
		_ = c.sock.Close()
	}
}
