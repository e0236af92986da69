package transfer

import (
	"context"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/quick"
)

// A client sets out over TCP, and over QUIC as soon as TCP is known to take a
// while. What comes of it:
//
//	 0     TCP's first packet; quickLeast later, if there was no answer, QUIC's
//	 1 RTT TCP connected, QUIC's handshake done: hello over QUIC, TLS over TCP
//	 2 RTT accept over QUIC: data flow. TLS done: the same hello over TCP, to join
//	 3 RTT accept over TCP: the control connection is there
//
// Where TLS is done before QUIC's handshake is, QUIC is forgotten. Where the hello
// over QUIC gets lost, the one over TCP begins the session. No hello goes out before
// TCP has connected, so that an address without TCP is given up for the next one
// with nothing begun there.

// quickLeast is how long TCP may take to connect before QUIC is tried: nearby, a
// round trip is less than the handshake costs.
const quickLeast = 5 * time.Millisecond

// contest is one race to one address of a node.
type contest struct {
	client *Client
	spec   Spec
	hello  control.Hello
	how    manner

	tcp    chan attempt // takes one
	cancel context.CancelFunc
	begun  chan struct{} // closed when the node has accepted over QUIC
	call   *call         // nil: none was made
}

// race opens a session at host by whatever way is first. there says that a node
// answered, so that no other address has a better one.
func (c *Client) race(ctx context.Context, host string, spec Spec, hello control.Hello, how manner) (o *opened, there bool, err error) {
	x := &contest{client: c, spec: spec, hello: hello, how: how, tcp: make(chan attempt, 1), begun: make(chan struct{})}
	far := &approach{tries: make(chan netip.AddrPort, 1), connected: make(chan reached, 1)}
	dialing, cancel := context.WithCancel(ctx)
	x.cancel = cancel
	go func() {
		l, err := dialOne(dialing, host, spec, c.RootCAs, far)
		x.tcp <- attempt{l, err}
	}()
	l, a, err := x.lead(ctx, host, far)
	switch {
	case err != nil:
		x.call.drop()
		cancel()
		go discard(x.tcp, 1)
		return nil, false, err
	case l != nil:
		return x.overQuick(ctx, l)
	}
	defer cancel() // what it was for has ended
	if a.err != nil {
		x.call.drop()
		return nil, false, a.err
	}
	o, err = c.greet(ctx, a.link, spec, hello, how, x.call)
	return o, true, err
}

// lead waits for the first way that gets there: a link over QUIC to where TCP has
// connected too, or the end of what TCP tries. The error is one that ends it all.
func (x *contest) lead(ctx context.Context, host string, far *approach) (*link, attempt, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var at netip.AddrPort
	var tcp reached
	var timer <-chan time.Time
	var over *link
	tried := make(chan attempt, 1)
	var trying chan attempt // tried, once it is
	late := false           // TCP seems to be
	tries := far.tries
	drop := func() {
		if over != nil {
			over.quick.drop()
			over = nil
		}
		if cancel(); trying != nil {
			go func() {
				if a := <-tried; a.link != nil {
					a.link.quick.drop()
				}
			}()
			trying = nil
		}
	}
	for {
		select {
		case at = <-tries:
			tries = nil // further attempts of TCP's are no reason for another of QUIC's
			at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
			timer = time.After(first(x.client.quickFrom, quickLeast) * 4 / 5)
		case <-timer:
			if !late && x.client.quickFrom >= 0 {
				// A busy machine may have kept us from hearing of it.
				timer, late = time.After(quickLeast/5), true
				continue
			}
			trying = tried
			if x.how.calls {
				x.call = beginCall(at) //nolint:contextcheck // opening a UDP socket does not wait
			}
			go func() {
				l, err := x.client.reachQuick(ctx, host, at, x.spec)
				tried <- attempt{l, err}
			}()
		case tcp = <-far.connected:
			if trying == nil && x.client.quickFrom >= 0 {
				timer = nil // near
			}
		case a := <-x.tcp:
			drop()
			return nil, a, nil
		case q := <-trying:
			trying = nil
			if CodeOf(q.err) == CodeCertificate {
				return nil, attempt{}, q.err
			}
			over = q.link // nil: TCP goes on by itself
		}
		switch {
		case !tcp.at.IsValid():
		case tcp.at != at:
			drop() // the name has several addresses, and QUIC went to another
			x.call.drop()
			x.call = nil
		case over != nil:
			over.rtt = tcp.rtt
			return over, attempt{}, nil
		}
	}
}

// reachQuick makes a link over QUIC to a node at a known address.
func (c *Client) reachQuick(ctx context.Context, host string, at netip.AddrPort, spec Spec) (*link, error) {
	config, err := clientTLS(QuickALPN, host, spec, c.RootCAs)
	if err != nil {
		return nil, err
	}
	conn, err := quick.Dial(ctx, at, config)
	if err != nil {
		return nil, handshakeError(at.String(), err)
	}
	l, err := quickLink(conn, dialTimeout+handshakeTimeout)
	if err != nil {
		conn.Close()
	}
	return l, err
}

// drop ends what is not needed.
func (q *quickWay) drop() {
	_ = q.late.Close()
	go q.conn.Close() // waits for its goroutines
}

// answer is a node's, or why there is none.
type answer struct {
	accept control.Accept
	err    error
	there  bool  // the error is not one of reaching the node
	link   *link // to go on with, unless the session is QUIC's
}

// overQuick says hello over QUIC, has TCP follow, and takes the first answer.
func (x *contest) overQuick(ctx context.Context, l *link) (o *opened, there bool, err error) {
	o = &opened{link: l, call: x.call}
	hello := x.hello
	hello.Note = x.call.note()
	x.client.sign(&hello, l, x.spec)
	o.prepare(&hello, x.how.greets, first(x.client.greetFrom, greetingLeast), x.client.Paths) //nolint:contextcheck // opening a UDP socket does not wait
	x.hello.DataPort = hello.DataPort
	overQuick, overTCP, instead := make(chan answer, 1), make(chan answer, 1), make(chan answer)
	go func() {
		a := answer{err: sendHello(l.quick.conn, hello)}
		if a.err == nil {
			a.accept, a.err = readAccept(l.quick.conn)
		}
		a.there = refused(a.err)
		overQuick <- a
	}()
	go x.follow(l, overTCP, instead)
	for {
		var a answer
		select {
		case a = <-overQuick:
			switch {
			case a.err == nil && a.accept.Quick:
				close(x.begun)
			case !a.there:
				overQuick = nil // the answer was lost
				continue
			}
		case a = <-overTCP:
		case a = <-instead:
			_ = l.Close()
			o.link = a.link
		case <-ctx.Done():
			a.err = ctx.Err()
		}
		if a.err != nil {
			o.drop()
			_ = l.Close() // which ends follow
			return nil, a.there, a.err
		}
		o.accept = a.accept
		o.ctl = newControlConn(o.link)
		o.settle()
		return o, true, nil
	}
}

// follow brings the TCP connection to the session and says what the node says
// there. Where the session has begun and it cannot be brought, that is its end;
// where the node begins one with it instead, it is offered for that.
func (x *contest) follow(l *link, answers, instead chan<- answer) {
	late := l.quick.late
	defer l.quick.conn.Close()
	defer x.cancel()
	stop := context.AfterFunc(late.open, x.cancel)
	got := <-x.tcp
	stop()
	if got.err != nil {
		late.fail(got.err)
		answers <- answer{err: got.err}
		return
	}
	tcp := got.link
	stop = context.AfterFunc(late.open, func() { _ = tcp.Close() })
	accept, err := x.join(l, tcp)
	if !stop() && err == nil {
		err = errNoControl
	}
	switch {
	case err == nil && accept.Quick:
		if late.attach(tcp) {
			answers <- answer{accept: accept}
			return
		}
		err = errNoControl
	case err == nil:
		_ = tcp.SetDeadline(time.Time{})
		select {
		case instead <- answer{accept: accept, link: tcp}:
			return
		case <-x.begun:
			err = newError(CodeProtocol, "the node begins a session twice", nil)
		case <-late.open.Done():
			err = errNoControl
		}
	}
	_ = tcp.Close()
	late.fail(err)
	answers <- answer{err: err, there: true}
}

// join says the hello again, over TCP.
func (x *contest) join(l, tcp *link) (control.Accept, error) {
	if tcp.data != l.data {
		return control.Accept{}, newError(CodeLost, "TCP leads to "+tcp.data.String()+", UDP to "+l.data.String(), nil)
	}
	hello, begun := x.hello, false
	select {
	case <-x.begun:
		begun = true
	default:
	}
	x.client.sign(&hello, tcp, x.spec)
	hello.Note = x.call.note()
	hello.Join = &control.Join{ID: l.quick.id[:], Proof: l.quick.proof(tcp.bound), Begun: begun}
	if err := sendHello(tcp, hello); err != nil {
		return control.Accept{}, err
	}
	return readAccept(tcp)
}
