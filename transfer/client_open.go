package transfer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/pathbook"
)

// opened is a link whose hello was accepted.
type opened struct {
	link   *link
	ctl    *controlConn
	accept control.Accept
	took   time.Duration  // by the node, to answer the hello
	sock   *packetio.Conn // for the data path; nil: none was made
	early  *greeting      // nil: none was made, or the node does not take it
	call   *call          // of which sock is; nil: none was made
	known  acquaintance   // with the path of sock
}

// manner is how a session may be opened.
type manner struct {
	greets bool // the path is tried while the node looks at the hello
	calls  bool // the node is asked beforehand where data are to go
	quick  bool // over QUIC as well
}

// open reaches a node, says hello and waits for the answer.
func (c *Client) open(ctx context.Context, spec Spec, hello control.Hello, how manner) (o *opened, err error) {
	if how.quick && c.Dial == nil {
		for _, host := range spec.hosts() {
			var there bool
			if o, there, err = c.race(ctx, host, spec, hello, how); err == nil || there || final(ctx, err) {
				break
			}
		}
	} else {
		var l *link
		if l, err = c.connect(ctx, spec); err == nil {
			o, err = c.greet(ctx, l, spec, hello, how, nil)
		}
	}
	if err != nil && ctx.Err() != nil {
		err = newError(CodeCancelled, "the transfer was cancelled", context.Cause(ctx))
	}
	return o, err
}

// connect opens a link to where the spec says.
func (c *Client) connect(ctx context.Context, spec Spec) (*link, error) {
	if c.Dial == nil {
		return dial(ctx, spec, c.RootCAs)
	}
	ch, err := c.Dial(ctx, spec)
	if err != nil {
		return nil, err
	}
	l, err := ch.link()
	if err != nil {
		_ = ch.Conn.Close()
	}
	return l, err
}

// greet says hello over l, which it closes when that leads to nothing, as it does
// with the call, which may be nil.
func (c *Client) greet(ctx context.Context, l *link, spec Spec, hello control.Hello, how manner, at *call) (*opened, error) {
	o := &opened{link: l, call: at}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	began := time.Now()
	c.sign(&hello, l, spec)
	o.prepare(&hello, how.greets, first(c.greetFrom, greetingLeast), c.Paths) //nolint:contextcheck // opening a UDP socket does not wait
	hello.Note = at.note()
	err := sendHello(l, hello)
	if err == nil {
		o.accept, err = readAccept(l)
	}
	if err != nil {
		o.drop()
		_ = l.Close()
		return nil, err
	}
	o.took = time.Since(began)
	l.rtt = first(l.rtt, o.took)
	_ = l.SetDeadline(time.Time{})
	o.ctl = newControlConn(l)
	o.settle()
	return o, nil
}

// settle keeps the greeting only if the node goes on with it.
func (o *opened) settle() {
	o.call.end()
	if o.early.end(); !o.accept.Early {
		o.early = nil
	}
}

// prepare opens the data socket, tells the node in the hello where its datagrams
// will come from, and begins a greeting where that pays.
func (o *opened) prepare(h *control.Hello, greets bool, least time.Duration, paths *pathbook.Book) {
	if o.call != nil {
		o.sock = o.call.sock
	}
	if !o.link.data.IsValid() || Direction(h.Direction) == List || Transport(h.Transport) == TransportTCP {
		return
	}
	if o.sock == nil {
		sock, err := packetio.Dial(o.link.data, packetio.Options{})
		if err != nil {
			return // dataSocket says why
		}
		o.sock = sock
	}
	h.DataPort = o.sock.LocalAddr().Port()
	o.known = acquaint(paths, o.sock.LocalAddr().Addr(), o.link.data.Addr())
	if greets {
		o.early = beginGreeting(o.link, o.sock, h, least, &o.known)
	}
}

// drop closes the data socket of what leads nowhere.
func (o *opened) drop() {
	o.early.end()
	o.call.drop()
	if o.call == nil && o.sock != nil {
		_ = o.sock.Close()
	}
}

// sign fills in who asks, and proves it on l.
func (c *Client) sign(h *control.Hello, l *link, spec Spec) {
	h.Version, h.Program, h.Stream = control.Version, "godwit", true
	h.Token, h.TransferID, h.RTTMicros = spec.Token, spec.TransferID, l.rtt.Microseconds()
	if spec.AccessKey != "" {
		h.AccessKey = spec.AccessKey
		h.Proof = AccessKeyProof(AccessKeyVerifier(spec.Secret), l.bound)
	}
	if c.Key != nil {
		h.ClientKey = c.Key.Public().(ed25519.PublicKey)
		h.KeyProof = signBinding(c.Key, l.bound)
	}
}

// talk is what hellos and answers go over.
type talk interface {
	io.ReadWriter
	SetDeadline(t time.Time) error
}

func sendHello(to talk, h control.Hello) error {
	frame, err := control.AppendJSON(nil, control.TypeHello, h)
	if err != nil {
		return newError(CodeInvalid, "too many paths for one transfer: name a directory instead", err)
	}
	_ = to.SetDeadline(time.Now().Add(handshakeTimeout))
	if _, err := to.Write(frame); err != nil {
		return newError(CodeLost, "the node hung up before it was asked", err)
	}
	return nil
}

// readAccept reads the answer to a hello and not a byte more. A refusal is an
// error that says so, see refusal.
func readAccept(from talk) (a control.Accept, err error) {
	frames := control.NewReader(from)
	for {
		_ = from.SetDeadline(time.Now().Add(handshakeTimeout)) // where a channel knows none, the context is left
		t, body, err := frames.Next()
		if err != nil {
			return a, newError(CodeLost, "the node hung up before it answered", err)
		}
		switch t {
		case control.TypePing:
		case control.TypeAccept:
			if err := control.ParseJSON(body, &a); err != nil || a.Version != control.Version {
				return a, newError(CodeProtocol, "the node speaks another version of the protocol", err)
			}
			return a, nil
		case control.TypeClose:
			var cl control.Close
			if err := control.ParseJSON(body, &cl); err != nil {
				return a, newError(CodeProtocol, "the node broke the protocol", err)
			}
			return a, &refusal{peerError(cl)}
		default:
			return a, newError(CodeProtocol, "the node broke the protocol", errUnexpected)
		}
	}
}

// refusal is a node's answer, unlike an error of the way to it.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

func refused(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}
