package transfer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/store"
)

// serveConn greets one client and, if it may, serves its session. greeted is
// called once the client is known.
func (s *Server) serveConn(ctx context.Context, conn *tls.Conn, greeted func()) {
	defer func() { _ = conn.Close() }()
	defer greeted()
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(hctx); err != nil || conn.ConnectionState().NegotiatedProtocol != ALPN {
		return
	}
	l, err := tlsLink(conn, 0)
	if err != nil {
		s.log.Warn("session refused", "peer", conn.RemoteAddr(), "error", err)
		return
	}
	_ = s.serveLink(ctx, hctx, l, greeted) // logged
}

// serveLink serves the session of a link whose greeting may take as long as
// hctx lives. The error says why it was refused or ended early.
func (s *Server) serveLink(ctx, hctx context.Context, l *link, greeted func()) error {
	stop := context.AfterFunc(hctx, func() { _ = l.Close() })
	_ = l.SetReadDeadline(time.Now().Add(handshakeTimeout)) // where a channel knows none, hctx is left
	hello, err := readHello(l)
	if err == nil && hello.Join != nil {
		var late *lateConn
		if late, err = s.openings.join(hello.Join, l.bound); late != nil {
			if stop() && late.attach(l) {
				greeted()
				<-late.open.Done() // its session closes l
				return nil
			}
			err = newError(CodeLost, "the session that this connection belongs to has ended", nil)
		} else if err == nil {
			done := greeted
			served := false
			greeted = func() { served = true; done() }
			defer func() { s.openings.forget(joinID(hello.Join.ID), served) }()
		}
	}
	return s.serveHello(ctx, hctx, stop, l, hello, err, greeted)
}

// serveHello goes on from the hello that came over l, or from the error of
// reading it.
func (s *Server) serveHello(ctx, hctx context.Context, stop func() bool, l *link, hello control.Hello, err error, greeted func()) error {
	ctl := newControlConn(l)
	var x *serverSession
	if err == nil {
		x, err = s.greet(hctx, l, ctl, hello)
	}
	if !stop() && err == nil {
		err = hctx.Err()
	}
	if err != nil {
		s.refuse(ctl, l, err)
		return err
	}
	greeted()
	err = x.serve(ctx, l)
	if l.carrier == TransportTCP { // a server that stays
		x.sweep(ctx)
	}
	return err
}

// refuse tells the client why not.
func (s *Server) refuse(ctl *controlConn, l *link, err error) {
	s.mu.Lock()
	s.totals.Refused++
	s.mu.Unlock()
	if CodeOf(err) == CodeInternal {
		s.log.Warn("session refused", "peer", ctl.conn.RemoteAddr(), "error", err)
	} else {
		s.log.Info("session refused", "peer", ctl.conn.RemoteAddr(), "code", CodeOf(err), "error", err)
	}
	_ = ctl.sendJSON(control.TypeClose, closeFrame(err))
	if l.quick != nil {
		l.tell(control.TypeClose, closeFrame(err))
		l.quick.late.fail(err)
	}
	ctl.close()
}

// greet authorizes a hello and makes the session.
func (s *Server) greet(ctx context.Context, l *link, ctl *controlConn, hello control.Hello) (*serverSession, error) {
	if hello.RTTMicros == 0 && !l.since.IsZero() {
		hello.RTTMicros = time.Since(l.since).Microseconds()
	}
	x := &serverSession{server: s, ctl: ctl, hello: hello}
	request, err := x.request()
	if err != nil {
		return nil, err
	}
	cred := Credential{
		Token: hello.Token, AccessKey: hello.AccessKey, Proof: hello.Proof,
		Binding: l.bound, RemoteAddr: addrOf(l.RemoteAddr()),
	}
	if len(hello.ClientKey) > 0 {
		if !checkBinding(hello.ClientKey, l.bound, hello.KeyProof) {
			return nil, newError(CodeUnauthorized, "the client does not prove its key", nil)
		}
		cred.ClientKey = ed25519.PublicKey(hello.ClientKey)
	}
	if hello.Token == "" && hello.AccessKey == "" {
		return nil, newError(CodeUnauthorized, "no token and no access key was presented", nil)
	}
	if err := s.admits(request); err != nil {
		return nil, err
	}
	if x.grant, err = s.config.Authorizer.Authorize(ctx, cred, request); err != nil {
		return nil, err
	}
	if err := x.check(request); err != nil {
		return nil, err
	}
	if resolve := x.grant.Resolve; resolve != nil {
		for i, p := range request.Paths {
			request.Paths[i] = resolve(p, request.Direction != Pull || strings.HasSuffix(hello.Paths[i], "/"))
		}
		if x.hello.MoveTo != "" {
			x.hello.MoveTo = resolve(x.hello.MoveTo, true)
		}
	}
	return x, s.register(x, l, request)
}

// readHello reads the first frame and not a byte more.
func readHello(from io.Reader) (control.Hello, error) {
	var h control.Hello
	frames := control.NewReader(from)
	t, body, err := frames.Next()
	for err == nil && t == control.TypePing {
		t, body, err = frames.Next()
	}
	if err == nil && t != control.TypeHello {
		err = errUnexpected
	}
	if err == nil {
		err = control.ParseJSON(body, &h)
	}
	if err != nil {
		return h, newError(CodeProtocol, "no hello from the client", err)
	}
	if h.Version != control.Version {
		return h, newError(CodeProtocol, fmt.Sprintf("the client speaks version %d of the protocol, this node %d", h.Version, control.Version), nil)
	}
	return h, nil
}

// request checks the hello's values and says what is wanted.
func (x *serverSession) request() (Request, error) {
	h := &x.hello
	r := Request{Direction: Direction(h.Direction), TransferID: h.TransferID, Resumed: h.Attempt > 1}
	bad := func(what string) error {
		return newError(CodeProtocol, "the client asks for "+what, nil)
	}
	switch {
	case !oneOf(r.Direction, Push, Pull, List):
		return r, bad("an unknown direction")
	case len(h.Paths) == 0 || r.Direction != Pull && len(h.Paths) != 1:
		return r, bad("a wrong number of paths")
	case h.Rate < 0 || h.MinRate < 0 || h.Memory < 0 || h.Parity < 0:
		return r, bad("a negative rate or memory")
	case h.Policy == "" && r.Direction != List || !Policy(h.Policy).Valid():
		return r, bad("an unknown policy")
	case !Overwrite(h.Overwrite).Valid() || !Symlinks(h.Symlinks).Valid():
		return r, bad("an unknown overwrite or symlink policy")
	case !Transport(h.Transport).Valid():
		return r, bad("an unknown transport")
	case h.Flows < 0:
		return r, bad("a negative number of flows")
	case len(h.TransferID) > 128:
		return r, bad("a transfer with an endless name")
	}
	if err := x.requestMore(r.Direction); err != nil {
		return r, err
	}
	for _, p := range h.Paths {
		c, err := store.Clean(p)
		if err != nil {
			return r, newError(CodePath, err.Error(), nil)
		}
		r.Paths = append(r.Paths, c)
	}
	return r, nil
}

// admits refuses what the node cannot serve now, before anybody is asked.
func (s *Server) admits(r Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Direction == List:
		return nil
	case s.draining != "":
		return &Error{Code: CodeDraining, Message: "no new sessions here: " + s.draining}
	case len(s.sessions) >= s.config.MaxSessions:
		return &Error{Code: CodeBusy, Message: fmt.Sprintf("the node serves %d sessions, its limit", len(s.sessions)), RetryAfter: busyRetry}
	}
	return nil
}

// busyRetry is when a client refused for the session limit may come back.
const busyRetry = 3 * time.Second

// check holds the request against the grant.
func (x *serverSession) check(r Request) error {
	g := &x.grant
	if g.OpenRoot == nil {
		return errors.New("grant without a root")
	}
	if len(g.Directions) > 0 && !slices.Contains(g.Directions, r.Direction) {
		return newError(CodeUnauthorized, "the credential is not for "+string(r.Direction), nil)
	}
	for _, p := range r.Paths {
		if !under(p, g.Paths) {
			return newError(CodeUnauthorized, fmt.Sprintf("the credential is not for path %q", p), nil)
		}
	}
	if err := x.checkMore(r.Direction); err != nil {
		return err
	}
	if !g.Expires.IsZero() && !x.server.now().Before(g.Expires) {
		return newError(CodeExpired, "the credential has expired: ask for a new one", nil)
	}
	return nil
}

// under reports whether p is one of the prefixes or below one.
func under(p string, prefixes []string) bool {
	if len(prefixes) == 0 {
		return true
	}
	for _, prefix := range prefixes {
		prefix = path.Clean(strings.TrimPrefix(prefix, "/"))
		if prefix == "." || p == prefix || strings.HasPrefix(p, prefix+"/") {
			return true
		}
	}
	return false
}

// register gives the session its number and place.
func (s *Server) register(x *serverSession, l *link, r Request) error {
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	g, h := &x.grant, &x.hello
	transfer := first(g.TransferID, r.TransferID)
	if transfer == "" {
		transfer = "t-" + hex.EncodeToString(id[:])
	}
	x.status = SessionStatus{
		ID: "s-" + hex.EncodeToString(id[:]), TransferID: transfer, Tenant: g.Tenant, AccessKey: h.AccessKey,
		Direction: r.Direction, Paths: r.Paths, Peer: l.RemoteAddr().String(), Policy: x.policy(), Target: h.Rate, MinRate: h.MinRate,
		Started: s.now(), Movable: true, DryRun: h.DryRun,
	}
	x.wish = h.Rate
	x.status.Target = x.target()
	if r.Direction == List {
		return nil
	}
	cipher, err := s.cipher(h.Ciphers)
	if err != nil {
		return err
	}
	x.status.Cipher = cipher
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return newError(CodeDraining, "the node stops serving", nil)
	case s.draining != "":
		return newError(CodeDraining, "no new sessions here: "+s.draining, nil)
	case len(s.sessions) >= s.config.MaxSessions:
		return &Error{Code: CodeBusy, Message: "the node is at its session limit", RetryAfter: busyRetry}
	case g.MaxSessions > 0 && s.byJob[transfer] >= g.MaxSessions:
		return &Error{Code: CodeBusy, Message: "this transfer has as many sessions here as it may", RetryAfter: time.Second}
	}
	s.sessions[x.status.ID] = x
	x.status.Target = x.target() // from here on changes of the node's rates find it
	x.memory = sessionMemory(s.config.Memory, len(s.sessions))
	s.byJob[transfer]++
	s.totals.SessionsStarted++
	if l.quick != nil {
		s.totals.SessionsQuick++
	}
	return nil
}

// cipher picks the client's first choice that the node allows.
func (s *Server) cipher(wanted []string) (Cipher, error) {
	s.mu.Lock()
	allowed := s.config.Ciphers
	s.mu.Unlock()
	if len(allowed) == 0 {
		allowed = []Cipher{AES128, AES256, ChaCha20}
	}
	if len(wanted) == 0 {
		return allowed[0], nil
	}
	for _, w := range wanted {
		if slices.Contains(allowed, Cipher(w)) {
			return Cipher(w), nil
		}
	}
	return "", newError(CodeInvalid, fmt.Sprintf("the node does not allow cipher %s, only %v", strings.Join(wanted, ", "), allowed), nil)
}

// unregister takes the session off the books.
func (s *Server) unregister(x *serverSession, end SessionStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[end.ID] != x {
		return
	}
	delete(s.sessions, end.ID)
	if s.byJob[end.TransferID]--; s.byJob[end.TransferID] == 0 {
		delete(s.byJob, end.TransferID)
	}
	s.totals.SessionsEnded++
	switch end.Code {
	case "":
	case CodeMoved:
		s.totals.SessionsMoved++
	default:
		s.totals.SessionsFailed++
	}
}
